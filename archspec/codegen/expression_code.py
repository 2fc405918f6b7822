"""Long expressions as code that can be broken into lines: calls, lists, sums, conditions, comprehensions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from archspec.codegen.escaping import literal
from archspec.codegen.pretty_printer import Bracket, Code, Infix, Ternary, call
from archspec.expr import Binary, Bool, Compare, Comprehension, Const, Expr, FunctionCall, IfElse, Items, source
from archspec.expr.printing import comprehension_parts, is_list

_SHORT: Final = 60
"""Characters that are one piece."""


def expression_code(expr: Expr, names: Mapping[str, str]) -> Code:
    """An expression as code; `names` has what its names are called."""
    text = source(expr, names)
    if len(text) <= _SHORT:
        return text
    match expr:
        case FunctionCall(function, args) if not is_list(expr):
            return call(function, *(expression_code(arg, names) for arg in args))
        case Items(items) if len(items) > 1:
            return Bracket("", tuple(expression_code(item, names) for item in items))
        case Const(tuple() as values) if len(values) > 1:
            return Bracket("", tuple(map(literal, values)))
        case IfElse(test, then, other) if not isinstance(then, IfElse) and not isinstance(test, IfElse):
            return Ternary(expression_code(then, names), source(test, names), expression_code(other, names))
        case Binary("+"):
            return Infix("+", tuple(_term(part, names) for part in _terms(expr)))
        case Comprehension(test=None):
            item, variables, through, inner = comprehension_parts(expr, names)
            passed = expression_code(through, names)
            if is_list(through):
                passed = source(through, names).removeprefix("tuple(").removesuffix(")")
            return Bracket("tuple", (Infix(f"for {variables} in", (expression_code(item, inner), passed)),))
        case _:
            return text


def _terms(expr: Expr) -> Iterator[Expr]:
    if isinstance(expr, Binary) and expr.op == "+":
        yield from _terms(expr.left)
        yield expr.right
    else:
        yield expr


def _term(expr: Expr, names: Mapping[str, str]) -> Code:
    if isinstance(expr, IfElse | Compare | Bool) or (isinstance(expr, Binary) and expr.op in ("+", "-")):
        return f"({source(expr, names)})"
    return expression_code(expr, names)
