"""Conditions that need not be asked, and what both sides of one begin with, which stands before it, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from archspec.codegen.merging import likeness, united
from archspec.codegen.tree import ChoiceUse, ItemUse, Tree
from archspec.codegen.variable_allocation import uses
from archspec.codegen.walk import item_number, results_of
from archspec.expr import Const, negated
from archspec.ir.scope import Ref, Result


def without_equal_arms(tree: Tree) -> Tree:
    """A body in which no condition's sides begin with the same item, and none is asked twice in a row."""
    tree = _asked_once(tree)
    items: list[ItemUse] = []
    renamed: dict[Ref, Ref] = {}
    for item in tree.items:
        if renamed:
            [item] = with_refs(Tree((item,), ()), renamed).items
        items += _hoisted(item, renamed) if isinstance(item, ChoiceUse) else (item,)
    if not renamed:
        return tree if len(items) == len(tree.items) else replace(tree, items=tuple(items))
    labels = {renamed.get(ref, ref): label for ref, label in tree.labels.items()}
    return Tree(tuple(items), tuple(renamed.get(ref, ref) for ref in tree.results), labels, tree.counts)


def without_settled(tree: Tree) -> Tree:
    """A body in which what a condition chooses stands in its place, where the condition is a number."""
    if not any(isinstance(item, ChoiceUse) and isinstance(item.condition, Const) for item in tree.items):
        return tree
    items: list[ItemUse] = []
    renamed: dict[Ref, Ref] = {}
    for item in tree.items:
        [here] = with_refs(Tree((item,), ()), renamed).items
        if isinstance(here, ChoiceUse) and isinstance(here.condition, Const):
            side = here.then if here.condition.value else here.other
            items += side.items
            renamed |= {Result(here.location, index): ref for index, ref in enumerate(side.results)}
        else:
            items.append(here)
    labels = {renamed.get(ref, ref): label for ref, label in tree.labels.items()}
    return Tree(tuple(items), tuple(renamed.get(ref, ref) for ref in tree.results), labels, tree.counts)


def _asked_once(tree: Tree) -> Tree:
    """A body in which neighbors under one condition, of which the second alone takes what the first gives, are one."""
    items: list[ItemUse] = []
    for item in tree.items:
        before = items[-1] if items else None
        if isinstance(item, ChoiceUse) and isinstance(before, ChoiceUse):
            taken = Counter(uses(tree))[Result(before.location)]
            inside = [item.operand, *uses(item.then), *uses(item.other)].count(Result(before.location))
            together = _together(before, item)
            if together is not None and taken == inside - (item.operand == Result(before.location)):
                items[-1] = together
                continue
        items.append(item)
    return tree if len(items) == len(tree.items) else replace(tree, items=tuple(items))


def _together(first: ChoiceUse, second: ChoiceUse) -> ChoiceUse | None:
    """Two choices as one, where they are under one condition, or under it and its opposite."""
    if second.condition == negated(first.condition):
        second = replace(second, condition=first.condition, then=second.other, other=second.then)
    sides = (first.then, second.then), (first.other, second.other)
    if second.condition != first.condition or any(len(side.results) > 1 for pair in sides for side in pair):
        return None
    then, other = (
        Tree((*before.items, *after.items), after.results, {**before.labels, **after.labels})
        for before, after in ((one, with_refs(two, {Result(first.location): one.results[0]})) for one, two in sides)
    )
    return replace(second, operand=first.operand, then=then, other=other)


def _hoisted(choice: ChoiceUse, renamed: dict[Ref, Ref]) -> Iterator[ItemUse]:
    """The items that both sides begin with, and then the condition with what is left of them, if anything is.

    `renamed` gets what other tensors are called in what comes after it.
    """
    while choice.then.items and choice.other.items:
        first, second = choice.then.items[0], choice.other.items[0]
        if isinstance(first, ChoiceUse) or isinstance(second, ChoiceUse) or not _same(first, second):
            break
        yield united(first, [second])
        here: dict[Ref, Ref] = {
            Result(second.location, index): Result(first.location, index) for index in range(results_of(first))
        }
        renamed |= here
        then = replace(choice.then, items=choice.then.items[1:])
        other = with_refs(replace(choice.other, items=choice.other.items[1:]), here)
        operand = Result(first.location) if first.operands == (choice.operand,) else choice.operand
        choice = replace(choice, then=then, other=other, operand=operand)
    if choice.then.items or choice.other.items or choice.then.results != choice.other.results:
        yield choice
    else:
        renamed[Result(choice.location)] = choice.then.results[0]


def _same(first: ItemUse, second: ItemUse) -> bool:
    """Whether two items are one, but for their places."""
    if isinstance(first, ChoiceUse) or isinstance(second, ChoiceUse) or type(first) is not type(second):
        return False
    named = (first.name, item_number(first)) == (second.name, item_number(second))
    return named and not first.reuses and likeness(first) == likeness(second)


def with_refs(tree: Tree, names: Mapping[Ref, Ref]) -> Tree:
    """A body that takes other tensors in place of these, as does what stands under its conditions."""
    items: list[ItemUse] = []
    for item in tree.items:
        if isinstance(item, ChoiceUse):
            operand = names.get(item.operand, item.operand)
            items.append(
                replace(item, operand=operand, then=with_refs(item.then, names), other=with_refs(item.other, names))
            )
        else:
            items.append(replace(item, operands=tuple(names.get(ref, ref) for ref in item.operands)))
    return replace(tree, items=tuple(items), results=tuple(names.get(ref, ref) for ref in tree.results))
