"""Items in a row that hand on several tensors: one loop, in which each takes what the one before gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from archspec.codegen.tree import CallUse, SequenceUse, Tree
from archspec.codegen.variable_allocation import uses
from archspec.codegen.walk import results_of
from archspec.ir.scope import Ref, Result

_SHORTEST: Final = 3
"""Two are read sooner one by one."""

Part = CallUse | SequenceUse


@dataclass(frozen=True, slots=True)
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


def carried_rows(tree: Tree, alike: Callable[[Part, Part], bool]) -> list[CarriedRow]:
    """The rows of a tree, each as long as it goes on.

    Args:
        tree: the body they stand in.
        alike: whether two items are the same but for what they take, and may stand in one loop.
    """
    counted = Counter(uses(tree))
    found: list[CarriedRow] = []
    row: list[Part] = []
    for item in (*tree.items, None):
        fits = isinstance(item, Part) and not item.reuses
        if row and isinstance(item, Part) and fits and alike(row[0], item):
            links = _links(row[-1], item)
            if all(link is None for link in links) or (len(row) > 1 and links != _links(row[-2], row[-1])):
                pass
            elif _stays_within(row[-1], links, counted):
                row.append(item)
                continue
        if len(row) >= _SHORTEST and (made := _row(row)) is not None:
            found.append(made)
        row = [item] if isinstance(item, Part) and fits and results_of(item) > 1 else []
    return found


def _stays_within(item: Part, links: tuple[int | None, ...], counted: Mapping[Ref, int]) -> bool:
    """Whether what an item gives is taken by the next one alone."""
    return all(counted.get(Result(item.location, index), 0) == links.count(index) for index in range(results_of(item)))


def _row(items: list[Part]) -> CarriedRow | None:
    """The row that items are; None where they take something else as well."""
    taken = _links(items[0], items[1])
    given = dict[int, Ref]()
    for place, (index, ref) in enumerate(zip(taken, items[0].operands, strict=True)):
        if index is None and any(item.operands[place] != ref for item in items):
            return None
        if index is not None and given.setdefault(index, ref) != ref:
            return None
    return CarriedRow(tuple(items), taken, results_of(items[0]))


def _links(before: Part, after: Part) -> tuple[int | None, ...]:
    return tuple(
        ref.index if isinstance(ref, Result) and ref.location == before.location else None for ref in after.operands
    )
