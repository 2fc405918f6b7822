"""Expressions that a definition says again and again: each becomes a local, as in `hidden = in_channels * expand`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from archspec.expr import Binary, Const, Expr, FunctionCall, names
from archspec.expr.tree import children
from archspec.limits import Budget

_PARTS: Final = 3
"""Parts of the smallest expression that a local stands for: `a * b`."""
_USES: Final = {3: 4}
"""How often one of so many parts has to occur; longer ones twice."""


def shared_expressions(exprs: Iterable[Expr], budget: Budget) -> list[Expr]:
    """The expressions that occur often enough, shorter ones first, which may be parts of those after them."""
    counts: Counter[Expr] = Counter()
    sizes: dict[Expr, int] = {}
    outer: dict[Expr, Counter[Expr]] = {}
    for expr in exprs:
        for part, around in _parts(expr, None):
            budget.spend(1)
            counts[part] += 1
            sizes.setdefault(part, _size(part))
            if around is not None:
                outer.setdefault(part, Counter())[around] += 1
    usable = {
        part
        for part, count in counts.items()
        if sizes[part] >= _PARTS and count >= _USES.get(sizes[part], 2) and _is_plain(part, budget)
    }
    # What always stands in one longer expression that has a local needs none.
    found = [
        part for part in usable if not any(other in usable and n == counts[part] for other, n in _around(part, outer))
    ]
    return sorted(found, key=lambda part: (sizes[part], list(counts).index(part)))


def _around(part: Expr, outer: dict[Expr, Counter[Expr]]) -> Iterator[tuple[Expr, int]]:
    yield from outer.get(part, Counter[Expr]()).items()


def _parts(expr: Expr, around: Expr | None) -> Iterator[tuple[Expr, Expr | None]]:
    if isinstance(expr, Binary | FunctionCall):
        yield expr, around
    for child in children(expr):
        yield from _parts(child, expr)


def _size(expr: Expr) -> int:
    return 1 + sum(map(_size, children(expr)))


def _is_plain(expr: Expr, budget: Budget) -> bool:
    """Whether an expression can be worked out at the beginning: it speaks of no iteration, and divides by a number."""
    if any(name.partition("@")[2].isdecimal() for name in names(expr, budget)):
        return False
    match expr:
        case Binary("/" | "//" | "%" | "**", _, other) if not isinstance(other, Const) or not other.value:
            return False
        case _:
            return all(_is_plain(child, budget) for child in children(expr))
