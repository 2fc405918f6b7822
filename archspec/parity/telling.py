"""A report for people: tables as text and Markdown, and sentences on the layers that are to blame."""

from __future__ import annotations

import math
from collections.abc import Iterator

from archspec.analysis.tables import Table
from archspec.parity.blame import Blame
from archspec.parity.report import Report, Row

_SHOWN = 3
"""Of the consequences of a difference."""


def tables(report: Report) -> list[Table]:
    """What was judged, and what was only measured."""
    judged = [row for row in report.rows if row.tolerance is not None]
    measured = [row for row in report.rows if row.tolerance is None]
    found = [_judged(judged)] if judged else []
    return [*found, _measured(measured)] if measured else found


def _judged(rows: list[Row]) -> Table:
    """A row for each thing compared, a column for each pair; `worst` is where the largest of its numbers is."""
    pairs = list(dict.fromkeys(row.pair for row in rows))
    measures = {first for first, _ in pairs}
    groups: dict[tuple[str, str, str, str], dict[tuple[str, str], Row]] = {}
    for row in rows:
        groups.setdefault((row.check, row.dtype, row.size, row.what), {})[row.pair] = row
    lines = []
    for key, found in groups.items():
        worst = max(found.values(), key=lambda row: math.inf if math.isnan(row.difference) else row.difference)
        numbers = [_number(found[pair]) if pair in found else "-" for pair in pairs]
        lines.append((*key, *numbers, f"{worst.tolerance:.0e}", _place(worst)))
    columns = [second if len(measures) == 1 else _pair((first, second)) for first, second in pairs]
    heads = ("check", "dtype", "input", "what", *columns, "allowed", "worst at")
    title = "Differences, as shares of the largest value"
    if len(measures) == 1:
        title = f"Differences from {measures.pop()}, as shares of its largest value"
    return Table(heads, tuple(lines), "llll" + "r" * (len(pairs) + 1) + "l", title)


def _measured(rows: list[Row]) -> Table:
    lines = tuple((_pair(row.pair), row.dtype, row.what, f"{row.difference:.1e}", _place(row)) for row in rows)
    return Table(("training run, not judged", "dtype", "what", "difference", "worst at"), lines, "lllrl")


def _pair(pair: tuple[str, str]) -> str:
    return " / ".join(pair)


def _number(row: Row) -> str:
    return f"{row.difference:.1e}" + ("" if row.agrees else " DIFFERS")


def _place(row: Row) -> str:
    """The worst tensor, where there is more than one of the kind."""
    return "" if row.what in ("loss", "losses") else row.worst


def blamed_lines(report: Report) -> Iterator[str]:
    """All layers that are to blame; what several dtypes, sizes and checks find alike is said once."""
    alike: dict[tuple[object, ...], list[Blame]] = {}
    for found in report.blamed:
        alike.setdefault((found.pair, found.path, found.kind), []).append(found)
    for group in alike.values():
        first, *others = group
        yield from blame_lines(first)
        if others:
            where = dict.fromkeys(f"{found.check} in {found.dtype}, {found.size}" for found in others)
            yield f"  likewise: {'; '.join(where)}"


def blame_lines(found: Blame) -> Iterator[str]:
    """What is known of a layer that is to blame."""
    first, second = found.pair
    where = f"{found.check}, {found.dtype}, input {found.size}"
    match found.kind:
        case "differs":
            yield f"{found.path} ({found.op}) is the first layer to differ: {_apart(found)} ({where})"
        case "not computed":
            yield f"{found.path} ({found.op}) is not computed by one of {first} and {second}, and what follows differs"
            yield f"  {where}"
        case "outputs":
            yield f"what the network gives is not what {found.path} ({found.op}) computes: {_apart(found)} ({where})"
        case "statistics":
            yield f"{found.path} ({found.op}) keeps other running statistics: {_apart(found)} ({where})"
        case "weight gradients":
            yield f"{found.path} ({found.op}) has other gradients of its weights: {_apart(found)} ({where})"
        case "first step":
            yield f"{found.path} ({found.op}) takes another step in training: {_apart(found)} ({where})"
        case "layer gradients":
            takers = ", ".join(found.suspects)
            yield f"the gradient that reaches {found.path} ({found.op}) differs: {_apart(found)} ({where})"
            if takers:
                yield f"  that of what takes it agrees, so it is passed on wrongly by {takers}"
    if found.place:
        yield f"  in the spec: {found.place}"
    if found.expressions:
        yield f"  its attributes: {', '.join(f'{name} = {text}' for name, text in found.expressions.items())}"
    if found.values is not None:
        index = ", ".join(map(str, found.values.index))
        yield f"  at [{index}]: {first} gives {found.values.first:.9g}, {second} gives {found.values.second:.9g}"
    if found.kind == "differs":
        yield f"  what it is given differs by {found.inputs:.1e}"
    if found.consequences:
        shown = ", ".join(found.consequences[:_SHOWN])
        more = len(found.consequences) - _SHOWN
        rest = f" and {more} more" if more > 0 else ""
        yield f"  differing since it does: {shown}{rest}"


def _apart(found: Blame) -> str:
    if math.isinf(found.difference):
        return "shapes differ, or one of the two gives nothing"
    if math.isnan(found.difference):
        return "one of the two gives values that are not finite"
    return f"by {found.difference:.1e} of its largest value"


def skipped_lines(report: Report) -> Iterator[str]:
    """What was not compared, and why."""
    found: dict[tuple[str, str], list[str]] = {}
    for skipped in report.skipped:
        found.setdefault((skipped.participant, skipped.reason), []).append(f"{skipped.check} in {skipped.dtype}")
    for (participant, reason), checks in found.items():
        yield f"not compared: {participant}, {', '.join(checks)}: {reason}"
    if report.unsized:
        yield f"compared at its own size alone: {report.unsized}"


def version_lines(report: Report) -> Iterator[str]:
    """What ran."""
    for label, versions in report.versions.items():
        yield f"{label}: {', '.join(f'{name} {version}' for name, version in versions.items())}"
