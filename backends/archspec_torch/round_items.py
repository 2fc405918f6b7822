"""The items of a round: what they take and give, and the same items with other tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from archspec.codegen.tree import ChoiceUse, ItemUse, LayerUse, Tree
from archspec.codegen.variable_allocation import uses
from archspec.ir.scope import Ref, Result


def moved(item: ItemUse, own: Mapping[int, int]) -> ItemUse:
    """An item at another location, that is no layer of the graph."""
    match item:
        case ChoiceUse():
            then, other = (
                replace(side, items=tuple(moved(inner, own) for inner in side.items))
                for side in (item.then, item.other)
            )
            return replace(item, location=own[item.location], then=then, other=other)
        case _:
            return replace(item, location=own[item.location], paths=())


def location_of(ref: Ref | None) -> int | None:
    """The location of the item that gives a tensor; None for one that enters."""
    return ref.location if isinstance(ref, Result) else None


def results_of_item(item: ItemUse) -> int:
    """How many tensors a layer gives, or one item of another kind in a round."""
    return item.results if isinstance(item, LayerUse) else 1


def all_items(items: Sequence[ItemUse]) -> Iterator[ItemUse]:
    """The items, and after them those on the sides of their conditions."""
    yield from items
    for item in items:
        if isinstance(item, ChoiceUse):
            yield from all_items((*item.then.items, *item.other.items))


def uses_of_items(items: Sequence[ItemUse]) -> Iterator[Ref]:
    """The places of items that use tensors."""
    yield from uses(Tree(tuple(items), ()))


def tensors_taken(items: Sequence[ItemUse]) -> Iterator[Ref]:
    """The same, and what arrives at conditions."""
    for item in items:
        if isinstance(item, ChoiceUse):
            yield item.operand
            for side in (item.then, item.other):
                yield from tensors_taken(side.items)
                yield from side.results
        else:
            yield from item.operands


def with_slots(items: Sequence[ItemUse], places: frozenset[int], ref: Ref) -> list[ItemUse]:
    """Items that take another tensor in some places, counted as `tensors_taken` counts them."""
    number = -1

    def taken(old: Ref) -> Ref:
        nonlocal number
        number += 1
        return ref if number in places else old

    def one(item: ItemUse) -> ItemUse:
        if isinstance(item, ChoiceUse):
            operand = taken(item.operand)
            sides: list[Tree] = []
            for side in (item.then, item.other):
                inner = tuple(map(one, side.items))
                sides.append(replace(side, items=inner, results=tuple(map(taken, side.results))))
            return replace(item, operand=operand, then=sides[0], other=sides[1])
        return replace(item, operands=tuple(map(taken, item.operands)))

    make: Callable[[ItemUse], ItemUse] = one
    return [make(item) for item in items]
