"""Items in a row that hand on several tensors: one loop, in which each takes what the one before gives."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from archspec.codegen.tree import CallUse, SequenceUse, Tree
from archspec.codegen.variable_allocation import uses
from archspec.ir.scope import Ref, Result
from archspec.records import record

_SHORTEST: Final = 3
"""Two are read sooner one by one."""

Part = CallUse | SequenceUse


@record
class CarriedRow:
    """Items that do the same, the first with what the others get from the one before."""

    items: tuple[Part, ...]
    taken: tuple[int | None, ...]
    """For each operand the result of the item before that it is; None where it is the same for all."""
    results: int
    """How many tensors each gives."""

    @property
    def carried(self) -> tuple[int, ...]:
        """The results that are handed on, each once."""
        return tuple(dict.fromkeys(index for index in self.taken if index is not None))

    def starts(self) -> Mapping[int, Ref]:
        """By the result, the tensor that the first item takes in its place."""
        return {index: ref for index, ref in zip(self.taken, self.items[0].operands, strict=True) if index is not None}


def carried_rows(tree: Tree, alike: Callable[[Part, Part], bool], results: Callable[[Part], int]) -> list[CarriedRow]:
    """The rows of a tree, each as long as it goes on.

    Args:
        tree: the body they stand in.
        alike: whether two items are the same but for what they take, and may stand in one loop.
        results: how many tensors an item gives.
    """
    counted = Counter(uses(tree))
    found: list[CarriedRow] = []
    row: list[Part] = []
    for item in (*tree.items, None):
        fits = isinstance(item, Part) and not item.reuses
        if row and isinstance(item, Part) and fits and alike(row[0], item):
            longer = _row([*row, item], results(row[0]), counted)
            if longer is not None:
                row.append(item)
                continue
        if len(row) >= _SHORTEST and (made := _row(row, results(row[0]), counted)) is not None:
            found.append(made)
        row = [item] if isinstance(item, Part) and fits and results(item) > 1 else []
    return found


def _row(items: list[Part], results: int, counted: Mapping[Ref, int]) -> CarriedRow | None:
    """The row that items are; None where they take something else, or what is within is taken outside, too."""
    links = {_links(before, after) for before, after in itertools.pairwise(items)}
    if len(links) != 1:
        return None
    taken = links.pop()
    given = dict[int, Ref]()
    for place, (index, ref) in enumerate(zip(taken, items[0].operands, strict=True)):
        if index is None and any(item.operands[place] != ref for item in items):
            return None
        if index is not None and given.setdefault(index, ref) != ref:
            return None
    for item in items[:-1]:
        for index in range(results):
            if counted.get(Result(item.location, index), 0) != taken.count(index):
                return None
    return CarriedRow(tuple(items), taken, results) if set(taken) != {None} else None


def _links(before: Part, after: Part) -> tuple[int | None, ...]:
    return tuple(
        ref.index if isinstance(ref, Result) and ref.location == before.location else None for ref in after.operands
    )
