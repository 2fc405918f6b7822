"""Expressions that a definition says again and again: each becomes a local, as in `hidden = in_channels * expand`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from archspec.codegen.tree import is_row_value
from archspec.expr import Binary, Const, Expr, FunctionCall, Name, names, source
from archspec.expr.tree import children
from archspec.limits import Budget

_SAVED: Final = 50
"""Characters that a local has to save: the line that it takes is read, too."""
_NAME: Final = 9
"""Those of a usual local's name."""
_FAMILY: Final = 3
"""As many locals of one kind at least are a list."""


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


@dataclass(frozen=True, slots=True)
class Family:
    """Expressions that differ in one number alone: `make_divisible(c * width) for c in (16, 24, 32)`."""

    pattern: Expr
    """What they are, with a name for the number."""
    numbers: tuple[int, ...]
    members: tuple[Expr, ...]


def family(shared: Sequence[Expr], exprs: Iterable[Expr], number: str, budget: Budget) -> Family | None:
    """The family of the most of these shared expressions, with all others of its kind; None where it is small."""
    mentioned = list(dict.fromkeys(part for expr in exprs for part, _ in _parts(expr, None)))
    best: Family | None = None
    for base in shared:
        for path, value in _numbers(base):
            found = {base: value}
            budget.spend(len(mentioned))
            for other in mentioned:
                differing = _differing(base, other)
                if differing is not None and differing[0] == path:
                    found[other] = differing[1]
            members = tuple(part for part in mentioned if part in found)
            if sum(part in shared for part in members) >= _FAMILY and (not best or len(best.members) < len(members)):
                pattern = _put(base, path, Name(number))
                best = Family(pattern, tuple(found[part] for part in members), members)
    return best


def _numbers(expr: Expr, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], int]]:
    if isinstance(expr, Const) and type(expr.value) is int:
        yield path, expr.value
    for place, part in enumerate(children(expr)):
        yield from _numbers(part, (*path, place))


def _differing(base: Expr, other: Expr) -> tuple[tuple[int, ...], int] | None:
    """Where alone another expression has another number, and which."""
    first, second = dict(_numbers(base)), dict(_numbers(other))
    if first.keys() != second.keys():
        return None
    places = [path for path, value in first.items() if second[path] != value]
    if len(places) != 1 or _put(base, places[0], Const(second[places[0]])) != other:
        return None
    return places[0], second[places[0]]


def _put(expr: Expr, path: Sequence[int], part: Expr) -> Expr:
    """An expression with another part in a place."""
    if not path:
        return part
    inner = list(children(expr))
    inner[path[0]] = _put(inner[path[0]], path[1:], part)
    match expr:
        case Binary(op):
            return Binary(op, *inner)
        case FunctionCall(function):
            return FunctionCall(function, tuple(inner))
        case _:
            return expr
