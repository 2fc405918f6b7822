"""Reading what a spec gives as attributes and arguments: plain values, expressions, words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

from archspec.errors import Diagnostic, SpecError, did_you_mean
from archspec.expr import (
    Binary,
    Const,
    Expr,
    ExprError,
    Items,
    Name,
    NamedValues,
    Value,
    check_number,
    describe,
    evaluate,
    joined,
    names,
    parse,
    source,
)
from archspec.ir.attributes import AttributeValueError, InitKind, NotWholeError
from archspec.ir.initializers import expressions, with_numbers
from archspec.ir.op import AttributeInfo, Described, Op
from archspec.ir.tensor_type import TensorType
from archspec.limits import Budget
from archspec.spec import Attribute, Call
from archspec.spec.form_suggestions import expression_help
from archspec.spec.key_suggestions import OWN_WORDS

_LONGEST_LIST: Final = 6
"""Of an attribute: both sides of three spatial axes."""


def expression(attribute: Attribute, budget: Budget) -> Expr:
    """The expression that a plain value stands for: text is parsed, a list becomes a list of expressions.

    Raises:
        SpecError: it is not an expression.
    """
    try:
        return _expression(attribute.raw, budget)
    except ExprError as error:
        raise SpecError(expression_error(error, attribute)) from None


def _expression(raw: object, budget: Budget) -> Expr:
    match raw:
        case str():
            return parse(raw, budget)
        case None | bool():
            return Const(raw)
        case int() | float():
            return Const(check_number(raw))
        case list() | tuple():
            budget.spend(len(raw))
            items = tuple(_expression(item, budget) for item in cast("list[object]", raw))
            if all(isinstance(item, Const) for item in items):
                return Const(joined((item.value for item in items if isinstance(item, Const)), budget))
            return Items(items)
        case Mapping() if raw and None not in raw.values():
            return Const(_named_values(cast("Mapping[str, object]", raw), budget))
        case _:
            raise ExprError("a number, a word, a list or an expression is expected, this is a mapping")


def _named_values(raw: Mapping[str, object], budget: Budget) -> NamedValues:
    """Values by name, each worked out: they depend on nothing."""
    budget.spend(len(raw))
    entries: list[tuple[str, Value]] = []
    for name, item in raw.items():
        try:
            entries.append((name, evaluate(_expression(item, budget), {}, budget)))
        except ExprError as error:
            if error.undefined is None:
                raise
            help = "a word stands in quotes of its own, as in \"'relu'\""
            message = f"a mapping has values that depend on nothing, and `{name[:40]}` mentions `{error.undefined}`"
            raise ExprError(f"{message}; {help}") from None
    return NamedValues(tuple(entries))


def expression_error(error: ExprError, attribute: Attribute, known: Mapping[str, Value] | None = None) -> Diagnostic:
    """What is wrong with an expression, at the place where it stands."""
    shown = attribute.raw if isinstance(attribute.raw, str) else str(attribute.raw)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    if error.undefined is not None:
        help = OWN_WORDS.get(error.undefined) or did_you_mean(error.undefined, known or {})
        return Diagnostic("E0302", f"`{error.undefined}` is not defined here", attribute.span, help=help)
    if error.too_large:
        if isinstance(attribute.raw, float) and not math.isfinite(attribute.raw):
            return Diagnostic("E0304", f"`{shown}` is not a finite number", attribute.span)
        return Diagnostic("E0304", f"`{shown}` is too large", attribute.span, label=str(error))
    if known is None:
        help = expression_help(attribute.raw, attribute.key_span, attribute.span)
        return Diagnostic("E0301", f"`{shown}` is not an expression", attribute.span, label=str(error), help=help)
    return Diagnostic("E0303", f"`{shown}` cannot be evaluated", attribute.span, label=str(error))


def evaluated(attribute: Attribute, env: Mapping[str, Value], budget: Budget) -> tuple[Value, Expr]:
    """An attribute's value, and the expression it came from.

    Raises:
        SpecError: it is not an expression, or cannot be evaluated.
    """
    expr = expression(attribute, budget)
    try:
        return evaluate(expr, env, budget), expr
    except ExprError as error:
        raise SpecError(expression_error(error, attribute, env)) from None


def is_word(info: AttributeInfo, raw: object) -> bool:
    """The value stands for itself: a word of the attribute's own, or a mapping such as an initializer."""
    if isinstance(raw, Mapping):
        return True
    return isinstance(raw, str) and (raw in info.kind.words or info.kind.is_text)


