"""Replace or take out layers: in all instances of the definition that they stand in, or in one alone.

What a person wrote once is in the graph as often as it is called. An edit that is made at its address is made in all of
these instances, so that they stay one definition; one that is made at a layer's path is made there alone, and generated
source has a definition for each kind of instance that comes of it. What took the layer's result takes another tensor,
or that of the new layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TypeAlias

from archspec.errors import InternalError
from archspec.ir.def_use import producer, result_index, value_name
from archspec.ir.graph import LayerGraph
from archspec.ir.mapping import map_layers
from archspec.ir.op import Op
from archspec.ir.scope import Body, Choice, Item, Layer, Loop, Ref, Result, Scope, owners_of
from archspec.ir.tensor_type import TensorType
from archspec.ir.verify import verify
from archspec.records import record

Address: TypeAlias = tuple[str | int, ...]
"""Where a layer is written: its block, empty for the network, then the locations of the items around it and its own.

All instances of a block, and all iterations of a repeat, have one.
"""


@record
class Replace:
    """Another op in the layer's place, whose name stays."""

    op: Callable[[Layer], Op]
    """From the layer of one instance to its new op. Attributes that change have no expressions any more."""
    operands: tuple[int, ...] | None = None
    """Of its inputs, those that it still takes; all unless given."""


@record
class Remove:
    """The layer goes, and what took its result takes this one of its inputs."""

    operand: int = 0


Edit: TypeAlias = Replace | Remove


@record
class EditedGraph:
    """What came of a rewrite."""

    graph: LayerGraph
    paths: Mapping[str, str]
    """The paths of the layers that are left, by those that they had: a numbered sequence counts anew."""


def layers_by_address(graph: LayerGraph) -> Mapping[Address, tuple[Layer, ...]]:
    """Every layer, with all its instances together, in order of computation."""
    found: dict[Address, list[Layer]] = {}
    for address, layer in _layers(graph.root.body.items, ("",)):
        found.setdefault(address, []).append(layer)
    return {address: tuple(layers) for address, layers in found.items()}


def apply_edits(graph: LayerGraph, edits: Mapping[Address | str, Edit]) -> EditedGraph:
    """The graph with these edits; types are inferred anew.

    Args:
        graph: the network; it stays as it is.
        edits: each by an address, for all instances, or by a layer's path, for that one.

    Raises:
        InternalError: there is no such layer, or what comes of it is no sound graph: a layer goes whose
            parameters another shares, or an edit is not right in all instances.
        ShapeError: a layer does not take what arrives at it now.
    """
    found: dict[Address | str, list[Layer]] = {}
    for address, layer in _layers(graph.root.body.items, ("",)):
        found.setdefault(address, []).append(layer)
        found[layer.path] = [layer]
    missing = edits.keys() - found.keys()
    if missing:
        raise InternalError(f"no layer stands at {sorted(map(str, missing))}")
    for place, edit in edits.items():
        for layer in found[place]:
            if isinstance(edit, Remove) and edit.operand not in range(len(layer.operands)):
                raise InternalError(f"{layer.path} has no input {edit.operand}")
            if isinstance(edit, Replace) and not {*range(len(layer.operands))}.issuperset(edit.operands or ()):
                raise InternalError(f"{layer.path} has not all of the inputs {edit.operands}")
    # Of layers that are not there, others compute with the weights: no layer may get their names.
    writing = _Editing(edits, frozenset(node.owner for node in graph.nodes.values()) - graph.nodes.keys())
    root = writing.scope(graph.root, "", ("",))
    taps = {
        name: value_name(writing.paths[producer(path)], result_index(path))
        for name, path in graph.taps.items()
        if producer(path) in writing.paths
    }
    taps |= {name: path for name, path in graph.taps.items() if path in graph.inputs}
    names = {
        weight.at(path): weight.at(after)
        for path, after in writing.paths.items()
        for weight in graph.weights(graph.nodes[path])
    }
    gone = {
        weight.at(path)
        for path, node in graph.nodes.items()
        if path not in writing.paths and not node.shared
        for weight in graph.weights(node)
    }
    for path in writing.paths:
        for name in graph.nodes[path].shared.values():
            if name in gone:
                raise InternalError(f"{path} shares {name}, whose layer is taken out")

    def inferred(layer: Layer, arriving: Sequence[TensorType]) -> Layer:
        op = layer.op.fitted(arriving)
        types = op.output_types(arriving)
        op = op.resolved(arriving)
        shared = {weight: names.get(name, name) for weight, name in layer.shared.items()}
        if shared:
            shared = _shared_by(shared, op, arriving)
        if (op, types, shared) == (layer.op, layer.types, layer.shared):
            return layer
        return replace(layer, op=op, types=types, shared=shared)

    changed = replace(graph, root=root, taps=taps, whole=None)
    done = map_layers(changed, inferred)
    verify(done)
    return EditedGraph(done, writing.paths)


