"""The small parts of a spec: params, depth, input."""

import math
import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, TypeAlias

from pydantic import ConfigDict, Field, JsonValue, PrivateAttr, ValidationInfo

from archspec.errors import Span
from archspec.spec.base import (
    NAME_SCHEMA,
    Attribute,
    Model,
    Reads,
    Size,
    Value,
    as_attribute,
    attribute,
    attributes,
    definition,
)
from archspec.spec.checks import parses, usable_name
from archspec.spec.form_suggestions import cut_off, input_help, unclosed
from archspec.spec.key_suggestions import DEPTH_WORDS, INPUT_WORDS, PARAM_WORDS, TAKEN_NAMES
from archspec.spec.located_data import LoadContext, LocatedDict
from archspec.spec.problems import load_context_of, wrong
from archspec.spec.scalars import describe

Choice: TypeAlias = str | int | float | bool | LocatedDict
"""A mapping is an op or a block with its arguments, for a param that stands for one."""

_RULE: Final = re.compile(r"\s*([0-9]{1,6})\s*n\s*(?:([+-])\s*([0-9]{1,6}))?\s*")
_SIZES: Final = ("channels", "length", "depth", "height", "width", "tokens", "ids")
_FORMS: Final = (
    *(("channels", "height", "width"), ("channels", "length"), ("channels", "depth", "height", "width")),
    ("tokens", "ids"),
)
"""The sizes of an image, a signal and a volume, by name; how many tokens there are, and of how many ids."""
_IDS: Final = (
    _FORMS[3],
    "an input of ids has `tokens` and `ids`",
    "`ids` and `tokens` are for ids (tokens); tokens of features are `shape: [tokens, features]`",
)
_MISSING: Final = {
    "ids": "how many different ids there are: tokens of an input are ids, and those of features are "
    "`shape: [tokens, features]`",
    "tokens": "how many ids are in a row",
}
_APART: Final = {
    "length": (
        _FORMS[1],
        "a signal has a `length`",
        "`length` is for signals (channels, length); images have `height` and `width`, volumes `depth`, too",
    ),
    "ids": _IDS,
    "tokens": _IDS,
}
"""The keys that make an input a signal or ids: its sizes, and what to say where there are others beside them."""


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


def _rule(value: object) -> str:
    if isinstance(value, str):
        match = _RULE.fullmatch(value)
        if match and int(match[1]) > 0:
            return value
    raise wrong("a rule such as `6n+2`")


class Depth(Model):
    """How many weighted layers lie on the longest path, and how `n` follows from it."""

    noun: ClassVar[str] = "`depth`"
    other_words: ClassVar[Mapping[str, str]] = DEPTH_WORDS
    attribute_keys: ClassVar[tuple[str, ...]] = ("value", "counted")

    value: Size = Field(description="the depth: a number or an expression")
    rule: Annotated[str, Reads(_rule, {"type": "string", "pattern": f"^{_RULE.pattern}$"})] | None = Field(
        None, description="which depths are possible, as `6n+2`; it gives `n`"
    )
    counted: Size | None = Field(
        None, description="how many weighted layers there are, where a param leaves some out; the depth unless given"
    )

    @property
    def coefficients(self) -> tuple[int, int] | None:
        """`(a, b)` of the rule `an+b`; None without a rule."""
        match = _RULE.fullmatch(self.rule) if self.rule is not None else None
        if match is None:
            return None
        offset = int(match[3] or 0)
        return int(match[1]), -offset if match[2] == "-" else offset

    def n(self, depth: int) -> int | None:
        """The `n` of a depth; None if the rule does not allow the depth, or there is no rule."""
        if self.coefficients is None:
            return None
        factor, offset = self.coefficients
        n, rest = divmod(depth - offset, factor)
        return n if rest == 0 and n >= 1 else None

    def nearest(self, depth: int) -> list[tuple[int, int]]:
        """The depths next to `depth` that the rule allows, below and above, each with its `n`."""
        if self.coefficients is None:
            return []
        factor, offset = self.coefficients
        below = (depth - offset) // factor
        counts = sorted({max(1, below), max(1, below + 1)})
        if self.n(depth) is not None:
            counts = [below]
        return [(factor * n + offset, n) for n in counts]

    def _check(self, load_context: LoadContext) -> None:
        for size in (self.value, self.counted):
            if size is None:
                continue
            if isinstance(size.raw, str):
                parses(size.raw, size.span, load_context)
            elif isinstance(size.raw, bool) or not isinstance(size.raw, int):
                message = f"the depth must be an integer or an expression, found {describe(size.raw)}"
                load_context.error("E0202", message, size.span)


