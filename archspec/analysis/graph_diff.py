"""What differs between two networks, layer by layer."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from archspec.analysis.counting import Counts, count, layers_below
from archspec.analysis.matching import Entry, Match, entries, match
from archspec.analysis.unit_locations import UnitLocations
from archspec.display import display
from archspec.ir.attributes import Padding, PerAxisKind
from archspec.ir.def_use import Node
from archspec.ir.graph import LayerGraph
from archspec.ir.initializers import Initializer
from archspec.ir.op import Op
from archspec.ir.scope import Layer, Loop, Scope
from archspec.ir.tensor_type import Shape


@dataclass(frozen=True, slots=True)
class Changed:
    """One thing that differs: an attribute, a param, an input. An empty side is one that has none."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class LayerChange:
    """A layer, a scope or a loop that differs.

    `unit` is the iteration of a loop, or else the top-level scope, that it stands in; `name` is its path within.
    `before` and `after` are its paths, empty where a network has none of it. Of a layer that both have, `changes` are
    those of its attributes, `shape` and `inputs` those of its output and of what arrives.
    """

    kind: Literal["added", "removed", "changed"]
    unit: str
    name: str
    before: str
    after: str
    op: str
    changes: tuple[Changed, ...] = ()
    shape: tuple[Shape, Shape] | None = None
    inputs: Changed | None = None
    layers: int = 1
    parameters: tuple[int, int] = (0, 0)
    renamed: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """All that differs between two networks, the first being `before`. `print` shows it, and so does a notebook.

    `names` are the networks' own; they may be equal.
    """

    params: tuple[Changed, ...]
    inputs: tuple[Changed, ...]
    outputs: tuple[Changed, ...]
    everywhere: tuple[tuple[str, int, Changed], ...]
    """An attribute that all layers of one op have another value of: the op, how many layers, the change."""
    layers: tuple[LayerChange, ...]
    wiring: tuple[LayerChange, ...]
    """Units whose result is another layer's."""
    totals: tuple[Counts, Counts]
    """Of the networks as they are evaluated."""
    in_training: tuple[Counts, Counts] | None
    """With the outputs of training alone; None where neither network has any."""
    depths: tuple[int, int]
    names: tuple[str, str]

    def __repr__(self) -> str:
        found = (self.params, self.inputs, self.outputs, self.everywhere, self.layers, self.wiring)
        return f"<Difference of {' and '.join(self.names)}: {sum(map(len, found)) or 'none'}>"

    def __str__(self) -> str:
        text: str = display(self, "text")
        return text

    def _repr_markdown_(self) -> str:
        text: str = display(self, "markdown")
        return text

    @property
    def equal(self) -> bool:
        """Nothing differs; names and titles of the two networks do not matter."""
        return not (self.params or self.inputs or self.outputs or self.everywhere or self.layers or self.wiring)


def diff(a: LayerGraph, b: LayerGraph) -> Difference:
    """Compare two networks.

    Layers are matched by their paths, and by structure where names differ (see `archspec.analysis.matching`).
    """
    found = match(a, b)
    places = UnitLocations(a), UnitLocations(b)
    everywhere = tuple(_everywhere(a, b, found))
    common = {(op, changed) for op, _, changed in everywhere}
    changes = [*_one_sided(a, b, found, places)]
    changes += _both(a, b, found, places, common)
    order = {**_order(b), **_order(a)}
    changes.sort(key=lambda change: order[change.before or change.after])
    counts = count(a), count(b)
    return Difference(
        tuple(_changed({p.name: repr(p.value) for p in a.params}, {p.name: repr(p.value) for p in b.params})),
        tuple(_changed(_shapes(a, {path: path for path in a.inputs}), _shapes(b, {path: path for path in b.inputs}))),
        tuple(_outputs(a, b, found)),
        everywhere,
        tuple(changes),
        tuple(_results(a, b, found, places)),
        (counts[0].total, counts[1].total),
        (counts[0].whole, counts[1].whole) if any(each.in_training for each in counts) else None,
        (counts[0].depth, counts[1].depth),
        (a.name, b.name),
    )