def _shared_by(shared: Mapping[str, str], op: Op, arriving: Sequence[TensorType]) -> dict[str, str]:
    """Whose parameters a layer computes with, those of its op as it is now: new ones are the owner's as well."""
    owners = owners_of(shared)
    if len(owners) > 1:  # one by one: what is new is its own
        return {weight.name: shared[weight.name] for weight in op.weights(arriving) if weight.name in shared}
    return {weight.name: weight.at(owners[0]) for weight in op.weights(arriving)}


def _is_numbered(items: Sequence[Item]) -> bool:
    """Whether a sequence numbers its items, those under conditions among them."""
    return bool(items) and all(
        (not item.body.items or _is_numbered(item.body.items)) if isinstance(item, Choice) else item.name.isdigit()
        for item in items
    )


def _layers(items: Sequence[Item], around: Address) -> Iterator[tuple[Address, Layer]]:
    for item in items:
        match item:
            case Layer():
                yield (*around, item.location), item
            case Scope():
                yield from _layers(item.body.items, _inside(item, around))
            case Choice():
                yield from _layers(item.body.items, (*around, item.location))
            case Loop():
                for scope in item.iterations:
                    yield from _layers(scope.body.items, _inside(scope, (*around, item.location), iteration=True))


def _inside(scope: Scope, around: Address, *, iteration: bool = False) -> Address:
    """The beginning of the addresses of what stands in a scope."""
    if scope.block is not None:
        return (scope.block,)
    return around if iteration else (*around, scope.location)


@dataclass(slots=True, eq=False)
class _Editing:
    edits: Mapping[Address | str, Edit]
    reserved: frozenset[str]
    """Paths that no layer may get by its number."""
    paths: dict[str, str] = field(default_factory=dict[str, str])
    scopes: dict[str, str] = field(default_factory=dict[str, str])
    """The new paths of scopes and loops, by those that they had."""

    def edit(self, layer: Layer, around: Address) -> Edit | None:
        """What becomes of a layer, by its path or by its address."""
        return self.edits.get(layer.path, self.edits.get((*around, layer.location)))

    def scope(self, scope: Scope, path: str, address: Address) -> Scope:
        """A scope with its edits, under this path."""
        self.scopes[scope.path] = path
        known: dict[Ref, Ref] = {}
        counter = count() if _is_numbered(scope.body.items) else None
        items = self.items(scope.body.items, path, address, known, counter)
        results = tuple(known.get(ref, ref) for ref in scope.body.results)
        labels = {known.get(ref, ref): label for ref, label in scope.labels.items()}
        shares = self.scopes.get(scope.shares, scope.shares)
        return replace(scope, path=path, body=Body(items, results), labels=labels, shares=shares)

    def items(
        self, items: Sequence[Item], around: str, address: Address, known: dict[Ref, Ref], counter: Iterator[int] | None
    ) -> tuple[Item, ...]:
        """Items with their edits; `known` gets what references stand for instead, `counter` gives numbers for names."""
        found: list[Item] = []
        for item in items:
            if isinstance(item, Choice):
                inside = self.items(item.body.items, around, (*address, item.location), known, counter)
                results = tuple(known.get(ref, ref) for ref in item.body.results)
                operand = known.get(item.operand, item.operand)
                found.append(replace(item, operand=operand, body=Body(inside, results)))
                continue
            if isinstance(item, Layer) and isinstance(edit := self.edit(item, address), Remove):
                taken = item.operands[edit.operand]
                known |= {Result(item.location, index): known.get(taken, taken) for index in range(len(item.types))}
                continue
            beginning = f"{around}." if around else ""
            names = (str(number) for number in counter or ())
            name = next((name for name in names if f"{beginning}{name}" not in self.reserved), item.name)
            found.append(self.item(item, name, f"{beginning}{name}", address, known))
        return tuple(found)

    def item(
        self, item: Layer | Scope | Loop, name: str, path: str, address: Address, known: Mapping[Ref, Ref]
    ) -> Item:
        operands = tuple(known.get(ref, ref) for ref in item.operands)
        match item:
            case Layer():
                self.paths[item.path] = path
                layer = replace(item, name=name, path=path, operands=operands)
                edit = self.edit(item, address)
                if not isinstance(edit, Replace):
                    return layer
                if edit.operands is not None:
                    layer = replace(layer, operands=tuple(operands[index] for index in edit.operands))
                return _replaced(layer, edit.op(item))
            case Scope():
                changed = self.scope(item, path, _inside(item, address))
                return replace(changed, name=name, operands=operands)
            case Loop():
                self.scopes[item.path] = path
                shares = self.scopes.get(item.shares, item.shares)
                around = (*address, item.location)
                iterations = tuple(
                    self.scope(scope, f"{path}.{scope.name}", _inside(scope, around, iteration=True))
                    for scope in item.iterations
                )
                return replace(item, name=name, path=path, operands=operands, iterations=iterations, shares=shares)


def _replaced(layer: Layer, op: Op) -> Layer:
    """The layer with another op; expressions stay where the attribute is what it was."""
    same = {
        name: expr
        for name, expr in layer.exprs.items()
        if type(op) is type(layer.op) and getattr(op, name) == getattr(layer.op, name)
    }
    return replace(layer, op=op, exprs=same)