def parts(info: AttributeInfo, attribute: Attribute) -> list[Attribute]:
    """What stands in an attribute as expressions: itself, or options of an initializer."""
    if isinstance(info.kind, InitKind) and isinstance(attribute.raw, Mapping):
        texts = expressions(cast("Mapping[str, object]", attribute.raw))
        return [replace(attribute, raw=text) for text in texts.values()]
    return [] if is_word(info, attribute.raw) else [attribute]


def read_attribute(
    op: type[Described], info: AttributeInfo, attribute: Attribute, env: Mapping[str, Value], budget: Budget
) -> tuple[Any, Expr | None]:
    """One attribute's value for the graph, and its expression if names stand in it.

    Raises:
        SpecError: the value does not suit the attribute.
    """
    expr: Expr | None = None
    try:
        if isinstance(attribute.raw, Mapping):
            return _read_mapping(info, attribute, env, budget)
        if is_word(info, attribute.raw):
            return info.kind.read(cast(Value, attribute.raw)), None
        value, expr = evaluated(attribute, env, budget)
        mentions = bool(names(expr, budget))
        if not mentions:
            value = _whole(value)  # the value itself is printed: `2.0` can only mean 2
        return _suited(info, value, budget), expr if mentions else None
    except AttributeValueError as error:
        note, help = "", error.help
        if expr is not None and names(expr, budget):
            value = evaluated(attribute, env, budget)[0]
            note = f"`{source(expr)[:60]}` is {describe(value)[1:-1]} here"
        if expr is not None and isinstance(error, NotWholeError):
            value = evaluated(attribute, env, budget)[0]
            way = (
                _whole_numbers(info, value, budget.limits.size)
                if isinstance(expr, Const)
                else _way_out(expr, value, env, budget)
            )
            help = "; ".join(filter(None, [way, help]))
        message = f"`{info.name}` of {op.name}: {error}"
        raise SpecError(Diagnostic(error.code, message, attribute.span, label=note, help=help)) from None


def _suited(info: AttributeInfo, value: Value, budget: Budget) -> Any:
    """What an attribute makes of a value.

    Raises:
        AttributeValueError: the value does not suit it.
    """
    found = info.kind.read(value)
    if not isinstance(found, float):
        _check_size(value, budget.limits.size)
    return found


def _check_size(value: Value, most: int) -> None:
    """See that no whole number of an attribute is past the limit."""
    for number in value if isinstance(value, tuple) else (value,):
        if isinstance(number, int) and number > most:
            raise AttributeValueError(f"it must be {most:,} or less, this is {number:,}", "E0304")


def _read_mapping(
    info: AttributeInfo, attribute: Attribute, env: Mapping[str, Value], budget: Budget
) -> tuple[Any, Expr | None]:
    """An initializer with its options, those that mention names evaluated; generated source has the numbers."""
    raw = cast("Mapping[str, object]", attribute.raw)
    if not isinstance(info.kind, InitKind) or not (texts := expressions(raw)):
        return info.kind.read_mapping(raw), None
    found = {key: evaluated(replace(attribute, raw=text), env, budget) for key, text in texts.items()}
    value = info.kind.read_mapping(with_numbers(raw, {key: number for key, (number, _) in found.items()}))
    behind = tuple(expr for _, expr in found.values() if names(expr, budget))
    return value, Items(behind) if len(behind) > 1 else next(iter(behind), None)