def _order(graph: LayerGraph) -> dict[str, int]:
    """Where each layer stands; a scope where its first layer does."""
    found: dict[str, int] = {}
    for number, path in enumerate(graph.nodes):
        while path and path not in found:
            found[path] = number
            path = _parent(path)
    return found


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Changed]:
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield Changed(name, before.get(name, ""), after.get(name, ""))


def _shapes(graph: LayerGraph, paths: Mapping[str, str]) -> dict[str, str]:
    return {name: graph.types[path].whole_text for name, path in paths.items()}


def _outputs(a: LayerGraph, b: LayerGraph, found: Match) -> Iterator[Changed]:
    before, after = _shapes(a, a.outputs), _shapes(b, b.outputs)
    for name, path in a.outputs.items():
        other = b.outputs.get(name)
        if other is not None and found.layers.get(path) != other:
            before[name] += f" of {path}"
            after[name] += f" of {other}"
    for graph, texts in ((a, before), (b, after)):
        for name in graph.training_outputs:
            texts[name] += " in training alone"
    yield from _changed(before, after)


def _attributes(a: Op, b: Op) -> Iterator[Changed]:
    for name in a.attributes():
        before, after = getattr(a, name), getattr(b, name)
        if isinstance(before, Padding) and isinstance(after, Padding) and before.is_same and before.mode == after.mode:
            continue  # its sides follow from the size of the input
        one, other = attribute_text(a, name), attribute_text(b, name)
        if one != other:  # 3 along one axis and 3 along two are no change
            yield Changed(name, one, other)


def _shared(a: Node, b: Node) -> Iterator[Changed]:
    """The weights that one of the two shares with another layer, and the other does not."""
    for weight in dict.fromkeys((*a.shared, *b.shared)):
        before, after = a.shared.get(weight, "its own"), b.shared.get(weight, "its own")
        if before != after:
            yield Changed(weight, before, after)


def attribute_text(op: Op, name: str) -> str:
    """An attribute as a spec has it, or nearly: equal numbers for all axes are one number."""
    value = getattr(op, name)
    by_axis = isinstance(op.attributes()[name].kind, PerAxisKind) and value is not None
    return value_text(value[0] if by_axis and len({*value}) == 1 else value)


def value_text(value: Any) -> str:
    """A value as a spec has it, or nearly."""
    match value:
        case Padding(mode=mode) if value.is_same:
            return mode
        case Padding(sides=sides):
            both = value.symmetric
            if both is not None and len({*both}) == 1:
                return str(both[0])
            return value_text(tuple(number for side in sides or () for number in side) if both is None else both)
        case Initializer():
            options = [str(getattr(value, field.name)) for field in dataclasses.fields(value)]
            return f"{value.name}({', '.join(options)})" if options else value.name
        case tuple():
            return f"[{', '.join(map(str, value))}]"
        case bool():
            return str(value).lower()
        case None:
            return "default"
        case _:
            return str(value)


def _everywhere(a: LayerGraph, b: LayerGraph, found: Match) -> Iterator[tuple[str, int, Changed]]:
    """Changes that all layers of an op have alike, where there are three or more."""
    layers: Counter[str] = Counter()
    changes: Counter[tuple[str, Changed]] = Counter()
    for before, after in found.layers.items():
        op = a.nodes[before].op
        layers[op.name] += 1
        for changed in _attributes(op, b.nodes[after].op):
            changes[op.name, changed] += 1
    for (op_name, changed), times in changes.items():
        if times == layers[op_name] >= 3:
            yield op_name, times, changed


