"""Channels that grow from member to member: one local, `channels += 12 * growth`, as far as each needs it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from archspec.codegen.progressions import difference
from archspec.codegen.tree import (
    CHANNELS,
    CallUse,
    ChoiceUse,
    Definition,
    ItemUse,
    LayerUse,
    SequenceUse,
    Tree,
)
from archspec.expr import Binary, Const, Expr, Name, replaced
from archspec.expr.tree import children
from archspec_torch.constructor_arguments import expressions

_OFTEN: Final = 6
"""Channels that are said less often are read sooner where they stand."""


@dataclass(frozen=True, slots=True)
class GrowingChannels:
    """The quantities that the local is in turn, each an expression that the one before is a part of."""

    quantities: tuple[Expr, ...]
    more: tuple[Expr | None, ...]
    """What each is more than the one before, where that is a part of it or not."""

    @classmethod
    def of(cls, shared: Sequence[Expr], definition: Definition) -> GrowingChannels | None:
        """Those of a network where what is said again and again, or what arrives, follows from the one before."""
        arriving = dict.fromkeys(expr for item in _statements(definition.tree) if (expr := _arriving(item)) is not None)
        in_turn = shared if shared and shared[0] in arriving else arriving  # a step is no number of channels
        said = sum(_count(expr, in_turn) for item in _statements(definition.tree) for expr in expressions(item))
        return cls._in_order(tuple(in_turn), definition) if shared or said >= _OFTEN else None

    @classmethod
    def _in_order(cls, quantities: tuple[Expr, ...], definition: Definition) -> GrowingChannels | None:
        if not any(map(_is_sum, quantities)):
            return None  # `4 * width` is read sooner than how it came about
        pairs = list(pairwise(quantities))
        more = [difference(after, before, definition.whole, definition.budget) for before, after in pairs]
        follows = (_contains(after, before) or step for (before, after), step in zip(pairs, more, strict=True))
        if not pairs or not all(follows):
            return None
        found = cls(quantities, (None, *more))
        current = 0
        for statement in _statements(definition.tree):
            needed = found.needed(statement)
            if needed and min(needed) < current:
                return None  # one before is asked for again
            current = min(needed, default=current)
        return found

    def needed(self, item: ItemUse) -> set[int]:
        """The places of the quantities that an item speaks of, those that stand in a later one left out."""
        return set[int]().union(*(self._direct(expr) for expr in expressions(item)))

    def _direct(self, expr: Expr) -> set[int]:
        if expr in self.quantities:
            return {self.quantities.index(expr)}
        return set[int]().union(*map(self._direct, children(expr)))

    def step(self, before: int | None, after: int, name: str) -> tuple[str, Expr]:
        """The operator of an assignment that makes one quantity of another, and what stands after it."""
        wanted, more = self.quantities[after], self.more[after]
        if before is None:
            return "=", wanted
        if more is not None and before == after - 1:
            return "+=", more
        local = Name(name)
        changed = replaced(wanted, lambda part: local if part == self.quantities[before] else None)
        match changed:
            case Binary("+" | "-" | "*" | "//" as op, first, rest) if first == local and not _contains(rest, local):
                return f"{op}=", rest
            case _:
                return "=", changed


def can_be_split(item: ItemUse) -> bool:
    """Whether a sequence can be made part by part."""
    return isinstance(item, SequenceUse) and not any(isinstance(part, ChoiceUse) for part in item.body.items)


def _count(expr: Expr, quantities: Collection[Expr]) -> int:
    """How often quantities are said in an expression."""
    return expr in quantities or sum(_count(part, quantities) for part in children(expr))


def arriving_channels(item: ItemUse) -> Expr | None:
    """The channels that arrive at a layer or a call."""
    match item:
        case CallUse():
            return item.arguments.get(CHANNELS.id)
        case LayerUse():
            return item.features[0]
        case _:
            return None


def _arriving(item: ItemUse) -> Expr | None:
    """The channels that arrive at an item, where they are more than a name or a number."""
    found = arriving_channels(item)
    return None if isinstance(found, Name | Const) else found


def _statements(tree: Tree) -> Iterator[ItemUse]:
    for item in tree.items:
        if isinstance(item, SequenceUse) and can_be_split(item):
            yield from item.body.items
        else:
            yield item


def _is_sum(expr: Expr) -> bool:
    """Whether a quantity has several terms: what a plain multiple of one name is, a reader sees."""
    match expr:
        case Binary("+" | "-"):
            return True
        case Binary("*" | "//", left, right):
            return _is_sum(left) or _is_sum(right)
        case _:
            return False


def _contains(expr: Expr, part: Expr) -> bool:
    return expr == part or any(_contains(child, part) for child in children(expr))
