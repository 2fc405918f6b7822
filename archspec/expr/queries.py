"""What an expression mentions, and what is true where it is false."""

from __future__ import annotations

from typing import Final

from archspec.expr.tree import Bool, Compare, Const, Expr, Name, Unary, children, is_bound
from archspec.limits import Budget

_NONE: Final = frozenset[str]()


def names(expr: Expr, budget: Budget) -> frozenset[str]:
    """The names that an expression mentions, but for variables of its comprehensions."""
    if type(expr) is Const:  # as most are
        budget.spend(1)
        return _NONE
    if type(expr) is Name and not is_bound(expr.id):
        budget.spend(1)
        return frozenset((expr.id,))
    found: set[str] = set()
    parts, count = [expr], 0
    while parts:
        part = parts.pop()
        count += 1
        if isinstance(part, Name):
            found.update(() if is_bound(part.id) else (part.id,))
        elif not isinstance(part, Const):
            parts += children(part)
    budget.spend(count)
    return frozenset(found)


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