def _depth(value: object, info: ValidationInfo) -> Depth:
    if isinstance(value, Attribute):
        if isinstance(value.raw, LocatedDict):
            return Depth.model_validate(value.raw, context=info.context)
        if value.span is not None:
            data = LocatedDict(value.span)
            data.put("value", value.raw, value.key_span or value.span, value.span)
            return Depth.model_validate(data, context=info.context)
    raise wrong("a number, an expression, or a mapping with `value` and `rule`")


DepthField: TypeAlias = Annotated[
    Depth,
    Reads(_depth, {"anyOf": [{"type": "integer", "minimum": 1}, definition("Expression"), definition("Depth")]}),
]


Shape: TypeAlias = Annotated[
    Attribute,
    Reads(
        as_attribute,
        {"anyOf": [{"type": "array", "minItems": 1, "items": definition("Size")}, definition("Expression")]},
    ),
]


def _only(form: tuple[str, ...]) -> JsonValue:
    """The schema of an input with these sizes and no others."""
    return {"required": list(form), "properties": {key: False for key in (*_SIZES, "shape") if key not in form}}


class Input(Model):
    """What comes in: an image by channels, height and width, a signal, a volume, ids, or a tensor of any shape."""

    # The sizes of one of the forms, or a shape: `_check` says the same.
    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [*map(_only, _FORMS), {"required": ["shape"], "properties": dict.fromkeys(_SIZES, False)}]
        }
    )

    noun: ClassVar[str] = "an input"
    other_words: ClassVar[Mapping[str, str]] = INPUT_WORDS
    attribute_keys: ClassVar[tuple[str, ...]] = (*_SIZES, "shape")

    channels: Size | None = Field(None, description="channels of the image, signal or volume")
    length: Size | None = Field(None, description="length of a signal; it has neither height nor width")
    depth: Size | None = Field(None, description="depth of a volume, such as the frames of a video")
    height: Size | None = Field(None, description="height of the image or volume")
    width: Size | None = Field(None, description="width of the image or volume")
    tokens: Size | None = Field(None, description="how many tokens there are, each given as an id")
    ids: Size | None = Field(
        None,
        description="how many different ids there are, such as the size of a vocabulary; each is a whole number "
        "from 0, less than this",
    )
    shape: Shape | None = Field(None, description="the shape of any tensor, without the batch; in place of the sizes")

    @property
    def sizes(self) -> dict[str, Attribute]:
        """The sizes that are given by name, in the order of the axes."""
        given = ((name, getattr(self, name)) for name in _SIZES)
        return {name: size for name, size in given if size is not None}

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing: there is a shape, or there are the sizes of one kind of input."""
        return self.shape is not None or any(self.sizes.keys() == {*form} for form in _FORMS)

    @classmethod
    def form_help(cls, value: object) -> str:
        """The sizes of a list, by their names."""
        return input_help(value)

    def _check(self, load_context: LoadContext) -> None:
        sizes = [*self.sizes]
        if self.shape is not None:
            if sizes:
                message = f"an input has either a `shape` or sizes, found `shape` and `{sizes[0]}`"
                load_context.error("E0202", message, self.key_place(sizes[0]))
            elif not isinstance(self.shape.raw, list | str):
                found = describe(self.shape.raw)
                message = f"`shape` must be a list or an expression, found {found}"
                size = self.shape.raw
                help = f"write `shape: [{size}]`" if isinstance(size, int) and not isinstance(size, bool) else ""
                load_context.error("E0202", message, self.shape.span, help=help)
            return
        if not sizes:
            help = "or `channels` and `length` for a signal, `depth` beside them for a volume, or the key `shape`"
            message = "an input needs the keys `channels`, `height` and `width`"
            load_context.error("E0205", message, self.span, help=help)
            return
        named = next((key for key in _APART if key in sizes), None)
        form, what, help = _APART.get(named or "", (_FORMS[0], "", ""))
        if other := next((key for key in sizes if named and key not in form), ""):
            load_context.error("E0202", f"{what} and no `{other}`", self.key_place(other), help=help)
            return
        for key in form:
            if key not in sizes:
                load_context.error("E0205", f"an input needs the key `{key}`", self.span, help=_MISSING.get(key, ""))