def _one_sided(
    a: LayerGraph, b: LayerGraph, found: Match, places: tuple[UnitLocations, UnitLocations]
) -> Iterator[LayerChange]:
    """What one network alone has: whole scopes where nothing in them has a counterpart."""
    ours = {after: before for before, after in found.scopes.items()}
    for graph, known, place, kind in (
        (a, set(found.layers), places[0], "removed"),
        (b, set(found.layers.values()), places[1], "added"),
    ):
        stack: list[Entry] = list(reversed(entries(graph.root)))
        while stack:
            item = stack.pop()
            layers = list(layers_below(item))
            absent = sum(layer.path not in known for layer in layers)
            if not absent:
                continue
            if absent < len(layers):
                stack.extend(reversed(entries(item)) if not isinstance(item, Layer) else ())
                continue
            size = sum(weight.size for layer in layers for weight in graph.weights(graph.nodes[layer.path]))
            removed = kind == "removed"
            unit, name = place.within(item.path)
            yield LayerChange(
                "removed" if removed else "added",
                unit if removed else ours.get(unit, unit),
                name,
                before=item.path if removed else "",
                after="" if removed else item.path,
                op=_what(graph, item),
                layers=len(layers),
                parameters=(size, 0) if removed else (0, size),
            )


def _what(graph: LayerGraph, item: Entry) -> str:
    match item:
        case Layer(path=path):
            return graph.nodes[path].op.name
        case Scope(block=block):
            return block or "sequence"
        case Loop():
            return "loop"


def _both(
    a: LayerGraph,
    b: LayerGraph,
    found: Match,
    places: tuple[UnitLocations, UnitLocations],
    common: set[tuple[str, Changed]],
) -> Iterator[LayerChange]:
    for one, other in found.entries:
        moved = one.name != other.name or found.scopes.get(a.scope_around(one.path)) != b.scope_around(other.path)
        if not isinstance(one, Layer) or not isinstance(other, Layer):
            if moved and any(True for _ in layers_below(one)):
                where = places[0].within(one.path)
                yield LayerChange("changed", *where, one.path, other.path, _what(a, one), renamed=True)
            continue
        before, after = a.nodes[one.path], b.nodes[other.path]
        op = before.op.name
        changes = tuple(c for c in _attributes(before.op, after.op) if (op, c) not in common)
        changes += tuple(_shared(before, after))
        shape = (before.shape, after.shape) if before.shape != after.shape else None
        inputs = _inputs(before, after, found, places)
        # A name that the language gave to a layer without weights is nobody's concern.
        renamed = moved and bool(one.named or other.named or a.weights(before) or b.weights(after))
        if changes or shape or inputs or renamed:
            size = sum(w.size for w in a.weights(before)), sum(w.size for w in b.weights(after))
            where = places[0].within(one.path)
            yield LayerChange("changed", *where, one.path, other.path, op, changes, shape, inputs, 1, size, renamed)


def _parent(path: str) -> str:
    return path.rpartition(".")[0]


def _inputs(before: Node, after: Node, found: Match, places: tuple[UnitLocations, UnitLocations]) -> Changed | None:
    ours = [places[0].source(before.path, path) for path in before.inputs]
    theirs = [places[1].source(after.path, path) for path in after.inputs]
    if len(ours) == len(theirs) and all(
        one.is_same(other, found.layers, found.scopes) for one, other in zip(ours, theirs, strict=True)
    ):
        return None
    return Changed("input", ", ".join(one.text for one in ours), ", ".join(other.text for other in theirs))


def _results(
    a: LayerGraph, b: LayerGraph, found: Match, places: tuple[UnitLocations, UnitLocations]
) -> Iterator[LayerChange]:
    for unit in places[0].units:
        other = found.scopes.get(unit, "")
        if other not in places[1].units:
            continue
        ours, theirs = places[0].results(unit), places[1].results(other)
        if [found.layers.get(path) for path in ours] == list(theirs):
            continue
        names = (
            ", ".join(place.within(path)[1] for path in paths)
            for place, paths in zip(places, (ours, theirs), strict=True)
        )
        yield LayerChange("changed", unit, "", unit, other, "scope", inputs=Changed("result", *names))
