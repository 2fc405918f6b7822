"""A difference as text, folded by block: what is alike in many units is listed once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from archspec.analysis.counting import Counts
from archspec.analysis.graph_diff import Changed, Difference, LayerChange
from archspec.analysis.number_format import change, counted
from archspec.analysis.tables import Table
from archspec.analysis.tables import to_markdown as table_to_markdown
from archspec.analysis.tables import to_text as table_to_text
from archspec.ir.tensor_type import shape_text
from archspec.reporting import plain, printable


def to_lines(found: Difference, a: str, b: str) -> Iterator[str]:
    """What the command `archspec diff` prints of two networks, by their labels."""
    yield from _changes_text(found, a, b)
    if not found.equal:
        yield ""
        yield from table_to_text(_totals(found, a, b)).splitlines()


def to_text(found: Difference) -> str:
    """What `print` shows of a difference."""
    return "\n".join(to_lines(found, *found.names))


def to_markdown(found: Difference) -> str:
    """The same for Markdown: the changes as preformatted text, the totals as a pipe table."""
    a, b = found.names
    # Indented, each line is code whatever stands in it; a fence could be closed by a spec's text.
    parts = "\n".join(f"    {printable(line)}".rstrip() for line in _changes_text(found, a, b))
    return f"{parts}\n" if found.equal else f"{parts}\n\n{table_to_markdown(_totals(found, a, b))}"


def _changes_text(found: Difference, a: str, b: str) -> Iterator[str]:
    if found.equal:
        yield f"{plain(a)} and {plain(b)} are equal"
        return
    yield f"{plain(a)} -> {plain(b)}"
    for name, changes in (("param", found.params), ("input", found.inputs), ("output", found.outputs)):
        if changes:
            yield ""
            yield from (_change(f"{name} {changed.name}", changed) for changed in changes)
    if found.everywhere:
        yield ""
        for op, times, changed in found.everywhere:
            yield f"every {op} ({times}): {_attribute(changed)}"
    if found.layers or found.wiring:
        yield ""
        yield from _units((*found.layers, *found.wiring))


def to_brief(found: Difference, most: int) -> list[str]:
    """The changes in a line each: `most` of them, and how many more there are. Shapes alone are left out."""
    lines = [
        _change(f"{name} {changed.name}", changed)
        for name, changes in (("param", found.params), ("input", found.inputs))
        for changed in changes
    ]
    lines += [f"every {op} ({times}): {_attribute(changed)}" for op, times, changed in found.everywhere]
    lines += [line for layer in (*found.layers, *found.wiring) if (line := _brief(layer))]
    lines += [_change(f"output {changed.name}", changed) for changed in found.outputs]
    return lines if len(lines) <= most + 1 else [*lines[:most], f"and {len(lines) - most} more"]


def _brief(layer: LayerChange) -> str:
    if layer.kind != "changed":
        size = f", {layer.layers} layers" if layer.layers > 1 else ""
        return plain(f"{layer.before or layer.after}: {layer.kind} ({layer.op}{size})")
    parts = [_attribute(changed) for changed in layer.changes]
    if layer.inputs:
        parts.append(f"{layer.inputs.name} {layer.inputs.before} -> {layer.inputs.after}".strip())
    if layer.renamed:
        parts.append(f"is called {layer.after}")
    return plain(f"{layer.before}: {', '.join(parts)}") if parts else ""


def to_dict(found: Difference, a: str, b: str) -> dict[str, Any]:
    """The same for JSON: every layer by itself, not folded."""
    return {
        "a": a,
        "b": b,
        "equal": found.equal,
        **{
            name: [asdict(changed) for changed in changes]
            for name, changes in (("params", found.params), ("inputs", found.inputs), ("outputs", found.outputs))
        },
        "everywhere": [{"op": op, "layers": times, **asdict(changed)} for op, times, changed in found.everywhere],
        "layers": [asdict(layer) for layer in found.layers],
        "results": [asdict(unit) for unit in found.wiring],
        "totals": {
            side: {"depth": found.depths[index], **found.totals[index].as_dict(), **_in_training(found, index)}
            for index, side in enumerate(("before", "after"))
        },
    }


def _in_training(found: Difference, index: int) -> dict[str, Any]:
    return {} if found.in_training is None else {"in_training": found.in_training[index].as_dict()}


def _change(name: str, changed: Changed) -> str:
    if not changed.before or not changed.after:
        value = changed.before or changed.after
        return plain(f"{name}: {'added' if changed.after else 'removed'} ({value})")
    return plain(f"{name}: {changed.before} -> {changed.after}")


def _attribute(changed: Changed) -> str:
    return f"{changed.name} {changed.before} -> {changed.after}"


def _units(changes: Sequence[LayerChange]) -> Iterator[str]:
    """The changes of each unit; those of units that have the same ones, together."""
    by_unit: dict[str, list[LayerChange]] = {"": []}  # what stands in no unit is listed first
    for layer in changes:
        by_unit.setdefault(layer.unit, []).append(layer)
    alike: dict[tuple[Any, ...], list[str]] = {}
    for unit, layers in by_unit.items():
        alike.setdefault((unit == "", *map(_key, layers)), []).append(unit)
    for units in alike.values():
        layers = by_unit[units[0]]
        others = f" (also {', '.join(ranges(units[1:]))})" if len(units) > 1 else ""
        if not units[0]:
            yield from (*_attributes(layers), *_rest(layers))
            continue
        inner = ", ".join(_attributes(layers))
        yield f"{units[0]}:{' ' if inner else ''}{inner}{others}"
        yield from (f"  {line}" for line in _rest(layers))


def _key(layer: LayerChange) -> tuple[Any, ...]:
    """What must be alike for two units to be listed together: all but the shapes' numbers."""
    return layer.kind, layer.name, layer.op, layer.changes, layer.shape is None, layer.inputs, layer.renamed


