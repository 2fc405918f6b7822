"""Parts of expressions: others in their place, and what a part of a table may be."""

from __future__ import annotations

from collections.abc import Callable

from archspec.expr.tree import (
    Binary,
    Bool,
    Compare,
    Comprehension,
    Const,
    Expr,
    FunctionCall,
    IfElse,
    Index,
    Items,
    JoinedText,
    Slice,
    Unary,
    Value,
)


def replaced(expr: Expr, other: Callable[[Expr], Expr | None]) -> Expr:
    """An expression with others in place of some of its parts, outer ones first; None leaves a part as it is."""
    found = other(expr)
    if found is not None:
        return found

    def inside(part: Expr) -> Expr:
        return replaced(part, other)

    match expr:
        case Unary(op, operand):
            return Unary(op, inside(operand))
        case Binary(op, left, right):
            return Binary(op, inside(left), inside(right))
        case Compare(first, ops, rest):
            return Compare(inside(first), ops, tuple(map(inside, rest)))
        case Bool(op, operands):
            return Bool(op, tuple(map(inside, operands)))
        case IfElse(test, then, otherwise):
            return IfElse(inside(test), inside(then), inside(otherwise))
        case FunctionCall(function, args):
            return FunctionCall(function, tuple(map(inside, args)))
        case Items(items):
            return Items(tuple(map(inside, items)))
        case Index(value, index):
            return Index(inside(value), inside(index))
        case Slice(value, start, stop):
            return Slice(
                inside(value), None if start is None else inside(start), None if stop is None else inside(stop)
            )
        case Comprehension(item, variables, values, test):
            return Comprehension(inside(item), variables, inside(values), None if test is None else inside(test))
        case JoinedText(parts):
            return JoinedText(tuple(map(inside, parts)))
        case _:
            return expr


def reached(expr: Expr) -> tuple[Value, ...]:
    """The values that an item of a table may be, whatever the indices are; a single None where that is not known."""
    match expr:
        case Const(value):
            return (value,)
        case Index(base, at):
            found: list[Value] = []
            for row in reached(base):
                if not isinstance(row, tuple) or not row:
                    return (None,)
                if not isinstance(at, Const):
                    found += row
                elif type(at.value) is int and -len(row) <= at.value < len(row):
                    found.append(row[at.value])
                else:
                    return (None,)
            return tuple(found)
        case _:
            return (None,)