def _whole(value: Value) -> Value:
    """Whole numbers instead of floats such as 2.0."""
    if isinstance(value, tuple) and len(value) <= _LONGEST_LIST:  # a list of lists may be very large
        return tuple(int(item) if isinstance(item, float) and item.is_integer() else item for item in value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _way_out(expr: Expr, value: Value, env: Mapping[str, Value], budget: Budget) -> str:
    """How to write an expression that gives a float, so that it gives a whole number."""
    if not isinstance(value, float):
        return "write whole numbers; `//` divides, and `int(...)`, `round(...)`, `ceil(...)` round"
    if isinstance(expr, Name):
        return f"write {int(value)} where `{expr.id}` gets {value}" if value.is_integer() else ""
    if isinstance(expr, Binary) and expr.op == "/":
        whole = Binary("//", expr.left, expr.right)
        if isinstance(evaluate(whole, env, budget), int):
            return f"write `{source(whole)}`"
    return f"write `int({source(expr)})`, or with `round`, `ceil` or `floor`"


def _whole_numbers(info: AttributeInfo, value: Value, most: int) -> str:
    """The numbers that a fraction lies between, those of them that the attribute takes."""
    near: list[str] = []
    for rounding in (math.floor, math.ceil):
        rounded = _rounded(value, rounding)
        with suppress(AttributeValueError):
            info.kind.read(rounded)
            _check_size(rounded, most)
            near.append(f"`{list(rounded) if isinstance(rounded, tuple) else rounded}`")
    return f"write {' or '.join(dict.fromkeys(near))}" if near else ""


def _rounded(value: Value, rounding: Callable[[float], int]) -> Value:
    if isinstance(value, tuple):
        return tuple(_rounded(item, rounding) for item in value)
    return rounding(value) if isinstance(value, float) else value


@dataclass(slots=True, eq=False)
class OpReader:
    """Reads the op that one call describes, however often that is built: what is the same each time is read once."""

    op: type[Op]
    call: Call
    defaults: Mapping[str, Any]
    budget: Budget
    known: dict[str, Any] = field(default_factory=dict[str, Any])
    """The values of attributes without a name in them."""
    open: dict[str, Expr] = field(default_factory=dict[str, Expr])
    """The expressions of those with names in them."""
    same: Op | None = None
    """The op itself once it has been read, where it has no others: it need not be read again."""
    typed: tuple[Op, list[TensorType], Op, tuple[TensorType, ...]] | None = None
    """The last op, the types that arrived at it, the op for those, and what it gives, which is not too large."""

    def read(self, env: Mapping[str, Value]) -> tuple[Op, dict[str, Expr]]:
        """The op, and the expressions behind its attributes, where names have the values of `env`.

        Raises:
            SpecError: attributes have values that do not suit; all of them are named.
        """
        values: dict[str, Any] = {**self.defaults, **self.known}
        exprs: dict[str, Expr] = {}
        wrong: list[Diagnostic] = []
        infos = self.op.attributes()
        for name, attribute in self.call.attributes.items():
            if name in self.known or (self.op.several and name == "outputs"):
                continue
            try:
                expr = self.open.get(name)
                if expr is None:
                    values[name], expr = read_attribute(self.op, infos[name], attribute, env, self.budget)
                else:
                    values[name] = self._read_again(infos[name], attribute, expr, env)
            except SpecError as error:
                wrong += error.diagnostics
                continue
            if expr is None:
                self.known[name] = values[name]
                continue
            exprs[name] = expr
            if not isinstance(attribute.raw, Mapping):
                self.open[name] = expr
        if wrong:
            raise SpecError(wrong)
        op = self.op(**values)
        if not exprs:
            self.same = op
        return op, exprs

    def _read_again(self, info: AttributeInfo, attribute: Attribute, expr: Expr, env: Mapping[str, Value]) -> Any:
        """The value of an attribute whose expression is known, as `read_attribute` gives it."""
        try:
            return _suited(info, evaluate(expr, env, self.budget), self.budget)
        except (ExprError, AttributeValueError):
            return read_attribute(self.op, info, attribute, env, self.budget)[0]  # which says what is wrong
