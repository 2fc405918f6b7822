"""Iterations that take a tensor of their own each: of all that enter their loop they get what they read.

In a graph every tensor that enters a loop enters all of its iterations. Where each reads another, as `parts[i]`, the
iterations would be wired in ways of their own; here each gets its own tensor in the same place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from archspec.expr import names
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import (
    Body,
    Choice,
    Item,
    Layer,
    Loop,
    Operand,
    Ref,
    Result,
    Scope,
    item_label,
    listed,
    tensor_named,
    walk,
)
from archspec.limits import Budget

_Slot: TypeAlias = tuple[object, ...]
"""A place in the body of an iteration at which a tensor is taken."""
_Column: TypeAlias = list[int | None]
"""Which of the tensors that enter a loop each iteration takes in a place; None where it has no such place."""


def with_own_inputs(graph: LayerGraph, budget: Budget) -> Scope:
    """The network's scopes, in which iterations have as inputs what they read; the same object where all do."""
    if not any(isinstance(item, Loop) and len(item.operands) > 2 for item in walk(graph.root)):
        return graph.root
    shared = {item.shares for item in walk(graph.root) if isinstance(item, Loop | Scope) and item.shares}
    return _Narrowing(graph, budget, shared).scope(graph.root)


class _Narrowing:
    def __init__(self, graph: LayerGraph, budget: Budget, shared: Collection[str]) -> None:
        self.graph = graph
        self.budget = budget
        self.shared = shared
        """The paths of what is computed once more, which stays as it is."""

    def scope(self, scope: Scope) -> Scope:
        body = self.body(scope.body, scope.labels)
        return scope if body is scope.body else replace(scope, body=body)

    def body(self, body: Body, labels: Mapping[Ref, str]) -> Body:
        items = tuple(self.item(item, labels) for item in body.items)
        same = all(new is old for new, old in zip(items, body.items, strict=True))
        return body if same else replace(body, items=items)

    def item(self, item: Item, labels: Mapping[Ref, str]) -> Item:
        match item:
            case Layer():
                return item
            case Scope():
                return self.scope(item)
            case Choice():
                body = self.body(item.body, labels)
                return item if body is item.body else replace(item, body=body)
            case Loop():
                iterations = tuple(map(self.scope, item.iterations))
                same = all(new is old for new, old in zip(iterations, item.iterations, strict=True))
                return self.loop(item if same else replace(item, iterations=iterations), labels)

    def loop(self, loop: Loop, labels: Mapping[Ref, str]) -> Loop:
        """A loop whose iterations take other tensors each, each with its own alone."""
        many = len(loop.operands) > 2 and len(loop.iterations) > 1
        if not many or loop.shares or loop.path in self.shared or any(scope.shares for scope in loop.iterations):
            return loop
        taken = [dict(_taken(scope.body)) for scope in loop.iterations]
        self.budget.spend(sum(map(len, taken)))
        if any(self._by_place(scope) for scope in loop.iterations) or (columns := _columns(taken)) is None:
            return loop
        operands, known = [*loop.operands], list[tuple[list[int], set[_Slot]]]()
        for column, slots in columns:
            filled = _filled(column, operands, labels)
            if filled is None:
                return loop
            known.append((filled, slots))
        if all(len(set(column)) == 1 for column, _ in known):
            return loop
        known.sort(key=lambda pair: (len(set(pair[0])) > 1, pair[0]))
        block = loop.iterations[0].block
        if block is not None and len(known) != len(self.graph.blocks[block].inputs):
            return loop
        places: dict[_Slot, Ref] = {
            slot: Operand(place) for place, (_, slots) in enumerate(known, start=1) for slot in slots
        }
        iterations = [
            replace(
                scope,
                operands=(Operand(0), *(Operand(column[number]) for column, _ in known)),
                body=_rewired(scope.body, places),
            )
            for number, scope in enumerate(loop.iterations)
        ]
        return replace(loop, operands=tuple(operands), iterations=tuple(iterations))

    def _by_place(self, scope: Scope) -> bool:
        """Whether an expression in an iteration speaks of the channels of what enters it by its place there."""
        layers = (item for item in walk(scope) if isinstance(item, Layer))
        mentioned = (name for layer in layers for expr in layer.exprs.values() for name in names(expr, self.budget))
        return any((found := tensor_named(name)) is not None and isinstance(found[1], Operand) for name in mentioned)


