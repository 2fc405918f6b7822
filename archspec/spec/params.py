"""Params, quantities and variants: what a user of a spec or a caller of a block may choose, and what follows."""

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar, TypeAlias

from pydantic import Field, PrivateAttr, ValidationInfo

from archspec.errors import Span
from archspec.spec.base import (
    NAME_SCHEMA,
    Attribute,
    Model,
    Reads,
    Value,
    attribute,
    attributes,
    definition,
)
from archspec.spec.checks import usable_name
from archspec.spec.form_suggestions import cut_off, unclosed
from archspec.spec.key_suggestions import PARAM_WORDS, TAKEN_NAMES
from archspec.spec.located_data import LoadContext, LocatedDict
from archspec.spec.problems import load_context_of, wrong
from archspec.spec.scalars import describe

Choice: TypeAlias = str | int | float | bool | LocatedDict
"""A mapping is an op or a block with its arguments, for a param that stands for one."""


def _choices(value: object) -> tuple[Choice, ...]:
    if not isinstance(value, list) or not value:
        raise wrong("a list of values")
    if not all(isinstance(item, Choice) for item in value):
        raise wrong("a list of numbers, strings or truth values")
    if any(isinstance(item, LocatedDict) and len(item) != 1 for item in value):
        raise wrong("a list in which a mapping is one op with its arguments")
    if not all(isinstance(item, str | LocatedDict) or math.isfinite(item) for item in value):
        raise wrong("a list of finite numbers, strings or truth values")
    return tuple(value)


def same(left: object, right: object) -> bool:
    """Equality that distinguishes `1` from `true`, as Python's does not."""
    return left == right and isinstance(left, bool) == isinstance(right, bool)


class Param(Model):
    """What a user of the spec, or a caller of a block, may choose."""

    noun: ClassVar[str] = "a param"
    other_words: ClassVar[Mapping[str, str]] = PARAM_WORDS
    attribute_keys: ClassVar[tuple[str, ...]] = ("default",)

    default: Value | None = Field(None, description="the value unless one is given; null: required")
    choices: (
        Annotated[
            tuple[Choice, ...],
            Reads(
                _choices, {"type": "array", "minItems": 1, "items": {"type": ["number", "string", "boolean", "object"]}}
            ),
        ]
        | None
    ) = Field(None, description="the values that are allowed")
    doc: str = Field("", description="what it means")

    _name_span: Span | None = PrivateAttr(default=None)

    @property
    def name_span(self) -> Span:
        """Where its name is written."""
        return self._name_span or self.span

    @property
    def values(self) -> tuple[str | int | float | bool, ...] | None:
        """The choices, if there are any, that are values as they stand."""
        if self.choices is None:
            return None
        return tuple(choice for choice in self.choices if not isinstance(choice, LocatedDict))

    @property
    def plain_choices(self) -> tuple[str | int | float | bool, ...]:
        """The choices where all of them are values as they stand; none where any value is allowed."""
        values = self.values or ()
        return values if len(values) == len(self.choices or ()) else ()

    def allows(self, value: object) -> bool:
        """Whether a value is among the choices, if there are any."""
        if self.choices is None or any(same(value, choice) for choice in self.choices):
            return True
        return isinstance(value, str) and any(value in each for each in self.choices if isinstance(each, LocatedDict))

    def _check(self, load_context: LoadContext) -> None:
        if self.default is None or self.choices is None or self.allows(self.default.raw):
            return
        raw = self.default.raw
        # Among numbers a string may be an expression; among strings it is just another string.
        if isinstance(raw, str) and not all(isinstance(choice, str) for choice in self.choices):
            return
        message = f"the default must be one of the choices, found {describe(raw)}"
        load_context.error("E0411", message, self.place("default"), help=shown(self.choices))


