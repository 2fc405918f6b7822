"""What is called again with the layers of another item: which items are, and whose layers those are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from archspec.codegen.tree import CallUse, ChoiceUse, ItemUse, LayerUse, LoopUse, SequenceUse, Tree

Use: TypeAlias = LayerUse | CallUse | SequenceUse | LoopUse


def owner_name(item: ItemUse) -> str:
    """The name of the item whose layers this one is called with; empty where it has its own."""
    if isinstance(item, ChoiceUse):
        return ""
    return (item.called if isinstance(item, LoopUse) else "") or item.reuses


def is_reuse(item: ItemUse) -> bool:
    """Whether an item has no layers of its own, but those of another."""
    return bool(owner_name(item))


def uses_of(tree: Tree) -> dict[int, list[Use]]:
    """The items of a scope that are called with the layers of another, by that one's location.

    After a condition either side may have made what is called: then it is a use of both.
    """
    found: dict[int, list[Use]] = {}
    _uses(tree, {}, found)
    return found


def _uses(tree: Tree, owners: dict[str, Sequence[int]], found: dict[int, list[Use]]) -> None:
    """`owners` are the locations of the items that make what is called by each name."""
    for item in tree.items:
        if isinstance(item, ChoiceUse):
            sides = (dict(owners), dict(owners))
            _uses(item.then, sides[0], found)
            _uses(item.other, sides[1], found)
            for name in sides[0].keys() | sides[1].keys():
                owners[name] = list(dict.fromkeys((*sides[0].get(name, ()), *sides[1].get(name, ()))))
        elif name := owner_name(item):
            for location in owners[name]:
                found.setdefault(location, []).append(item)
        else:
            owners[item.name] = (item.location,)
