"""Text to expression tree, by way of Python's own parser; nothing is ever executed."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from archspec.expr.evaluate import FUNCTIONS, ExprError, check_number
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
    Name,
    Slice,
    Unary,
    bound_name,
)
from archspec.limits import Budget
from archspec.records import record

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
        return _Converter({}, 0).convert(tree.body)
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


@record
class _Converter:
    bound: Mapping[str, str]
    """The variables of the comprehensions around, and what they are called in the tree."""
    depth: int

    def convert(self, node: ast.expr) -> Expr:
        """The part of the tree that a part of Python's stands for."""
        if self.depth > _DEEPEST:
            raise ExprError("the expression is nested too deeply")
        return _Converter(self.bound, self.depth + 1)._part(node)

    def _part(self, node: ast.expr) -> Expr:
        match node:
            case ast.Constant(value=bool() | str() | None as value):
                return Const(value)
            case ast.Constant(value=int() | float() as number):
                return Const(check_number(number))
            case ast.Name(id="true" | "false" as word):  # as YAML writes them; Python's words are constants already
                return Const(word == "true")
            case ast.Name(id=name):
                return Name(self.bound.get(name, name))
            case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
                return Unary(_UNARY[type(op)], self.convert(operand))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return Binary(_BINARY[type(op)], self.convert(left), self.convert(right))
            case ast.Compare(left=first, ops=ops, comparators=rest) if all(type(op) in _COMPARE for op in ops):
                return Compare(
                    self.convert(first),
                    tuple(_COMPARE[type(op)] for op in ops),
                    tuple(map(self.convert, rest)),
                )
            case ast.BoolOp(op=op, values=values):
                joiner = "and" if isinstance(op, ast.And) else "or"
                return Bool(joiner, tuple(map(self.convert, values)))
            case ast.IfExp(test=test, body=then, orelse=other):
                return IfElse(self.convert(test), self.convert(then), self.convert(other))
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return Items(tuple(map(self.convert, items)))
            case ast.Subscript(value=value, slice=ast.Slice(lower=lower, upper=upper, step=None)):
                ends = [None if end is None else self.convert(end) for end in (lower, upper)]
                return Slice(self.convert(value), *ends)
            case ast.Subscript(value=value, slice=index) if not isinstance(index, ast.Slice):
                return Index(self.convert(value), self.convert(index))
            case ast.ListComp(elt=item, generators=[loop]) | ast.GeneratorExp(elt=item, generators=[loop]):
                return self._comprehension(item, loop, node)
            case ast.JoinedStr(values=parts):
                return JoinedText(tuple(map(self._in_text, parts)))
            case ast.Call(func=ast.Name(id=function), args=args, keywords=[]) if function in FUNCTIONS:
                return FunctionCall(function, tuple(map(self.convert, args)))
            case ast.Call(func=ast.Name(id=function)):
                known = ", ".join(sorted(FUNCTIONS))
                raise ExprError(f"`{function}` is not a function of this language (they are: {known})")
            case _:
                raise ExprError(f"`{ast.unparse(node)[:60]}` is not allowed in an expression")

    def _in_text(self, node: ast.expr) -> Expr:
        """A part of an f-string: text, or an expression in braces without a format of its own."""
        match node:
            case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
                return self.convert(value)
            case ast.Constant():
                return self.convert(node)
            case _:
                raise ExprError(f"`{ast.unparse(node)[:60]}` is not allowed: what stands in braces has no format")

    def _comprehension(self, item: ast.expr, loop: ast.comprehension, node: ast.expr) -> Expr:
        targets = loop.target.elts if isinstance(loop.target, ast.Tuple) else [loop.target]
        written = [target.id for target in targets if isinstance(target, ast.Name)]
        if len(written) < len(targets) or len({*written}) < len(written) or len(loop.ifs) > 1 or loop.is_async:
            raise ExprError(f"`{ast.unparse(node)[:60]}` is not allowed in an expression")
        found = {name: bound_name(name, self.depth) for name in written}
        inner = _Converter({**self.bound, **found}, self.depth)
        test = inner.convert(loop.ifs[0]) if loop.ifs else None
        return Comprehension(inner.convert(item), tuple(found.values()), self.convert(loop.iter), test)
