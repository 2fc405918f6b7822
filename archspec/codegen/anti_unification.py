"""Which expression stands for a number in all instances of a body, and what it means that none does."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from archspec.codegen.symbolic import Sym, expr_of
from archspec.expr import Bool, Compare, Const, Expr, ExprError, IfElse, Items, Name, Value, evaluate
from archspec.ir.attributes import Padding
from archspec.ir.op import Op
from archspec.ir.tensor_type import TensorType
from archspec.limits import Budget

Env = Mapping[str, Value]


class NotUnifiable(Exception):  # noqa: N818 - it is caught and acted upon, no error
    """The instances are not one body: `keys` says which of them belong together."""

    def __init__(self, keys: Sequence[object]) -> None:
        super().__init__("instances differ")
        self.keys = tuple(keys)


def anti_unify(expr: Expr | None, values: Sequence[Value], envs: Sequence[Env], budget: Budget) -> Expr:
    """An expression that has these values in all instances: the one given, else a number or a param.

    Raises:
        Split: none has.
    """
    if expr is not None and _holds(expr, values, envs, budget):
        return expr
    if len(set(values)) == 1:
        return Const(values[0])
    for name in envs[0]:
        if _holds(Name(name), values, envs, budget):
            return Name(name)
    raise NotUnifiable(values)


def _holds(expr: Expr, values: Sequence[Value], envs: Sequence[Env], budget: Budget) -> bool:
    if isinstance(expr, Const):
        return all(value == expr.value for value in values)
    budget.spend(2 * len(values))  # beside the parts of the expression, each of which evaluating it spends
    try:
        return all(evaluate(expr, env, budget) == value for value, env in zip(values, envs, strict=True))
    except ExprError:
        return False


def layer_sizes(
    op: Op,
    exprs: Mapping[str, Expr],
    arriving: Sequence[TensorType],
    features: Sequence[Expr],
    places: Sequence[Sequence[Expr] | None],
    budget: Budget,
) -> list[tuple[Expr, tuple[Expr, ...] | None]]:
    """For each of a layer's results its channels, and its other sizes where one of them is no plain number.

    Both are found by the op's own shape inference on numbers that carry expressions.
    """
    symbolic = {name: _symbolic(getattr(op, name), expr, budget) for name, expr in exprs.items()}
    carrying = [_carrying(*given, budget) for given in zip(arriving, features, places, strict=True)]
    changed: Any = op
    types: tuple[TensorType, ...] = dataclasses.replace(changed, **symbolic).infer_types(carrying)
    sizes = [tuple(map(expr_of, type.places)) for type in types]
    return [
        (expr_of(type.channels), None if all(isinstance(size, Const) for size in found) else found)
        for type, found in zip(types, sizes, strict=True)
    ]


def _symbolic(value: Any, expr: Expr, budget: Budget) -> Any:
    """An attribute whose whole numbers carry their expression."""
    if isinstance(value, tuple) and isinstance(expr, Items):
        return tuple(_symbolic(item, part, budget) for item, part in zip(value, expr.items, strict=False))
    return Sym(value, expr, budget) if isinstance(value, int) and not isinstance(value, bool) else value


def _carrying(type: TensorType, feature: Expr, places: Sequence[Expr] | None, budget: Budget) -> TensorType:
    """The type, its channels and other sizes carrying their expressions."""
    if places is not None:
        type = type.with_places([Sym(size, expr, budget) for size, expr in zip(type.places, places, strict=True)])
    return type.with_channels(Sym(type.channels, feature, budget))


def either(condition: Expr, then: Expr, other: Expr) -> Expr:
    """`then if condition else other`, or one of the two where the condition itself says that it does for both."""
    if then == other or {then, other} in _equal(condition, False):
        return then  # with `when: channels != depth`, `depth` is right on both sides
    return other if {then, other} in _equal(condition, True) else IfElse(condition, then, other)


def _equal(condition: Expr, outcome: bool) -> list[set[Expr]]:
    """Pairs of expressions that are equal whenever the condition has this outcome."""
    match condition:
        case Compare(first, (op,), (second,)) if op == ("==" if outcome else "!="):
            return [{first, second}]
        case Bool(op, operands) if op == ("and" if outcome else "or"):
            return [pair for operand in operands for pair in _equal(operand, outcome)]
        case _:
            return []


def without_sizes(op: Op) -> Op:
    """The op without what depends on the input's size: two layers with `same` padding are the same layer."""
    padding = getattr(op, "padding", None)
    if isinstance(padding, Padding) and padding.is_same:
        changed: Any = op
        resized: Op = dataclasses.replace(changed, padding=dataclasses.replace(padding, sides=None))
        return resized
    return op
