"""Text to expression tree, by way of Python's own parser; nothing is ever executed."""

from __future__ import annotations

import ast
import warnings
from functools import lru_cache
from typing import Final

from archspec.expr.evaluate import FUNCTIONS, ExprError, check_number
from archspec.expr.tree import Binary, Bool, Compare, Const, Expr, FunctionCall, IfElse, Index, Items, Name, Unary
from archspec.limits import Budget

_DEEPEST: Final = 100  # of a tree, whose walks use Python's stack

_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
}
_UNARY: dict[type[ast.unaryop], str] = {ast.USub: "-", ast.UAdd: "+", ast.Not: "not"}
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
}


_SHORT: Final = 500


def parse(text: str, budget: Budget) -> Expr:
    """Parse an expression.

    Raises:
        ExprError: the text is not an expression of this language, or is longer or deeper than the limits.
        WorkError: the limit on the work of a whole network is passed.
    """
    most = budget.limits
    if len(text) > most.expression:
        raise ExprError(f"the expression has {len(text)} characters; at most {most.expression} are read")
    budget.spend(len(text) // 2)  # here, not below: what a limit means does not depend on what was read before
    return (_parse if len(text) <= _SHORT else _parse_long)(text, most.brackets)


@lru_cache(maxsize=4096)
def _parse(text: str, brackets: int) -> Expr:
    _check_depth(text, brackets)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's remarks on `1if x else 2` and the like
            tree = ast.parse(text.strip(), mode="eval")
        return _convert(tree.body, 0)
    except (SyntaxError, ValueError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise ExprError(f"not an expression: {reason}") from None
    except (RecursionError, MemoryError):
        raise ExprError("the expression is nested too deeply") from None


# The trees of long expressions are large: few are kept.
_parse_long: Final = lru_cache(maxsize=64)(_parse.__wrapped__)


def _check_depth(text: str, most: int) -> None:
    """Refuse deep nesting before Python's parser sees it."""
    depth = 0
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        if depth > most:
            raise ExprError(f"brackets are nested more than {most} deep")


def _convert(node: ast.expr, depth: int) -> Expr:
    if depth > _DEEPEST:
        raise ExprError("the expression is nested too deeply")
    down = depth + 1
    match node:
        case ast.Constant(value=bool() | str() | None as value):
            return Const(value)
        case ast.Constant(value=int() | float() as number):
            return Const(check_number(number))
        case ast.Name(id="true" | "false" as word):  # as YAML writes them; Python's words are constants already
            return Const(word == "true")
        case ast.Name(id=name):
            return Name(name)
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            return Unary(_UNARY[type(op)], _convert(operand, down))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return Binary(_BINARY[type(op)], _convert(left, down), _convert(right, down))
        case ast.Compare(left=first, ops=ops, comparators=rest) if all(type(op) in _COMPARE for op in ops):
            return Compare(
                _convert(first, down),
                tuple(_COMPARE[type(op)] for op in ops),
                tuple(_convert(item, down) for item in rest),
            )
        case ast.BoolOp(op=op, values=values):
            joiner = "and" if isinstance(op, ast.And) else "or"
            return Bool(joiner, tuple(_convert(value, down) for value in values))
        case ast.IfExp(test=test, body=then, orelse=other):
            return IfElse(_convert(test, down), _convert(then, down), _convert(other, down))
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return Items(tuple(_convert(item, down) for item in items))
        case ast.Subscript(value=value, slice=index) if not isinstance(index, ast.Slice):
            return Index(_convert(value, down), _convert(index, down))
        case ast.Call(func=ast.Name(id=function), args=args, keywords=[]) if function in FUNCTIONS:
            return FunctionCall(function, tuple(_convert(arg, down) for arg in args))
        case ast.Call(func=ast.Name(id=function)):
            known = ", ".join(sorted(FUNCTIONS))
            raise ExprError(f"`{function}` is not a function of this language (they are: {known})")
        case _:
            raise ExprError(f"`{ast.unparse(node)[:60]}` is not allowed in an expression")
