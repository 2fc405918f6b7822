"""The order in which definitions take and give several tensors, as a person would write it.

In a graph what arrives at a scope and what it gives itself stand first, since these are what goes on; a reader expects
`y0, y1, y2`. A block's results stand as its `outputs` are declared, and its inputs are in their order already. A part
gives tensors in the order in which it computes them, and takes them in that in which they are computed around it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias, TypeVar

from archspec.codegen.equal_arms import with_refs
from archspec.codegen.tree import CallUse, ChoiceUse, Definition, ItemUse, LoopUse, Module, SequenceUse, Tree
from archspec.codegen.variable_allocation import uses
from archspec.codegen.walk import calls, loops
from archspec.ir.scope import Operand, Ref, Result

T = TypeVar("T")
_Orders: TypeAlias = Mapping[int, Sequence[int]]
"""The old places of what definitions take or give, in the new order, by the definition's `id`."""


def in_written_order(module: Module) -> Module:
    """The module whose definitions take and give their tensors in the order in which a person would write them.

    One that iterations call keeps its own: what goes on to the next iteration is the first.
    """
    in_turn = {
        id(use.definition)
        for definition in module.definitions
        for loop in loops(definition.tree)
        for run in loop.runs
        for use in calls(Tree((run.item,), ()))
    }
    free = [made for made in module.definitions if not made.is_network and id(made) not in in_turn]
    _order_results(module, [made for made in free if len(made.tree.results) > 1])
    _order_operands(module, [made for made in free if made.is_part and made.operands > 1])
    return module


def _order_results(module: Module, some: Sequence[Definition]) -> None:
    orders: dict[int, Sequence[int]] = {}
    for definition in module.definitions:  # callees first
        definition.tree = _taking(definition.tree, orders)
        order = _order_of_results(definition) if definition in some else ()
        if [*order] != sorted(order):
            definition.tree = replace(definition.tree, results=_in_order(definition.tree.results, order))
            definition.features = _in_order(definition.features, order) if definition.features else ()
            orders[id(definition)] = order


def _order_of_results(definition: Definition) -> Sequence[int]:
    tree, places = definition.tree, range(len(definition.tree.results))
    if definition.is_part:
        items = _by_location(tree)
        return sorted(places, key=lambda place: _when(tree.results[place], items))
    declared = {name: place for place, name in enumerate(definition.outputs)}
    named = [declared.get(tree.labels.get(ref, ""), -1) for ref in tree.results]
    return sorted(places, key=named.__getitem__) if min(named[1:]) >= 0 else places


def _order_operands(module: Module, some: Sequence[Definition]) -> None:
    wanted = {id(made): list[Sequence[int]]() for made in some}
    orders: dict[int, Sequence[int]] = {}
    for definition in reversed(module.definitions):  # callers first
        if id(definition) in wanted:
            places = range(definition.operands)
            asked = wanted[id(definition)]
            order = asked[0] if all(one == asked[0] for one in asked) else _order_of_use(definition)
            if [*order] != [*places]:
                moved: dict[Ref, Ref] = {Operand(old): Operand(new) for new, old in enumerate(order)}
                definition.tree = _relabeled(with_refs(definition.tree, moved), moved)
                definition.inputs = _in_order(definition.inputs, order)
                orders[id(definition)] = order
        for tree in _trees(definition.tree):
            items = _by_location(tree)
            for item in _here(tree):
                if isinstance(item, CallUse) and id(item.definition) in wanted:
                    computed = [_when(ref, items) for ref in item.operands]
                    wanted[id(item.definition)].append(sorted(range(len(computed)), key=computed.__getitem__))
    for definition in module.definitions:
        definition.tree = _giving(definition.tree, orders)


def _order_of_use(definition: Definition) -> Sequence[int]:
    used = dict.fromkeys(ref.index for ref in uses(definition.tree) if isinstance(ref, Operand))
    return [*used, *(place for place in range(definition.operands) if place not in used)]


def _by_location(tree: Tree) -> dict[int, tuple[int, ItemUse]]:
    """The items of a body with their places, by location."""
    return {item.location: (place, item) for place, item in enumerate(_here(tree))}


def _when(ref: Ref, items: Mapping[int, tuple[int, ItemUse]]) -> tuple[int, ...]:
    """When a tensor of a body is computed; what arrives is there before all items."""
    if isinstance(ref, Operand):
        return -1, ref.index
    place, item = items[ref.location]
    if isinstance(item, SequenceUse):
        return place, *_when(item.body.results[ref.index], _by_location(item.body))
    # What is taken out of a loop before its end comes before what the loop itself gives.
    return place, ref.index or len(item.marks) if isinstance(item, LoopUse) and item.marks else ref.index


def _in_order(parts: Sequence[T], order: Sequence[int]) -> tuple[T, ...]:
    return tuple(parts[place] for place in order)


def _here(tree: Tree) -> Iterator[ItemUse]:
    """The items of a body, those under a condition before it."""
    for item in tree.items:
        if isinstance(item, ChoiceUse):
            yield from _here(item.then)
            yield from _here(item.other)
        yield item


def _trees(tree: Tree) -> Iterator[Tree]:
    """A body and those of its sequences."""
    yield tree
    for item in _here(tree):
        if isinstance(item, SequenceUse):
            yield from _trees(item.body)


def _taking(tree: Tree, orders: _Orders) -> Tree:
    """A body that takes what it calls gives from where that is now."""
    moved: dict[Ref, Ref] = {}
    for item in _here(tree):
        if isinstance(item, CallUse):
            order = orders.get(id(item.definition), ())
            moved |= {Result(item.location, old): Result(item.location, new) for new, old in enumerate(order)}
    tree = _with_bodies(tree, orders)
    return _relabeled(with_refs(tree, moved), moved) if moved else tree


def _with_bodies(tree: Tree, orders: _Orders) -> Tree:
    items: list[ItemUse] = []
    for item in tree.items:
        match item:
            case SequenceUse():
                items.append(replace(item, body=_taking(item.body, orders)))
            case ChoiceUse(then=then, other=other):
                items.append(replace(item, then=_with_bodies(then, orders), other=_with_bodies(other, orders)))
            case _:  # what iterations call keeps its order
                items.append(item)
    return replace(tree, items=tuple(items))


def _giving(tree: Tree, orders: _Orders) -> Tree:
    """A body whose calls give what they are called with in the order in which it is taken now."""
    items: list[ItemUse] = []
    for item in tree.items:
        match item:
            case CallUse() if id(item.definition) in orders:
                items.append(replace(item, operands=_in_order(item.operands, orders[id(item.definition)])))
            case SequenceUse():
                items.append(replace(item, body=_giving(item.body, orders)))
            case ChoiceUse(then=then, other=other):
                items.append(replace(item, then=_giving(then, orders), other=_giving(other, orders)))
            case _:
                items.append(item)
    return replace(tree, items=tuple(items))


def _relabeled(tree: Tree, moved: Mapping[Ref, Ref]) -> Tree:
    return replace(tree, labels={moved.get(ref, ref): label for ref, label in tree.labels.items()})
