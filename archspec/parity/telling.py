"""A report for people: tables as text and Markdown, and sentences on the layers that are to blame."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from archspec.analysis.tables import Table, plain, to_text
from archspec.parity.blame import Blame
from archspec.parity.measure import rank
from archspec.parity.report import Report, Row

_SHOWN: Final = 3
"""Of the consequences of a difference, and of layers that are alike."""
_MOST: Final = 6
"""Of the rows past their tolerances."""


def to_lines(report: Report, render: Callable[[Table], str] = to_text) -> Iterator[str]:
    """The whole report but for what is to blame, which `Report.require` says."""
    yield f"{plain(report.title or report.network)}: a batch of {report.batch}, input {' and '.join(report.sizes)}"
    for table in tables(report):
        yield ""
        yield render(table).rstrip("\n")
    for lines in (skipped_lines(report), version_lines(report)):
        if found := list(lines):
            yield ""
            yield from map(plain, found)
    if report.agrees:
        yield ""
        yield f"all agree: {', '.join(report.versions)}"


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
        worst = max(found.values(), key=lambda row: rank(row.difference))
        numbers = [_number(found[pair]) if pair in found else "-" for pair in pairs]
        missing = max(row.missing for row in found.values())
        what = f"{key[-1]} (all but {missing})" if missing else key[-1]
        lines.append((*key[:-1], what, *numbers, f"{worst.tolerance:.0e}", _place(worst, of=len(pairs))))
    columns = [second if len(measures) == 1 else _pair((first, second)) for first, second in pairs]
    heads = ("check", "dtype", "input", "what", *columns, "allowed", "worst at")
    title = "Differences, as shares of the largest value"
    if len(measures) == 1:
        title = f"Differences from {measures.pop()}, as shares of its largest value"
    return Table(heads, tuple(lines), "llll" + "r" * (len(pairs) + 1) + "l", title)


def _measured(rows: list[Row]) -> Table:
    lines = tuple(
        (row.check, row.dtype, row.size, row.what, _pair(row.pair), f"{row.difference:.1e}", _place(row))
        for row in rows
    )
    heads = ("check", "dtype", "input", "what", "pair", "difference", "worst at")
    return Table(heads, lines, "lllllrl", "Measured, not judged (docs/parity.md says why)")


def _pair(pair: tuple[str, str]) -> str:
    return " / ".join(pair)


def _number(row: Row) -> str:
    return f"{row.difference:.1e}" + ("" if row.agrees else " DIFFERS")


def _place(row: Row, of: int = 1) -> str:
    """The worst tensor, where any differs and there is more than one of the kind; and whose it is, of several pairs."""
    if row.difference == 0:
        return ""
    whose = f" ({row.pair[1]})" if of > 1 else ""
    return "" if row.what in ("loss", "losses") else f"{row.worst}{whose}"


def blamed_lines(report: Report) -> Iterator[str]:
    """All layers that are to blame; what several dtypes, sizes and checks find alike is said once."""
    alike: dict[tuple[tuple[str, str], str], dict[str, list[Blame]]] = {}
    for found in report.blamed:
        alike.setdefault((found.pair, found.kind), {}).setdefault(found.path, []).append(found)
    for layers in alike.values():
        for first, *others in list(layers.values())[:_SHOWN]:
            yield from blame_lines(first)
            where = dict.fromkeys(f"{found.check} in {found.dtype}, {found.size}" for found in others)
            if where:
                yield f"  likewise: {'; '.join(where)}"
        if len(layers) > _SHOWN:
            yield f"and so {len(layers) - _SHOWN} more: {_some([*layers][_SHOWN:])}"


def row_lines(report: Report) -> Iterator[str]:
    """What is past its tolerance."""
    wrong = [row for row in report.rows if not row.agrees]
    for row in wrong[:_MOST]:
        yield (
            f"{row.what} in {row.check}, {row.dtype}, {row.size}, {row.pair[0]} against {row.pair[1]}: "
            f"{row.worst} differs by {row.difference:.2e}, {row.tolerance:.0e} is allowed"
        )
    if len(wrong) > _MOST:
        yield f"and {len(wrong) - _MOST} more comparisons are past their tolerances"


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


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
        yield f"  differing since it does: {_some(found.consequences)}"


def _apart(found: Blame) -> str:
    if math.isinf(found.difference):
        return "shapes differ, or one of the two gives nothing"
    if math.isnan(found.difference):
        return "not all values are finite"
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
