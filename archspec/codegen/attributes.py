"""Which attributes of a layer are printed as expressions, and which must be one value in all instances.

Source can say `stride=stride` for a number. It cannot say it for a word or an initializer, which decide what is
written in the first place. Those are the same in all instances of a definition; otherwise it is two definitions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from archspec.codegen.anti_unification import Env, NotUnifiable
from archspec.codegen.written_numbers import is_writable, starts_with
from archspec.expr import Const, Expr, ExprError, Items, Value, evaluate
from archspec.ir.attributes import (
    AttributeValueError,
    BoolKind,
    FloatKind,
    IntKind,
    Kind,
    Padding,
    PaddingKind,
    PerAxisKind,
    ShapeKind,
    SidesKind,
)
from archspec.ir.op import Op
from archspec.ir.ops.linear import Convolution
from archspec.limits import Budget

Words: TypeAlias = Callable[[Sequence[Op]], bool]
"""Says of a layer in each instance, where some pad by `same` and others not at all, whether the word can be given."""


def convolves(ops: Sequence[Op]) -> bool:
    """Whether these are convolutions: frameworks take the word for their padding as a spec does."""
    return all(isinstance(op, Convolution) for op in ops)


@dataclass(slots=True)
class Attributes:
    """A layer's attributes: each is either a value or an expression."""

    values: dict[str, Any] = field(default_factory=dict[str, Any])
    exprs: dict[str, Expr] = field(default_factory=dict[str, Expr])
    unified: dict[str, Expr] = field(default_factory=dict[str, Expr])
    """Expressions that gave way to a value; it holds for what they gave here alone."""
    draws: dict[str, Expr] = field(default_factory=dict[str, Expr])
    """What the number of an initializer among the values is in each instance, or what weights start with."""


def attributes(
    ops: Sequence[Op],
    exprs: Mapping[str, Expr],
    envs: Sequence[Env],
    budget: Budget,
    arguments: Collection[str],
    words: Words,
    others: Sequence[Op] = (),
) -> Attributes:
    """The attributes of a layer from its op in each instance and the spec's expressions.

    `arguments` are the names that the number of an initializer may speak of; `others` are what the layer is by other
    words for its padding, where arguments of the network's may give these.

    Raises:
        Split: the instances differ where no expression can be printed.
    """
    found = Attributes()
    for name, info in ops[0].attributes().items():
        expr = exprs.get(name)
        values = [getattr(op, name) for op in ops]
        if expr is None:
            continue
        known = [*values, *(getattr(op, name) for op in others)]
        starts = any(name in op.starting() for op in ops)
        is_word = _is_word(expr, values, known, envs, budget) and words([*ops, *others])
        if starts:
            if not isinstance(expr, Const) and starts_with(values, expr, envs, arguments, budget):
                found.values[name], found.draws[name] = values[0], expr
        elif is_word or _printable(name, info.kind, expr, values, envs, budget):
            found.exprs[name] = expr
        elif is_writable(values, expr, envs, arguments, budget):
            found.values[name], found.draws[name] = values[0], expr
    for op in ops:
        for name in op.structural():
            found.exprs.pop(name, None)
    for name in ops[0].attributes():
        if name in found.exprs or name in found.draws:
            continue
        values = [getattr(op, name) for op in ops]
        if len(set(values)) > 1:
            raise NotUnifiable(values)
        found.values[name] = values[0]
        if name in exprs:
            found.unified[name] = exprs[name]
    return found


def _printable(name: str, kind: Kind, expr: Expr, values: Sequence[Any], envs: Sequence[Env], budget: Budget) -> bool:
    """Whether source can hold the expression itself, and it gives what the graph has in all instances."""
    if isinstance(expr, Const):
        return False
    try:
        given = [evaluate(expr, env, budget) for env in envs]
        read = [kind.read(value) for value in given]
        if not all(map(kind.means, read, values)):
            return False
    except (ExprError, AttributeValueError):
        return False
    match kind:
        case IntKind():
            return all(map(_whole, given))
        case FloatKind():
            return True
        case BoolKind():
            return name in ("bias", "grid")  # the others decide which layer it is
        case PerAxisKind():
            return all(_whole(value) or _whole_list(value) for value in given)
        case ShapeKind():
            return isinstance(expr, Items)  # how many sizes there are decides what is written
        case SidesKind():
            return isinstance(expr, Items) or all(map(_whole, given))  # a layer has to name each side
        case PaddingKind():
            if isinstance(expr, Items) and all(map(_both_sides, given, values)):
                return True
            if all(map(_whole, given)):
                return True
            by_axis = all(_whole(value) or _whole_list(value) for value in given)
            # Of a signal a list of one: frameworks take a number for it, or both sides.
            return (
                by_axis and not any(map(_both_sides, given, values)) and all(len(value.sides) > 1 for value in values)
            )
        case _:
            return False


def _is_word(expr: Expr, values: Sequence[Any], known: Sequence[Any], envs: Sequence[Env], budget: Budget) -> bool:
    """Whether an expression is the word for a padding, `same` in some cases that are known and `valid` in others."""
    if not all(isinstance(value, Padding) for value in known) or len({value.is_same for value in known}) == 1:
        return False
    try:
        given = [evaluate(expr, env, budget) for env in envs]
    except ExprError:
        return False
    return all(
        word == ("same" if value.is_same else "valid") and not value.lower
        for word, value in zip(given, values, strict=True)
    )


def _whole(value: Value) -> bool:
    # A spec takes 4.0 for a whole number, frameworks do not.
    return isinstance(value, int) and not isinstance(value, bool)


def _whole_list(value: Value) -> bool:
    return isinstance(value, tuple) and all(map(_whole, value))


def _both_sides(given: Value, padding: Padding) -> bool:
    """Whether a list has two numbers for each axis."""
    return isinstance(given, tuple) and padding.sides is not None and len(given) == 2 * len(padding.sides)
