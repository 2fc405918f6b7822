"""Loops whose iterations are joined: what each gives is appended to a list, which a concatenation takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from archspec.codegen.tree import LayerUse, LoopUse, Tree
from archspec.codegen.variable_allocation import uses
from archspec.ir.scope import Operand, Ref, Result, listed

SHORTEST: Final = 3
"""What two iterations give is read sooner by two names."""
MOST_NAMED: Final = 8
"""Tensors of one layer that are read by a name each; more are one list."""


@dataclass(frozen=True, slots=True)
class TensorList:
    """What the iterations of a loop give, in order, and the one layer that takes them."""

    name: str
    """What the spec calls it."""
    starts: tuple[Ref, ...]
    """The tensors that the layer takes before them: they are there before the loop, and so begin the list."""
    items: tuple[Ref, ...]
    taker: int
    """The layer's location."""
    others: tuple[Ref, ...]
    """The tensors that the layer takes after them."""
    last_is_alone: bool
    """Whether nothing but the layer takes what the last iteration gives."""


def tensor_lists(tree: Tree, labels: Mapping[Ref, str]) -> dict[int, TensorList]:
    """The loops of a tree that give lists, by location; the sides of its conditions are trees of their own.

    `labels` are what tensors are called, which the sides of a condition share with what is around it.
    """
    taken = Counter(uses(tree))
    takers = {ref: item for item in tree.items if isinstance(item, LayerUse) for ref in item.operands}
    found: dict[int, TensorList] = {}
    unknown: set[Ref | int] = {item.location for item in tree.items}
    for item in tree.items:
        if isinstance(item, LoopUse) and (made := _of_loop(item, labels, taken, takers, unknown)) is not None:
            found[item.location] = made
        unknown.discard(item.location)
        if isinstance(item, LoopUse):
            unknown |= {
                Result(item.location, mark + 1) for mark in range(len(item.marks))
            }  # they may be in a list alone
    return found


def _of_loop(
    loop: LoopUse,
    labels: Mapping[Ref, str],
    taken: Mapping[Ref, int],
    takers: Mapping[Ref, LayerUse],
    unknown: set[Ref | int],
) -> TensorList | None:
    count = sum(1 for _ in loop.iterations)
    if (count < SHORTEST and not loop.is_listed) or loop.marks != tuple(range(count - 1)) or loop.reuses or loop.called:
        return None
    items = (*(Result(loop.location, index) for index in range(1, count)), Result(loop.location))
    label = listed(labels.get(items[0], ""))
    taker = takers.get(items[0])
    if label is None or taker is None or taker.op.name != "concat" or any(taken[ref] != 1 for ref in items[:-1]):
        return None
    place = taker.operands.index(items[0])
    starts, others = taker.operands[:place], taker.operands[place + count :]
    known = all(isinstance(ref, Operand) or not unknown & {ref, ref.location} for ref in starts)
    if taker.operands[place : place + count] != items or not known:
        return None
    return TensorList(label[0], starts, items, taker.location, others, last_is_alone=taken[items[-1]] == 1)
