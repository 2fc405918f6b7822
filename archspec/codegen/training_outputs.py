"""Which items of a network are there for its outputs in training alone."""

from __future__ import annotations

from collections.abc import Iterator

from archspec.codegen.tree import ChoiceUse, ItemUse, Tree
from archspec.codegen.variable_allocation import uses
from archspec.ir.scope import Ref, Result


def apart(tree: Tree, training: int) -> tuple[Tree, Tree]:
    """What gives all results but the last `training`, and the rest with all results, each in its order."""
    kept = tree.results[: len(tree.results) - training]
    needed: set[Ref] = set(kept)
    locations: set[int] = set()
    for item in reversed(tree.items):
        if any(isinstance(ref, Result) and ref.location == item.location for ref in needed):
            locations.add(item.location)
            needed.update(_taken(item))
    first = tuple(item for item in tree.items if item.location in locations)
    rest = tuple(item for item in tree.items if item.location not in locations)
    return Tree(first, kept), Tree(rest, tree.results)


def _taken(item: ItemUse) -> Iterator[Ref]:
    if isinstance(item, ChoiceUse):
        yield from (item.operand, *uses(item.then), *uses(item.other))
    else:
        yield from item.operands
