"""Sums with like terms put together, conditions without what decides nothing, and texts in as few pieces as can be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Protocol

from archspec.expr.tree import Binary, Bool, Const, Expr, JoinedText

ZERO: Final = Const(0)
ONE: Final = Const(1)


def collected(sum: Binary) -> Expr:
    """A sum of whole numbers with like terms put together: `24 + growth + growth` is `24 + 2 * growth`.

    What is added and taken away again is gone: `a + (b - a)` is `b`.
    """
    apart = list(_terms(sum, taken_apart=True))
    parts = list(_terms(sum, taken_apart=False))
    counts = {atom: 0 for atom, _ in apart}
    for atom, count in apart:
        counts[atom] += count
    if len(apart) > len(parts) and 0 in counts.values() and min(counts.values()) >= 0:
        parts = [(atom, count) for atom, count in counts.items() if count] or [(ONE, 0)]
        return _added(dict(parts))
    if any(isinstance(atom, Const) and atom is not ONE for atom, _ in parts):
        return sum  # a negative number: left as it was written
    terms: dict[Expr, int] = {}
    for atom, count in parts:
        terms[atom] = terms.get(atom, 0) + count
    return sum if len(terms) == len(parts) else _added(terms)


def _added(terms: Mapping[Expr, int]) -> Expr:
    """The sum of some terms, each so many times."""
    total: Expr | None = None
    for atom, count in terms.items():
        term = Const(count) if atom == ONE else atom if count == 1 else Binary("*", Const(count), atom)
        total = term if total is None else Binary("+", total, term)
    assert total is not None
    return total


def _terms(expr: Expr, *, taken_apart: bool) -> Iterator[tuple[Expr, int]]:
    """The terms of a sum, each with how often it counts; a whole number is so many ones.

    With `taken_apart` those of differences, too: what is taken away counts less than nothing.
    """
    match expr:
        case Binary("+", left, right):
            yield from _terms(left, taken_apart=taken_apart)
            yield from _terms(right, taken_apart=taken_apart)
        case Binary("-", left, right) if taken_apart:
            yield from _terms(left, taken_apart=True)
            yield from ((atom, -count) for atom, count in _terms(right, taken_apart=True))
        case Const(int() as value) if not isinstance(value, bool) and value > 0:
            yield ONE, value
        case Binary("*", Const(int() as count), atom) | Binary("*", atom, Const(int() as count)) if (
            not isinstance(count, bool) and count > 0 and not isinstance(atom, Const)
        ):
            yield atom, count
        case _:
            yield expr, 1


def fold_bool(op: str, operands: Iterable[Expr]) -> Expr:
    """`and` or `or` of operands that are folded, those that decide nothing left out."""
    decisive = op == "or"  # the value that settles it: True for `or`, False for `and`
    kept: list[Expr] = []
    for operand in operands:
        if isinstance(operand, Const) and isinstance(operand.value, bool):
            if operand.value is decisive:
                if not kept:
                    return Const(decisive)
                kept.append(operand)
                break
            continue
        kept.append(operand)
    if not kept:
        return Const(not decisive)
    if kept[-1] == Const(decisive):
        return Const(decisive)
    return kept[0] if len(kept) == 1 and not isinstance(kept[0], Const) else Bool(op, tuple(kept))


class WorksOut(Protocol):
    """What gives the value of an expression whose parts are known; else the expression."""

    def __call__(self, expr: Expr, *parts: Expr) -> Expr:
        """The value of `expr`, of which these are the parts, as a constant."""
        ...


def joined_text(parts: Iterable[Expr], worked_out: WorksOut) -> Expr:
    """A text of parts that are folded, with what is known of it in one piece."""
    joined: list[Expr] = []
    for part in parts:
        for piece in part.parts if isinstance(part, JoinedText) else (part,):
            both = worked_out(JoinedText((joined[-1], piece)), joined[-1], piece) if joined else piece
            if joined and isinstance(both, Const):
                joined[-1] = both
            else:
                joined.append(piece)
    return worked_out(JoinedText(tuple(joined)), *joined)
