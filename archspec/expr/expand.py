"""The items of a list expression, each still an expression: what stands in a stage's units."""

from __future__ import annotations

from collections.abc import Mapping

from archspec.expr.evaluate import ExprError, check_items, describe, evaluate, iterations, refuse, truth
from archspec.expr.simplify import fold
from archspec.expr.tree import Binary, Comprehension, Const, Expr, IfElse, Items, Value
from archspec.limits import Budget


def expand(expr: Expr, env: Mapping[str, Value], budget: Budget) -> list[Expr]:
    """The items of a list expression, each still an expression: `[(d, d // 4, 1)] * 2` gives its tuple twice.

    What decides the list's shape (counts, conditions) is evaluated; what stands inside the items is kept, so
    that generated code can say `depth` where the spec says it.
    """
    match expr:
        case Items(items):
            return list(items)
        case Binary("+", left, right):
            return expand(left, env, budget) + expand(right, env, budget)
        case Binary("*", left, right):
            if not _is_list(left, env, budget):
                left, right = right, left
            repeated, times = expand(left, env, budget), evaluate(right, env, budget)
            if not isinstance(times, int):
                refuse("*", (), times)
            check_items(len(repeated) * max(0, times), budget)
            budget.spend(len(repeated) * max(0, times) // 8)
            return repeated * times
        case Comprehension(item, variables):
            found: list[Expr] = []
            for known in iterations(expr, env, budget):
                found.append(fold(item, budget, {name: Const(known[name]) for name in variables}))
                check_items(len(found), budget)
            return found
        case IfElse(test, then, other):
            return expand(then if truth(evaluate(test, env, budget)) else other, env, budget)
        case _:
            value = evaluate(expr, env, budget)
            if not isinstance(value, tuple):
                raise ExprError(f"a list is expected, this is {describe(value)}")
            return [Const(item) for item in value]


def _is_list(expr: Expr, env: Mapping[str, Value], budget: Budget) -> bool:
    match expr:
        case Items() | Comprehension():
            return True
        case Binary("+", left, _):
            return _is_list(left, env, budget)
        case Binary("*", left, right):
            return _is_list(left, env, budget) or _is_list(right, env, budget)
        case Const(value):
            return isinstance(value, tuple)
        case _:
            return isinstance(evaluate(expr, env, budget), tuple)
