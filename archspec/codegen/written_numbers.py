"""Numbers of initializers that source works out: of one that an expression of the network's params gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any

from archspec.codegen.tree import LayerUse
from archspec.expr import Binary, Const, Expr, ExprError, Unary, Value, evaluate, names
from archspec.ir.initializers import Initializer
from archspec.limits import Budget


class WrittenNumber(float):
    """A number that is printed as an expression, and equal to none that is printed otherwise."""

    expr: Expr
    spell: Callable[[Expr], str]

    def __new__(cls, value: float, expr: Expr, spell: Callable[[Expr], str]) -> WrittenNumber:
        """`value`, which `expr` gives; `spell` prints it."""
        self = super().__new__(cls, value)
        self.expr, self.spell = expr, spell
        return self

    @property
    def text(self) -> str:
        """It as source."""
        return self.spell(self.expr)

    def __neg__(self) -> WrittenNumber:
        return WrittenNumber(-float(self), Unary("-", self.expr), self.spell)

    def __rmul__(self, factor: float) -> WrittenNumber:
        return WrittenNumber(factor * float(self), Binary("*", Const(factor), self.expr), self.spell)

    def __hash__(self) -> int:
        return hash(self.expr)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WrittenNumber) and self.expr == other.expr

    def __ne__(self, other: object) -> bool:
        return not self == other


def is_writable(
    initializer: object, expr: Expr, env: Mapping[str, Value], params: Collection[str], budget: Budget
) -> bool:
    """Whether the number of an initializer is what an expression of nothing but these params gives."""
    if not isinstance(initializer, Initializer) or initializer.scalar is None or not names(expr, budget) <= {*params}:
        return False
    changed: Any = initializer
    others = [field for field in dataclasses.fields(changed) if field.name != initializer.scalar]
    if any(getattr(initializer, field.name) != field.default for field in others):  # it may stand for one of these
        return False
    try:
        return bool(evaluate(expr, env, budget) == getattr(initializer, initializer.scalar))
    except ExprError:
        return False


def initializer_of(use: LayerUse, name: str, spell: Callable[[Expr], str]) -> Initializer:
    """A layer's initializer, its number written where it is an expression."""
    found: Initializer = use.value(name)
    expr = use.draws.get(name)
    if expr is None or found.scalar is None:
        return found
    changed: Any = found
    written: Initializer = dataclasses.replace(
        changed, **{found.scalar: WrittenNumber(getattr(found, found.scalar), expr, spell)}
    )
    return written
