"""A report for people: tables as text and Markdown, and sentences on the layers that are to blame."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from archspec.analysis.tables import Table, to_text
from archspec.parity.causes import Cause
from archspec.parity.fault_localization import FaultyLayer
from archspec.parity.measure import rank
from archspec.parity.results import ComparisonResults, PairResult
from archspec.reporting import plain

_SHOWN: Final = 3
"""Of the consequences of a difference, and of layers that are alike."""
_MOST: Final = 6
"""Of the rows past their tolerances."""


def to_lines(report: ComparisonResults, render: Callable[[Table], str] = to_text) -> Iterator[str]:
    """The whole report but for what is to blame, which `Report.require` says; the verdict is the first and the last.

    Where nothing was compared there is no table between both, and it stands once.
    """
    if report.rows:
        yield plain(verdict(report))
    yield f"a batch of {report.batch}, input {' and '.join(report.sizes)}"
    for table in tables(report):
        yield ""
        yield render(table).rstrip("\n")
    for lines in (drowned_lines(report), skipped_lines(report), version_lines(report)):
        if found := list(lines):
            yield ""
            yield from map(plain, found)
    yield ""
    yield plain(verdict(report))


def verdict(report: ComparisonResults) -> str:
    """Whether all agree, in one line."""
    name = report.title or report.network
    who = ", ".join(report.versions)
    judged = [row for row in report.rows if row.tolerance is not None]
    wrong = [row for row in judged if not row.agrees]
    if wrong:
        causes = dict.fromkeys(f"{cause.kind} in step {cause.step}" for cause in report.causes)
        layers = dict.fromkeys(blame.path for blame in report.blamed)
        found = [*causes] or [*layers]
        named = f": {_some(found)}" if found else ""
        return f"DIFFER: {who} on {name}, in {len(wrong)} of {len(judged)} comparisons{named}"
    if report.uncompared or not judged:
        return f"NOT JUDGED: {name}, nothing that {', '.join(report.uncompared) or who} computes"
    cuts = [f"; {text}" for text in dict.fromkeys(_cut(rows) for rows in _drowned(report).values())]
    return f"all agree: {who} on {name}, in {len(judged)} comparisons{''.join(cuts)}"


def _drowned(report: ComparisonResults) -> dict[tuple[tuple[str, str], str, str], list[PairResult]]:
    """What is not judged since no fault would show, or none did, and what is in its place: by pair, check and dtype."""
    found: dict[tuple[tuple[str, str], str, str], list[PairResult]] = {}
    for row in report.rows:
        if row.drowned or row.jumped or row.followed:
            found.setdefault((row.pair, row.check, row.dtype), []).append(row)
    return found


def _cut(rows: Sequence[PairResult]) -> str:
    """How far the comparison goes that these rows of it are left out of."""
    first = rows[0]
    if first.check != "run":
        return f"{first.check} in {first.dtype} is not judged in full"
    step = min(row.step for row in rows if not row.followed)
    cut = f"the run in {first.dtype} is judged up to step {step - 1}"
    last = _last_followed(rows)
    if last < step:
        return cut
    return f"{cut}, and {_steps(step, last)} from the same weights"


def _steps(first: int, last: int) -> str:
    return f"step {first}" if first == last else f"steps {first} to {last}"


def _last_followed(rows: Sequence[PairResult]) -> int:
    """Up to which step a run agrees from the same weights; 0 where it does in none."""
    steps = {row.step for row in rows if row.followed}
    others = {row.step for row in rows if row.followed and (row.tolerance is None or not row.agrees)}
    return max((step for step in steps if all(step < other for other in others)), default=0)


def drowned_lines(report: ComparisonResults) -> Iterator[str]:
    """What is not judged since each participant is too far from itself, and how far that is."""
    for (pair, _, _), rows in _drowned(report).items():
        own = [row.itself or 0.0 for row in rows if not row.followed]
        itself = max(filter(math.isfinite, own), default=0.0)
        why = f"from neighboring numbers one of them differs from itself by {itself:.0e}, and a fault would not show"
        if any(row.jumped for row in rows):
            worst = max((row for row in rows if row.jumped), key=lambda row: rank(row.difference))
            why = (
                f"they come to differ by {worst.difference:.0e}, and from neighboring numbers by {itself:.0e}; "
                "but from the same weights they agree, so that a gradient jumps between them, as a ReLU's does at zero"
            )
        elif itself == 0.0:
            why = "the loss is no longer finite in either of them"
        yield f"{' and '.join(dict.fromkeys(pair))}: {_cut(rows)}: {why}"


def tables(report: ComparisonResults) -> list[Table]:
    """What was judged, the training runs, and what was only measured."""
    runs = [row for row in report.rows if row.step and (row.tolerance is not None or row.drowned or row.jumped)]
    rest = [row for row in report.rows if row not in runs]
    judged = [row for row in rest if row.tolerance is not None or row.drowned]
    measured = [row for row in rest if row not in judged]
    found = [_judged(judged, "Differences")] if judged else []
    if runs:
        found.append(_judged(runs, "Training: differences"))
    return [*found, _measured(measured)] if measured else found


def _judged(rows: list[PairResult], title: str) -> Table:
    """A row for each thing compared, a column for each pair; `worst` is where the largest of its numbers is.

    Beside them stand, where that was measured, how far an engine is from itself, and what is allowed for it.
    """
    pairs = list(dict.fromkeys(row.pair for row in rows))
    measures = {first for first, _ in pairs}
    groups: dict[tuple[str, str, str, str], dict[tuple[str, str], PairResult]] = {}
    for row in rows:
        groups.setdefault((row.check, row.dtype, row.size, row.what), {})[row.pair] = row
    selves = any(row.itself is not None for row in rows)
    lines = []
    for key, found in groups.items():
        worst = max(found.values(), key=lambda row: rank(row.difference))
        numbers = [_number(found[pair]) if pair in found else "-" for pair in pairs]
        missing = max(row.missing for row in found.values())
        what = f"{key[-1]} (all but {missing})" if missing else key[-1]
        itself = max((row.itself for row in found.values() if row.itself is not None), default=None)
        own = ("-" if itself is None else f"{itself:.1e}",) if selves else ()
        allowed = "not judged" if worst.tolerance is None else f"{worst.tolerance:.0e}"
        lines.append((*key[:-1], what, *numbers, *own, allowed, _place(worst, of=len(pairs))))
    columns = [second if len(measures) == 1 else _pair((first, second)) for first, second in pairs]
    heads = ("check", "dtype", "input", "what", *columns, *(("from itself",) if selves else ()), "allowed", "worst at")
    title += f" from {measures.pop()}" if len(measures) == 1 else ""
    share = "of how far weights have moved" if rows[0].step else "of the largest value"
    return Table(heads, tuple(lines), "llll" + "r" * (len(heads) - 5) + "l", f"{title}, as shares {share}")


def _measured(rows: list[PairResult]) -> Table:
    selves = any(row.itself is not None for row in rows)
    lines = []
    for row in rows:
        own = ("-" if row.itself is None else f"{row.itself:.1e}",) if selves else ()
        place = _place(row)
        lines.append((row.check, row.dtype, row.size, row.what, _pair(row.pair), f"{row.difference:.1e}", *own, place))
    heads = ("check", "dtype", "input", "what", "pair", "difference", *(("from itself",) if selves else ()), "worst at")
    aligned = "lllll" + "r" * (len(heads) - 6) + "l"
    return Table(heads, tuple(lines), aligned, "Measured, not judged (docs/parity.md says why)")


def _pair(pair: tuple[str, str]) -> str:
    return " / ".join(pair)


def _number(row: PairResult) -> str:
    return f"{row.difference:.1e}" + ("" if row.agrees else " DIFFERS")


def _place(row: PairResult, of: int = 1) -> str:
    """The worst tensor, where any differs and there is more than one of the kind; and whose it is, of several pairs."""
    if row.difference == 0:
        return ""
    whose = f" ({row.pair[1]})" if of > 1 else ""
    return "" if row.what.startswith("loss") else f"{row.worst}{whose}"


def blamed_lines(report: ComparisonResults) -> Iterator[str]:
    """All layers that are to blame; what several dtypes, sizes and checks find alike is said once."""
    alike: dict[tuple[tuple[str, str], str], dict[str, list[FaultyLayer]]] = {}
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


def cause_lines(report: ComparisonResults) -> Iterator[str]:
    """What training runs differ in."""
    for cause in report.causes:
        first, second = cause.pair
        yield f"{_said(cause, first, second)} ({cause.dtype}, input {cause.size}){_of_layers(cause.layers)}"


def _said(cause: Cause, first: str, second: str) -> str:
    step, amount = cause.step, cause.amount
    less = "less" if amount < 0 else "more"
    match cause.kind:
        case "learning rate":
            why = ", as by Nesterov's momentum" if cause.nesterov else ""
            return f"learning rate: in step {step} {second} moves {amount:.4g} times as far as {first}{why}"
        case "weight decay":
            return f"weight decay: in step {step} that of {second} is {abs(amount):.3g} {less} than that of {first}"
        case "momentum":
            return f"momentum: in step {step} that of {second} is {abs(amount):.3g} {less} than that of {first}"
        case "batch":
            return f"batch: in step {step} the losses differ by {amount:.1e}, by the same weights: it is another batch"
        case "running statistics":
            return f"running statistics: after step {step} those of {second} differ from those of {first}"
        case "step":
            return f"another optimizer: the weights agree before step {step}, and differ after it by {amount:.1e}"


def _of_layers(layers: Sequence[str]) -> str:
    return f": {_some(layers)}" if layers else ""


def row_lines(report: ComparisonResults) -> Iterator[str]:
    """What is past its tolerance."""
    wrong = [row for row in report.rows if not row.agrees]
    for row in wrong[:_MOST]:
        yield (
            f"{row.what} in {row.check}, {row.dtype}, {row.size}, {row.pair[0]} against {row.pair[1]}: "
            f"{row.worst} differs by {row.difference:.2e}, {row.tolerance:.0e} is allowed{_from_itself(row)}"
        )
    if len(wrong) > _MOST:
        yield f"and {len(wrong) - _MOST} more comparisons are past their tolerances"


def _from_itself(row: PairResult) -> str:
    return "" if row.itself is None else f", one of them differs from itself by {row.itself:.0e}"


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def blame_lines(found: FaultyLayer) -> Iterator[str]:
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


def _apart(found: FaultyLayer) -> str:
    if math.isinf(found.difference):
        return "shapes differ, or one of the two gives nothing"
    if math.isnan(found.difference):
        return "not all values are finite"
    return f"by {found.difference:.1e} of its largest value"


def skipped_lines(report: ComparisonResults) -> Iterator[str]:
    """What was not compared, and why."""
    found: dict[tuple[str, str], list[str]] = {}
    for skipped in report.skipped:
        found.setdefault((skipped.participant, skipped.reason), []).append(f"{skipped.check} in {skipped.dtype}")
    for (participant, reason), checks in found.items():
        yield f"not compared: {participant}, {', '.join(checks)}: {reason}"
    if report.unsized:
        yield f"compared at its own size alone: {report.unsized}"


def version_lines(report: ComparisonResults) -> Iterator[str]:
    """What ran."""
    for label, versions in report.versions.items():
        yield f"{label}: {', '.join(f'{name} {version}' for name, version in versions.items())}"
