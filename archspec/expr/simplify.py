"""Working on expression trees: which names, putting one expression into another, folding what is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from archspec.expr.evaluate import (
    ExprError,
    apply_binary,
    apply_call,
    apply_compare,
    apply_index,
    apply_unary,
    joined,
)
from archspec.expr.tree import (
    Binary,
    Bool,
    Call,
    Compare,
    Const,
    Expr,
    IfElse,
    Index,
    Items,
    Name,
    Unary,
    children,
)
from archspec.limits import meter


def names(expr: Expr) -> frozenset[str]:
    """The names that an expression mentions."""
    found: set[str] = set()
    parts, count = [expr], 0
    while parts:
        part = parts.pop()
        count += 1
        if isinstance(part, Name):
            found.add(part.id)
        elif not isinstance(part, Const):
            parts += children(part)
    meter().spend(count)
    return frozenset(found)


def substitute(expr: Expr, values: Mapping[str, Expr]) -> Expr:
    """`expr` with names replaced by expressions, and folded."""
    return fold(expr, values)


_OPPOSITE: Final = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "in": "not in", "not in": "in"}


def negated(expr: Expr) -> Expr:
    """What is true where `expr` is false, as people write it: `a != b or c` for `a == b and not c`."""
    match expr:
        case Unary("not", operand):
            return operand
        case Compare(first, (link,), (second,)):
            return Compare(first, (_OPPOSITE[link],), (second,))
        case Bool(op, operands):
            return Bool("or" if op == "and" else "and", tuple(negated(operand) for operand in operands))
        case _:
            return Unary("not", expr)


def fold(expr: Expr, values: Mapping[str, Expr] | None = None) -> Expr:
    """Replace names by `values` and work out what is then known: `4 * w // 4` with `w = 16` gives `16`.

    What cannot be worked out stays as it is, an error included: folding never fails.
    """
    try:
        return _fold(expr, values or {}) if not isinstance(expr, Const) else expr
    except ExprError:
        return expr


def _fold(expr: Expr, values: Mapping[str, Expr]) -> Expr:
    meter().spend(2)  # a part is made anew, and kept
    match expr:
        case Const():
            return expr
        case Name(name):
            return values.get(name, expr)
        case Unary(op, operand):
            inner = _fold(operand, values)
            return Const(apply_unary(op, inner.value)) if isinstance(inner, Const) else Unary(op, inner)
        case Binary(op, left, right):
            return _fold_binary(op, _fold(left, values), _fold(right, values))
        case Compare(first, ops, rest):
            parts = [_fold(first, values)]
            for link, item in zip(ops, rest, strict=True):
                parts.append(_fold(item, values))
                left, right = parts[-2:]
                if not (isinstance(left, Const) and isinstance(right, Const)):
                    parts += [_fold(item, values) for item in rest[len(parts) - 1 :]]
                    break
                if not apply_compare(link, left.value, right.value):
                    return Const(False)  # and what comes after it is not looked at, as in Python
            else:
                return Const(True)
            if len(parts) == 2 and parts[0] == parts[1] and ops[0] in ("==", "!=", "<=", ">="):
                return Const(ops[0] != "!=")
            return Compare(parts[0], ops, tuple(parts[1:]))
        case Bool(op, operands):
            return _fold_bool(op, (_fold(operand, values) for operand in operands))
        case IfElse(test, then, other):
            condition = _fold(test, values)
            if isinstance(condition, Const):
                return _fold(then if condition.value else other, values)
            return IfElse(condition, _fold(then, values), _fold(other, values))
        case Items(items):
            folded_items = tuple(_fold(item, values) for item in items)
            if all(isinstance(item, Const) for item in folded_items):
                return Const(joined(item.value for item in folded_items if isinstance(item, Const)))
            return Items(folded_items)
        case Index(value, index):
            base, at = _fold(value, values), _fold(index, values)
            if isinstance(base, Const) and isinstance(at, Const):
                return Const(apply_index(base.value, at.value))
            return Index(base, at)
        case Call(function, args):
            folded_args = [_fold(arg, values) for arg in args]
            if all(isinstance(arg, Const) for arg in folded_args):
                return Const(apply_call(function, tuple(arg.value for arg in folded_args if isinstance(arg, Const))))
            return Call(function, tuple(folded_args))


def _fold_binary(op: str, left: Expr, right: Expr) -> Expr:
    if isinstance(left, Const) and isinstance(right, Const):
        return Const(apply_binary(op, left.value, right.value))
    # The neutral elements; `1.0 * x` is left alone, since it turns an integer into a float.
    if (op == "+" and left == Const(0)) or (op == "*" and left == Const(1) and isinstance(left.value, int)):
        return right
    if (op in ("+", "-") and right == Const(0)) or (op in ("*", "//") and right == Const(1)):
        return left if isinstance(right.value, int) else Binary(op, left, right)
    if op == "//" and isinstance(right, Const) and isinstance(right.value, int):
        match left:
            case Binary("*", Const(int() as factor), Binary("//") as inner) if factor == right.value != 0:
                return inner  # which has no fraction: a number of parts, put together and divided again
            case _:
                pass
    whole = Binary(op, left, right)
    return _collected(whole) if op == "+" else whole


def _collected(sum: Binary) -> Expr:
    """A sum with like terms put together: `24 + growth + growth` is `24 + 2 * growth`; else the sum as it stands."""
    parts = list(_terms(sum))
    if any(isinstance(atom, Const) and atom is not _ONE for atom, _ in parts):
        return sum  # a float or a negative number: left as it was written
    terms: dict[Expr, int] = {}
    for atom, count in parts:
        terms[atom] = terms.get(atom, 0) + count
    if len(terms) == len(parts):
        return sum
    total: Expr | None = None
    for atom, count in terms.items():
        term = Const(count) if atom == _ONE else atom if count == 1 else Binary("*", Const(count), atom)
        total = term if total is None else Binary("+", total, term)
    assert total is not None
    return total


_ONE: Final = Const(1)


def _terms(expr: Expr) -> Iterator[tuple[Expr, int]]:
    """The terms of a sum, each with how often it counts; a whole number is so many ones."""
    match expr:
        case Binary("+", left, right):
            yield from _terms(left)
            yield from _terms(right)
        case Const(int() as value) if not isinstance(value, bool) and value > 0:
            yield _ONE, value
        case Binary("*", Const(int() as count), atom) | Binary("*", atom, Const(int() as count)) if (
            not isinstance(count, bool) and count > 0 and not isinstance(atom, Const)
        ):
            yield atom, count
        case _:
            yield expr, 1


def _fold_bool(op: str, operands: Iterable[Expr]) -> Expr:
    decisive = op == "or"  # the value that settles it: True for `or`, False for `and`
    kept: list[Expr] = []
    for operand in operands:
        if isinstance(operand, Const):
            if operand.value is decisive:
                if not kept:
                    return Const(decisive)
                kept.append(operand)
                break
            continue
        kept.append(operand)
    if not kept:
        return Const(not decisive)
    if isinstance(kept[-1], Const):
        return Const(decisive)
    return kept[0] if len(kept) == 1 else Bool(op, tuple(kept))