def _attributes(layers: Sequence[LayerChange]) -> Iterator[str]:
    for layer in layers:
        if layer.changes:
            yield f"{layer.name} {', '.join(map(_attribute, layer.changes))}"


def _rest(layers: Sequence[LayerChange]) -> Iterator[str]:
    for kind in ("removed", "added"):
        gone = [layer for layer in layers if layer.kind == kind]
        for (op, size, _), group in groupby(gone, key=lambda one: (one.op, one.layers, sum(one.parameters))):
            names = [layer.name for layer in group]
            what = f"{op}, {size} layers" + (" each" if len(names) > 1 else "") if size > 1 else op
            yield f"{kind} {', '.join(ranges(names))} ({what})"
    renamed = [layer for layer in layers if layer.renamed]
    for _, group in groupby(renamed, key=lambda one: (_parent(one.before), _parent(one.after), one.layers)):
        run = list(group)
        if len(run) > 2:
            yield f"{run[0].name} to {run[-1].name} are called {run[0].after} to {run[-1].after}"
        else:
            yield from (f"{layer.name} is called {layer.after}" for layer in run)
    for layer in layers:
        if layer.inputs:
            yield f"{layer.name} {layer.inputs.name} {layer.inputs.before} -> {layer.inputs.after}".strip()
    shaped = [layer for layer in layers if layer.shape]
    for shape, group in groupby(shaped, key=lambda one: one.shape):
        if shape:
            yield f"shape of {', '.join(one.name for one in group)}: {shape_text(shape[0])} -> {shape_text(shape[1])}"


def _parent(path: str) -> tuple[str, bool]:
    """The scope above, and whether the last part is a number, as those of units mostly are."""
    above, _, last = path.rpartition(".")
    return above, bool(above) and last[-1:].isdecimal()


def ranges(names: Sequence[str]) -> list[str]:
    """Names whose last parts are three or more numbers in a row as `layer3.6 to layer3.22`."""
    found: list[list[str]] = []
    for name in names:
        if found and _follows(found[-1][-1], name):
            found[-1].append(name)
        else:
            found.append([name])
    return [part for run in found for part in ([f"{run[0]} to {run[-1]}"] if len(run) > 2 else run)]


def _follows(before: str, after: str) -> bool:
    first, _, one = before.rpartition(".")
    second, _, other = after.rpartition(".")
    return first == second and one.isdecimal() and other.isdecimal() and int(other) == int(one) + 1


def _totals(found: Difference, a: str, b: str) -> Table:
    rows = [("depth", *map(str, found.depths), change(*found.depths)), *_rows(*found.totals)]
    if found.in_training is not None:
        rows += [(f"{name} in training", *cells) for name, *cells in _rows(*found.in_training)]
    return Table(("total", a, b, "change"), tuple(rows), "lrrr")


def _rows(before: Counts, after: Counts) -> Iterator[tuple[str, ...]]:
    for name, one, other in (
        ("layers", before.layers, after.layers),
        ("parameters", before.parameters, after.parameters),
        ("buffers", before.buffers, after.buffers),
    ):
        yield (name, f"{one:,}", f"{other:,}", change(one, other))
    for name, one, other in (
        ("MACs", before.macs, after.macs),
        ("activations", before.activations, after.activations),
    ):
        yield (name, counted(one), counted(other), change(one, other))