def shown(choices: tuple[Choice, ...]) -> str:
    """Choices for a help text."""
    named = [next(iter(choice)) if isinstance(choice, LocatedDict) else choice for choice in choices]
    words = [str(choice).lower() if isinstance(choice, bool) else str(choice) for choice in named]
    return "allowed are: " + ", ".join(words[:20])


def _params(value: object, info: ValidationInfo) -> dict[str, Param]:
    load_context = load_context_of(info)
    if not isinstance(value, LocatedDict):
        raise wrong("a mapping of names to defaults")
    params: dict[str, Param] = {}
    for name in value:
        span = value.key_spans[name]
        usable_name(name, span, load_context, "a param", taken=TAKEN_NAMES)
        data = value[name]
        if not isinstance(data, LocatedDict):
            data = LocatedDict(value.value_spans[name])
            data.take(value, name, "default")
        param = Param.read(data, load_context)
        if param is None:  # that there is such a param stays true
            load_context.refuse(name)
            param = Param.model_validate(LocatedDict(data.span), context=load_context)
        param._name_span = span
        params[name] = param
    return params


Params: TypeAlias = Annotated[
    dict[str, Param],
    Reads(
        _params,
        {
            "type": "object",
            "propertyNames": {**NAME_SCHEMA, "not": {"enum": list(TAKEN_NAMES)}},
            "additionalProperties": {
                "anyOf": [{"type": ["number", "string", "boolean", "array", "null"]}, definition("Param")]
            },
        },
    ),
]


def _lets(value: object, info: ValidationInfo) -> dict[str, Attribute]:
    load_context = load_context_of(info)
    if not isinstance(value, LocatedDict):
        raise wrong("a mapping of names to expressions")
    lets: dict[str, Attribute] = {}
    for name in value:
        if cut_off(name) and any(unclosed(text) for text in value.values()):
            continue  # the rest of an expression, which says so itself
        usable_name(name, value.key_spans[name], load_context, "a quantity", taken=TAKEN_NAMES)
        if value[name] is not None:
            lets[name] = attribute(value, name)
            continue
        load_context.error("E0202", f"`{name}` must be an expression, found nothing", value.key_spans[name])
        load_context.refuse(name)
    return lets


Lets: TypeAlias = Annotated[
    dict[str, Attribute],
    Reads(
        _lets,
        {
            "type": "object",
            "propertyNames": {**NAME_SCHEMA, "not": {"enum": list(TAKEN_NAMES)}},
            "additionalProperties": {"type": ["number", "string", "boolean", "array"]},
        },
    ),
]


def check_lets(lets: Mapping[str, Attribute], taken: Mapping[str, object], load_context: LoadContext) -> None:
    """Note which quantities have the name of a param: an expression could mean either."""
    for name, given in lets.items():
        if name in taken:
            load_context.error("E0202", f"`{name}` is a param already", given.key_span, help="give it another name")


def _variants(value: object, info: ValidationInfo) -> dict[str, dict[str, Attribute]]:
    load_context = load_context_of(info)
    if not isinstance(value, LocatedDict) or not value:
        raise wrong("a mapping of names to values for params")
    variants: dict[str, dict[str, Attribute]] = {}
    for name, values in value.items():
        usable_name(name, value.key_spans[name], load_context, "a variant")
        if isinstance(values, LocatedDict):
            variants[name] = attributes(values)
        else:
            message = f"`{name[:80]}` must be a mapping of params to values, found {describe(values)}"
            help = f"write `{name[:40]}: {{}}` for one with all params as they are" if values is None else ""
            load_context.error("E0202", message, value.value_spans[name], help=help)
    return variants


Variants: TypeAlias = Annotated[
    dict[str, dict[str, Attribute]],
    Reads(
        _variants,
        {
            "type": "object",
            "minProperties": 1,
            "propertyNames": NAME_SCHEMA,
            "additionalProperties": {
                "type": "object",
                "additionalProperties": {"type": ["number", "string", "boolean", "array"]},
            },
        },
    ),
]
