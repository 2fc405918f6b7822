"""Expressions that a definition says again and again: each becomes a local, as in `hidden = in_channels * expand`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from archspec.codegen.tree import is_row_value
from archspec.expr import Binary, Const, Expr, FunctionCall, Name, names, source
from archspec.expr.tree import children
from archspec.limits import Budget

_SAVED: Final = 50
"""Characters that a local has to save: the line that it takes is read, too."""
_NAME: Final = 9
"""Those of a usual local's name."""


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
        if count > 1
        and count * (len(source(part)) - _NAME) >= _SAVED
        and not _is_multiple(part)
        and _is_plain(part, budget)
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


def _is_multiple(expr: Expr) -> bool:
    """Whether an expression is no more than `2 * width`."""
    return (
        isinstance(expr, Binary)
        and all(isinstance(part, Const | Name) for part in children(expr))
        and any(isinstance(part, Const) for part in children(expr))
    )


def _is_plain(expr: Expr, budget: Budget) -> bool:
    """Whether an expression can be worked out at the beginning: it speaks of no iteration, and divides by a number."""
    if any(name.partition("@")[2].isdecimal() or is_row_value(name) for name in names(expr, budget)):
        return False
    match expr:
        case Binary("/" | "//" | "%" | "**", _, other) if not isinstance(other, Const) or not other.value:
            return False
        case _:
            return all(_is_plain(child, budget) for child in children(expr))
