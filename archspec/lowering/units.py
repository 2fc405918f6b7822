"""The units of a stage: all notations become calls of the stage's block, one for each unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from archspec.errors import Diagnostic, Span, SpecError
from archspec.expr import (
    Binary,
    Comprehension,
    Const,
    Expr,
    ExprError,
    IfElse,
    Index,
    Items,
    Value,
    evaluate,
    expand,
    name_by,
    names,
    source,
)
from archspec.limits import Budget
from archspec.lowering.diagnostics import too_many_items
from archspec.lowering.values import evaluated, expression, expression_error
from archspec.reserved_names import is_item_name, is_layer_name
from archspec.spec import Attribute, Block, Call, Item, Refused, Repeat, Reuse, Stage, Tap

WHOLE_INDICES: Final = ("unit_index", "unit_count")
"""A unit's place among those of all the network's stages, and how many there are."""


class UnitCall(NamedTuple):
    """One unit: the block's params that it gives, in order, and its place."""

    fields: tuple[tuple[str, Attribute | Expr], ...]
    span: Span | None


def unit_calls(
    stage: Stage, block: Block, env: Mapping[str, Value], budget: Budget, written: int
) -> tuple[list[UnitCall], tuple[Expr, ...]]:
    """The stage's units, and the expressions that decided how many there are; `written` items stand before it.

    Raises:
        SpecError: a unit's tuple does not fit the block's `unit`, or there are too many units.
    """
    most = budget.limits.items - written
    calls: list[UnitCall] = []
    structural: tuple[Expr, ...] = ()
    units = stage.units
    if units is None:
        return [UnitCall((), stage.span)], structural
    if units.expression is not None:
        structural += _structure(expression(units.expression, budget), budget)
        items = _expand(units.expression, env, budget)
        if len(items) > most:
            raise SpecError(too_many_items(units.expression.span, budget.limits.items))
        for item in items:
            calls.append(_tuple_call(item, block, units.expression, env, budget))
    for unit in units.entries or ():
        times = 1
        if unit.count is not None:
            count, expr = evaluated(unit.count, env, budget)
            structural += (expr,) if names(expr, budget) else ()
            if isinstance(count, bool) or not isinstance(count, int) or count < 0:
                message = f"a unit stands `{count!r}` times; a whole number, 0 or more, is expected"
                raise SpecError(Diagnostic("E0202", message, unit.count.span or unit.span))
            times = count
            if len(calls) + times > most:
                raise SpecError(too_many_items(unit.count.span or unit.span, budget.limits.items))
        if unit.mapping is not None:
            call = UnitCall(tuple(unit.mapping.items()), unit.span)
        else:
            assert unit.fields is not None
            call = _tuple_call(expression(unit.fields, budget), block, unit.fields, env, budget)
        calls += [call] * times
    return calls, structural


def _expand(attribute: Attribute, env: Mapping[str, Value], budget: Budget) -> list[Expr]:
    try:
        return expand(expression(attribute, budget), env, budget)
    except ExprError as error:
        raise SpecError(expression_error(error, attribute, env)) from None


def _tuple_call(
    item: Expr, block: Block, place: Attribute, env: Mapping[str, Value], budget: Budget, *, called: bool = False
) -> UnitCall:
    """The params that a tuple gives; it stands in a block's call, or in the list of a stage's units."""
    if not isinstance(item, Items | Const) or (isinstance(item, Const) and not isinstance(item.value, tuple)):
        fields = _fields_of(item, env, budget)
    else:
        fields = list(expand(item, env, budget))
    if not block.unit and fields:
        message = f"block `{block.name}` does not say what a tuple means"
        help = "give it `unit: [names of the params, in order]`, or write the units as mappings"
        raise SpecError(Diagnostic("E0414", message, place.span, help=help))
    if len(fields) > len(block.unit):
        message = f"a tuple of {len(fields)}; block `{block.name}` takes ({', '.join(block.unit)})"
        raise SpecError(Diagnostic("E0414", message, place.span, help=_by_names(fields, block, called=called)))
    missing = [name for name in block.unit[len(fields) :] if block.params[name].default is None]
    if missing:
        message = f"a tuple of {len(fields)}; block `{block.name}` takes ({', '.join(block.unit)})"
        raise SpecError(Diagnostic("E0414", message, place.span, label=f"{', '.join(missing)} missing"))
    return UnitCall(tuple(zip(block.unit, fields, strict=False)), place.span)


