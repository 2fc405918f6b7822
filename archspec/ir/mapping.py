"""Make another graph of a graph: each layer changed in its place, and the types after it with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from archspec.ir.def_use import Node
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Body, Choice, Item, Layer, Loop, Operand, Ref, Scope
from archspec.ir.tensor_type import TensorType
from archspec.records import record

Change: TypeAlias = Callable[[Layer, Sequence[TensorType]], Layer]
"""From a layer, and the types that arrive at it in the new graph, to the layer of the new graph."""


def map_layers(graph: LayerGraph, change: Change, *, inputs: Sequence[Node] = ()) -> LayerGraph:
    """The graph with each layer changed, in order of computation; the graph itself where nothing changes.

    Args:
        graph: the network; it stays as it is.
        change: what becomes of a layer. It may raise, and gives the layer itself where that stays.
        inputs: those of the new graph, in the order of its inputs; the same unless given.
    """
    inputs = tuple(inputs) or graph.input_nodes
    body, _ = _Mapping(change).body(graph.root.body, tuple(node.type for node in inputs), {})
    if body is graph.root.body and inputs == graph.input_nodes:
        return graph
    return replace(graph, root=replace(graph.root, body=body), input_nodes=inputs)


@record
class _Mapping:
    change: Change

    def body(
        self, body: Body, operands: tuple[TensorType, ...], known: dict[int, tuple[TensorType, ...]]
    ) -> tuple[Body, tuple[TensorType, ...]]:
        """A body, and the types of its results; `known` gets those of its items' results by their locations."""

        def types(refs: Sequence[Ref]) -> tuple[TensorType, ...]:
            return tuple(
                [operands[ref.index] if isinstance(ref, Operand) else known[ref.location][ref.index] for ref in refs]
            )

        items: list[Item] = []
        for item in body.items:
            changed: Item
            match item:
                case Layer():
                    changed = self.change(item, types(item.operands))
                    known[item.location] = changed.types
                case Scope():
                    changed, known[item.location] = self.scope(item, types(item.operands))
                case Choice():
                    inside, given = self.body(item.body, operands, known)
                    changed = item if inside is item.body else replace(item, body=inside)
                    known[item.location] = given
                case Loop():
                    changed, known[item.location] = self.loop(item, types(item.operands))
            items.append(changed)
        same = all(new is old for new, old in zip(items, body.items, strict=True))
        return body if same else replace(body, items=tuple(items)), types(body.results)

    def scope(self, scope: Scope, operands: tuple[TensorType, ...]) -> tuple[Scope, tuple[TensorType, ...]]:
        body, given = self.body(scope.body, operands, {})
        return scope if body is scope.body else replace(scope, body=body), given

    def loop(self, loop: Loop, operands: tuple[TensorType, ...]) -> tuple[Loop, tuple[TensorType, ...]]:
        iterations: list[Scope] = []
        after: list[TensorType] = []
        for old in loop.iterations:
            scope, given = self.scope(old, operands)
            iterations.append(scope)
            after.append(given[0])
            operands = (given[0], *operands[1:])
        same = all(new is old for new, old in zip(iterations, loop.iterations, strict=True))
        changed = loop if same else replace(loop, iterations=tuple(iterations))
        return changed, (operands[0], *(after[mark] for mark in loop.marks))