def _taken(body: Body, around: _Slot = ()) -> Iterator[tuple[_Slot, Ref]]:
    """Where a body takes tensors, and which."""
    for item in body.items:
        slot = (*around, item.location)
        if isinstance(item, Choice):
            yield (*slot, "arrives"), item.operand
            yield from _taken(item.body, (*slot, item.taken))
        else:
            yield from (((*slot, place), ref) for place, ref in enumerate(item.operands))
    yield from (((*around, "gives", place), ref) for place, ref in enumerate(body.results))


def _columns(taken: Sequence[Mapping[_Slot, Ref]]) -> list[tuple[_Column, set[_Slot]]] | None:
    """What iterations take from outside besides what goes through them, each once, and the places where they do.

    None where what enters an iteration in a place is made inside another.
    """
    found: list[tuple[_Column, set[_Slot]]] = []
    for slot in dict.fromkeys(slot for slots in taken for slot in slots):
        refs = [slots.get(slot) for slots in taken]
        entering = [isinstance(ref, Operand) and ref.index > 0 for ref in refs]
        if not any(entering):
            continue
        if any(ref is not None and not enters for ref, enters in zip(refs, entering, strict=True)):
            return None
        column: _Column = [ref.index if isinstance(ref, Operand) else None for ref in refs]
        for other, slots in found:
            if all(None in pair or pair[0] == pair[1] for pair in zip(column, other, strict=True)):
                other[:] = [one if one is not None else two for one, two in zip(other, column, strict=True)]
                slots.add(slot)
                break
        else:
            found.append((column, {slot}))
    return found


def _filled(column: _Column, operands: list[Ref], labels: Mapping[Ref, str]) -> list[int] | None:
    """A column in which every iteration has a tensor: what it does not read is the one of its place in the list.

    None where there is no such list. A tensor that enters no iteration yet becomes one of the loop's `operands`.
    """
    places: dict[int, tuple[str, int]] = {}
    for number, index in enumerate(column):
        label = listed(labels.get(operands[index], "")) if index is not None else None
        if label is not None:
            places[number] = label
    found: list[int] = []
    for number, index in enumerate(column):
        if index is None:
            offsets = {(name, place - at) for at, (name, place) in places.items()}
            if len(offsets) != 1:
                return None
            [(name, offset)] = offsets
            index = _entering(item_label(name, offset + number), operands, labels)
            if index is None:
                return None
        found.append(index)
    return found


def _entering(label: str, operands: list[Ref], labels: Mapping[Ref, str]) -> int | None:
    """The place among a loop's operands of the tensor that is called so, which is there where its list is."""
    lists = {ref.location for ref in operands[1:] if isinstance(ref, Result) and listed(labels.get(ref, ""))}
    ref = next((ref for ref, name in labels.items() if name == label), None)
    if not isinstance(ref, Result) or ref.location not in lists:
        return None
    if ref not in operands[1:]:
        operands.append(ref)
    return operands.index(ref, 1)


def _rewired(body: Body, places: Mapping[_Slot, Ref], around: _Slot = ()) -> Body:
    """A body that takes other tensors in these places."""
    items: list[Item] = []
    for item in body.items:
        slot = (*around, item.location)
        if isinstance(item, Choice):
            operand = places.get((*slot, "arrives"), item.operand)
            inner = _rewired(item.body, places, (*slot, item.taken))
            items.append(replace(item, operand=operand, body=inner))
        else:
            operands = (places.get((*slot, place), ref) for place, ref in enumerate(item.operands))
            items.append(replace(item, operands=tuple(operands)))
    results = (places.get((*around, "gives", place), ref) for place, ref in enumerate(body.results))
    return Body(tuple(items), tuple(results))
