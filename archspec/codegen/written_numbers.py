"""Numbers of initializers that source works out: of one that an expression of the network's params gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
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
    initializers: Sequence[object],
    expr: Expr,
    envs: Sequence[Mapping[str, Value]],
    arguments: Collection[str],
    budget: Budget,
) -> bool:
    """Whether an expression of nothing but these arguments gives the number of an initializer in all instances."""
    first: Any = initializers[0]
    if not isinstance(first, Initializer) or first.scalar is None or not names(expr, budget) <= {*arguments}:
        return False
    for initializer, env in zip(initializers, envs, strict=True):
        if type(initializer) is not type(first):
            return False
        others = [field for field in dataclasses.fields(first) if field.name != first.scalar]
        if any(getattr(initializer, field.name) != field.default for field in others):  # it may stand for one of these
            return False
        number = getattr(initializer, first.scalar)
        try:
            if isinstance(number, str) or evaluate(expr, env, budget) != number:
                return False
        except ExprError:
            return False
    return True


def starts_with(
    numbers: Sequence[object],
    expr: Expr,
    envs: Sequence[Mapping[str, Value]],
    arguments: Collection[str],
    budget: Budget,
) -> bool:
    """Whether an expression of nothing but these arguments gives what weights start with in all instances."""
    if not names(expr, budget) <= {*arguments}:
        return False
    try:
        return all(evaluate(expr, env, budget) == number for number, env in zip(numbers, envs, strict=True))
    except ExprError:
        return False


def with_written(use: LayerUse, spell: Callable[[Expr], str]) -> LayerUse:
    """A layer, of which the numbers that its weights are drawn by are written where they are expressions."""
    values = {
        name: WrittenNumber(use.value(name), expr, spell)
        if isinstance(use.value(name), float)
        else initializer_of(use, name, spell)
        for name, expr in use.draws.items()
    }
    return dataclasses.replace(use, values={**use.values, **values})


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
