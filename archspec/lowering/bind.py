"""What a block's params and the network's stand for: values, and the expressions behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from archspec.errors import Diagnostic, Span, SpecError, nearest
from archspec.expr import (
    Const,
    Expr,
    ExprError,
    Name,
    Value,
    children,
    evaluate,
    fold,
    names,
    parse,
    source,
)
from archspec.ir.graph import BlockInfo
from archspec.ir.scope import Binding
from archspec.limits import Budget
from archspec.lowering.values import evaluated, expression, expression_error
from archspec.spec import Attribute, Block
from archspec.spec.params import same


def bind(
    block: Block,
    given: Mapping[str, Attribute],
    fields: Sequence[tuple[str, Attribute | Expr]],
    env: Mapping[str, Value],
    place: Span | None,
    budget: Budget,
) -> dict[str, Binding]:
    """The values of a block's params in one call: given by name, by a unit's fields, or by default.

    Raises:
        SpecError: a value is missing, cannot be worked out, or is none of the choices.
    """
    budget.spend(len(env) // 16)  # it was put together for this call
    arguments: dict[str, Attribute | Expr] = {**given, **dict(fields)}
    values: dict[str, Value] = {"in_channels": env["channels"]} if "channels" in env else {}
    bindings: dict[str, Binding] = {}
    meanings: dict[str, Expr] = {"in_channels": Name("channels")}  # for the caller, those so far
    sizes: dict[str, int] = {}
    for name, param in block.params.items():
        choices = param.values
        budget.spend(1 + len(choices or ()) // 4)
        argument = arguments.get(name)
        if argument is None:
            if param.default is None:
                raise SpecError(Diagnostic("E0402", f"block `{block.name}` needs `{name}`", place))
            expr: Expr
            if choices is not None:
                value = param_value(name, choices, param.default, values, budget)
                expr = Const(value)
            else:
                value, expr = evaluated(param.default, values, budget)
                if type(expr) is not Const:
                    if (size := _size(expr, sizes, budget)) > (most := budget.limits.default_parts):
                        message = f"the default of `{name}`, with the params before it put in, has {size:,} parts"
                        help = f"at most {most:,} are allowed; let it mention fewer params"
                        raise SpecError(Diagnostic("E0304", message, param.default.span, help=help))
                    expr = fold(expr, budget, meanings)
        elif isinstance(argument, Attribute):
            value, expr = _argument(choices, argument, env, budget)
        else:
            value, expr = _evaluated(argument, env, place, budget), argument
        if choices is not None and not any(same(value, choice) for choice in choices):
            where = argument.span if isinstance(argument, Attribute) else place
            raise SpecError(_not_a_choice(name, value, choices, where))
        values[name] = value
        if type(expr) is not Const or type(expr.value) is float:
            expr = fold(expr, budget, whole=lambda name: type(env.get(name)) is int)
        meanings[name], bindings[name] = expr, Binding(value, expr)
        sizes[name] = _size(expr, {}, budget) if names(expr, budget) else 1
    return bindings


def bind_lets(lets: Mapping[str, Attribute], env: Mapping[str, Value], budget: Budget) -> dict[str, Binding]:
    """The quantities of a block, or of the network: each may use what `env` has and those before it.

    Raises:
        SpecError: one cannot be worked out.
    """
    known, found = dict(env), dict[str, Binding]()
    for name, attribute in lets.items():
        known[name], expr = evaluated(attribute, known, budget)
        found[name] = Binding(known[name], expr)
    return found


def _size(expr: Expr, sizes: Mapping[str, int], budget: Budget) -> int:
    """How many parts an expression has once each name stands for an expression of its size."""
    if isinstance(expr, Name):
        return sizes.get(expr.id, 1)
    budget.spend(1)
    return 1 + sum(_size(child, sizes, budget) for child in children(expr))


def _argument(
    choices: Sequence[Value] | None, argument: Attribute, env: Mapping[str, Value], budget: Budget
) -> tuple[Value, Expr]:
    for choice in choices or ():
        if same(argument.raw, choice):
            return choice, Const(choice)
    return evaluated(argument, env, budget)


def block_info(block: Block, budget: Budget) -> BlockInfo:
    """What code generation needs to know of a block: its params, and the defaults that are plain values."""
    defaults: dict[str, Expr] = {}
    for name, param in block.params.items():
        if param.default is None:
            continue
        raw = param.default.raw
        if param.values is not None or not isinstance(raw, str):
            defaults[name] = (
                fold(expression(param.default, budget), budget) if isinstance(raw, list) else Const(cast(Value, raw))
            )
        elif not names(folded := fold(parse(raw, budget), budget), budget):
            defaults[name] = folded
    docs = {name: param.doc for name, param in block.params.items() if param.doc}
    return BlockInfo(
        block.name,
        block.doc,
        tuple(block.params),
        defaults,
        tuple(block.inputs),
        block.definition,
        docs,
        tuple(block.outputs),
    )


def param_value(
    name: str, choices: Sequence[Value] | None, attribute: Attribute, env: Mapping[str, Value], budget: Budget
) -> Value:
    """The value of a param: one of its choices as it stands, or what its expression gives."""
    if choices is None:
        return evaluated(attribute, env, budget)[0]
    value = cast(Value, attribute.raw)
    given = any(same(value, choice) for choice in choices)
    if not given and not all(isinstance(choice, str) for choice in choices):
        value = evaluated(attribute, env, budget)[0]  # a choice of numbers may be given by an expression
    for choice in choices:
        if same(value, choice):
            return choice  # 2 where 2.0 is given: the spec's own word
    raise SpecError(_not_a_choice(name, value, choices, attribute.span))


def _not_a_choice(name: str, value: Value, choices: Sequence[Value], place: Span | None) -> Diagnostic:
    shown = ", ".join(str(choice) for choice in choices)
    match = nearest(str(value), [str(choice) for choice in choices])
    help = f"did you mean `{match}`?" if match else ""
    return Diagnostic("E0411", f"`{name}` is `{value}`; one of {shown} is expected", place, help=help)


def _evaluated(expr: Expr, env: Mapping[str, Value], place: Span | None, budget: Budget) -> Value:
    """The value of an expression that was taken out of a longer one."""
    try:
        return evaluate(expr, env, budget)
    except ExprError as error:
        raise SpecError(expression_error(error, Attribute(source(expr), place), env)) from None