def _by_names(fields: Sequence[Expr], block: Block, *, called: bool) -> str:
    """How a tuple that is too long is written with names, where the block has so many params."""
    known = [*block.unit, *(name for name in block.params if name not in block.unit)]
    if len(fields) > len(known):
        return ""
    words = {"True": "true", "False": "false"}  # as YAML has them
    texts = [words.get(text, text) for text in map(source, fields)]
    given = ", ".join(f"{name}: {text}" for name, text in zip(known, texts, strict=False))
    return f"write `{block.name}: {{{given}}}`" if called else f"write `{{{given}}}`"


def _fields_of(item: Expr, env: Mapping[str, Value], budget: Budget) -> list[Expr]:
    """The fields of an expression that gives a tuple; one number stands for a tuple of one."""
    with suppress(ExprError):  # what depends on the unit is a number, or is found to be wrong where it is put in
        value = evaluate(item, env, budget)
        if isinstance(value, tuple):
            return [Index(item, Const(place)) for place in range(len(value))]
    return [item]


def call_fields(
    call: Call, block: Block, env: Mapping[str, Value], budget: Budget
) -> tuple[tuple[str, Attribute | Expr], ...]:
    """The params that a call gives by a tuple, in the order of the block's `unit`.

    Raises:
        SpecError: the tuple does not fit, or a param is given by its name, too.
    """
    if call.fields is None:
        return ()
    fields = _tuple_call(expression(call.fields, budget), block, call.fields, env, budget, called=True).fields
    for name, _ in fields:
        if name in call.attributes:
            message = f"`{name}` is given twice, by the tuple and by its name"
            raise SpecError(Diagnostic("E0414", message, call.attributes[name].key_span, help="leave one of them out"))
    return fields


def _structure(expr: Expr, budget: Budget) -> tuple[Expr, ...]:
    """The parts that decide which items a list has, as opposed to those that stand inside the items."""
    match expr:
        case Items():
            return ()
        case Binary("+", left, right):
            return _structure(left, budget) + _structure(right, budget)
        case Binary("*", left, right):
            count, items = (left, right) if isinstance(right, Items) else (right, left)
            return _structure(items, budget) + ((count,) if names(count, budget) else ())
        case Comprehension(_, _, values, test):
            return tuple(part for part in (values, test) if part is not None and names(part, budget))
        case IfElse(test, then, other):
            return ((test,) if names(test, budget) else ()) + _structure(then, budget) + _structure(other, budget)
        case _:
            return (expr,) if names(expr, budget) else ()


def single_call(layers: Sequence[Item], blocks: Mapping[str, Block]) -> Call | None:
    """The one unnamed, unconditional block call that a repeat consists of, if so: it takes the number itself.

    One that stands for a param has the condition that it is meant.
    """
    if len(layers) != 1 or not isinstance(layers[0], Call):
        return None
    call = layers[0]
    block = blocks.get(call.name)
    always = call.when is None or call.param is not None
    return call if block is not None and always and not (block.outputs or call.label or call.inline) else None


def single_reuse(layers: Sequence[Item]) -> Reuse | None:
    """The one unnamed, unconditional `reuse` that a repeat consists of, if so: all iterations have the same weights."""
    only = layers[0] if len(layers) == 1 else None
    return only if isinstance(only, Reuse) and not only.label and only.when is None else None


def unit_name(item: Stage | Repeat, pattern: str, indices: Mapping[str, Value], budget: Budget) -> str:
    """What a unit, or an iteration of a repeat, is called; its own index stands last.

    Raises:
        SpecError: the pattern gives no name for it.
    """
    name, reason = _named(pattern, indices, is_layer_name, budget)
    if not reason:
        return name
    what, key = ("unit", "unit_names") if isinstance(item, Stage) else ("iteration", "names")
    message = f"{what} {[*indices.values()][-1]} gets no name: {reason}"
    raise SpecError(Diagnostic("E0404", message, item.place(key)))


def item_name(item: Item, pattern: str, indices: Mapping[str, Value], budget: Budget) -> str:
    """What an item of a repeat that is inline is called, whose name is a pattern.

    Raises:
        SpecError: the pattern gives no name for it.
    """
    name, reason = _named(pattern, indices, is_item_name, budget)
    if not reason:
        return name
    assert not isinstance(item, Tap | Refused)
    raise SpecError(Diagnostic("E0404", f"an item gets no name: {reason}", item.place("label")))


def _named(
    pattern: str, indices: Mapping[str, Value], usable: Callable[[str], bool], budget: Budget
) -> tuple[str, str]:
    """The name that a pattern gives, and why it cannot be one, if it cannot."""
    try:
        name = name_by(pattern, indices, budget)
    except (ExprError, ValueError) as error:  # its braces may not match, which has been said
        return "", str(error)
    return name, "" if usable(name) and len(name) <= budget.limits.name else f"`{name[:80]}` cannot name a layer"
