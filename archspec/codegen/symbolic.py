"""Numbers that remember the expression they came from, so that shape inference works on expressions too.

An op's `infer_types` is plain arithmetic. Given channel counts that carry expressions it gives channel counts that
carry expressions: a concatenation of `in_channels` and `growth` has `in_channels + growth` channels. What an
expression claims is never taken on trust: the builder evaluates it for every instance (see `build.py`).
"""

from __future__ import annotations

from typing import Final

from archspec.expr import Binary, Const, Expr, Unary, fold
from archspec.expr.tree import children
from archspec.limits import Budget

LARGEST: Final = 40
"""An expression with more parts than this is no way to write a number of channels."""


class Sym(int):
    """A whole number with the expression behind it."""

    expr: Expr
    budget: Budget

    def __new__(cls, value: int, expr: Expr, budget: Budget) -> Sym:
        """`value`, which `expr` is said to give; `budget` is what working on the expression may take."""
        self = super().__new__(cls, value)
        self.expr, self.budget = expr, budget
        return self

    def __add__(self, other: int) -> Sym:
        return _combine("+", self, other, self.budget)

    def __radd__(self, other: int) -> Sym:
        return _combine("+", other, self, self.budget)

    def __sub__(self, other: int) -> Sym:
        return _combine("-", self, other, self.budget)

    def __rsub__(self, other: int) -> Sym:
        return _combine("-", other, self, self.budget)

    def __mul__(self, other: int) -> Sym:
        return _combine("*", self, other, self.budget)

    def __rmul__(self, other: int) -> Sym:
        return _combine("*", other, self, self.budget)

    def __floordiv__(self, other: int) -> Sym:
        # Shape inference divides channels only where nothing is left over, so a factor can be taken away.
        match self.expr:
            case Binary("*", expr, Const(int() as factor)) | Binary("*", Const(int() as factor), expr) if (
                factor == other and not isinstance(other, Sym)
            ):
                return Sym(int(self) // int(other), expr, self.budget)
            case _:
                return _combine("//", self, other, self.budget)

    __hash__ = int.__hash__

    def __eq__(self, other: object) -> bool:
        return int(self) == other


def expr_of(value: int) -> Expr:
    """The expression behind a number; a plain one stands for itself."""
    return value.expr if isinstance(value, Sym) else Const(int(value))


def _combine(op: str, left: int, right: int, budget: Budget) -> Sym:
    plain = {
        "+": int.__add__,
        "-": int.__sub__,
        "*": int.__mul__,
        "//": int.__floordiv__,
    }[op](int(left), int(right))
    first, second = expr_of(left), expr_of(right)
    negated = _negated(second)
    if negated is not None and op in ("+", "-"):  # `n - 2`, not `n + -2`
        op, second = "-" if op == "+" else "+", negated
    return Sym(plain, fold(Binary(op, first, second), budget, is_whole=True), budget)


def _negated(expr: Expr) -> Expr | None:
    """What stands behind a minus, if one stands in front."""
    match expr:
        case Const(int() as value) if value < 0:
            return Const(-value)
        case Unary("-", operand):
            return operand
        case _:
            return None


def is_large(expr: Expr) -> bool:
    """Whether an expression has more than `LARGEST` parts. Shared parts count each time; counting stops there."""
    count, left = 0, [expr]
    while left:
        left.extend(children(left.pop()))
        count += 1
        if count > LARGEST:
            return True
    return False
