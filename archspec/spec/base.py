"""What the models of a spec share: places, names, and pydantic's findings in our own words.

A validator notes what is wrong in the `Reading` that comes with it as the context, then raises
`reported()`, which says to pydantic no more than that this value failed. So every error is noted
once, where its place is known, and all of them are collected. A list or mapping of models keeps
those that are sound, so that the checks around it still run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from inspect import signature
from keyword import iskeyword
from typing import Annotated, Any, ClassVar, Final, Self, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import CoreSchema, ErrorDetails, PydanticCustomError, core_schema

from archspec.errors import InternalError, Span, did_you_mean, nearest
from archspec.expr import ExprError, parse
from archspec.limits import Limits
from archspec.spec.located import LocatedDict, LocatedList, Reading
from archspec.spec.mistakes import comma_help, cut_off, cut_texts, expression_help
from archspec.spec.scalars import describe
from archspec.spec.words import OTHER_NAMES, OWN_WORDS

DEFINITIONS: Final = "https://archspec.invalid/"
"""Where the models' JSON schemas refer to; `archspec.schema` puts the definitions there. Nothing is ever fetched."""
NAME_SCHEMA: Final[dict[str, Any]] = {"pattern": "^[A-Za-z][A-Za-z0-9_]*$", "maxLength": Limits().name}
# A tap of the network or block, or of a block that is called by name: `outer.kept`.
TAP_SCHEMA: Final[dict[str, Any]] = {"pattern": "^[A-Za-z][A-Za-z0-9_]*([.][A-Za-z][A-Za-z0-9_]*)?$"}

# What pydantic's error types mean, as the end of "must be ...".
_EXPECTED: Final[dict[str, str]] = {
    "string_type": "a string",
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
}


@dataclass(frozen=True, slots=True)
class Attribute:
    """A value that is not yet interpreted: plain YAML data, with its place and its key's place.

    A string may be an expression; which it is depends on where it stands, and the lowering knows.
    """

    raw: object
    span: Span | None = field(default=None, compare=False)
    key_span: Span | None = field(default=None, compare=False)


def definition(name: str) -> dict[str, Any]:
    """A reference to a definition of the JSON schema of specs."""
    return {"$ref": DEFINITIONS + name}


class Reads:
    """A field whose values a function of ours reads, with the JSON schema of what it takes.

    As pydantic's PlainValidator and WithJsonSchema, but neither asks for more when modules are imported: no schema
    of the Python type, which nothing validates, and the JSON schema only when it is wanted.
    """

    def __init__(self, function: Callable[..., object], schema: dict[str, Any] | Callable[[], dict[str, Any]]) -> None:
        self.function = function
        self.schema = schema

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        if len(signature(self.function).parameters) == 1:
            return core_schema.no_info_plain_validator_function(self.function)
        return core_schema.with_info_plain_validator_function(self.function)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return self.schema() if callable(self.schema) else dict(self.schema)  # pydantic adds a field's own words to it


def reported() -> PydanticCustomError:
    """The exception for a value whose error is already noted."""
    return PydanticCustomError("reported", "already reported")


def wrong(expected: str, help: str = "") -> PydanticCustomError:
    """The exception for a value of the wrong form; `expected` ends the sentence "must be ...".

    The model around it knows the key and the place, and makes the diagnostic.
    """
    # No braces in the template: the words would be taken for pydantic's placeholders.
    return PydanticCustomError("wrong", "wrong form", {"expected": expected, "help": help})


def reading_of(info: ValidationInfo) -> Reading:
    """The `Reading` that a validation notes its errors in."""
    if not isinstance(info.context, Reading):
        raise InternalError("a spec is validated without a Reading; use `archspec.spec.load`")
    return info.context


class Model(BaseModel):
    """Part of a spec: frozen, strict about keys, and able to say where it was written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    noun: ClassVar[str] = "this"
    attribute_keys: ClassVar[tuple[str, ...]] = ()
    other_words: ClassVar[Mapping[str, str]] = {}
    """Words of other libraries, each with what to write instead."""
    stand_ins: ClassVar[Mapping[str, object] | None] = None
    """Where this is one whose sound keys are checked though others are wrong: what required ones are then."""

    _data: LocatedDict | None = PrivateAttr(default=None)

    @property
    def span(self) -> Span:
        """Where the whole of it is written."""
        return self._located.span

    def place(self, name: str) -> Span:
        """Where the value of a field (or YAML key) is written; `span` if it is not written."""
        return self._located.value_spans.get(self._key(name), self.span)

    def raw(self, name: str) -> object:
        """What is written for a field, before it is read; None if nothing is."""
        return self._located.get(self._key(name))

    def key_place(self, name: str) -> Span:
        """Where a key itself is written; `span` if it is not."""
        return self._located.key_spans.get(self._key(name), self.span)

    def item_place(self, name: str, index: int) -> Span:
        """Where an item of a list is written."""
        value = self._located.get(self._key(name))
        return value.item_spans[index] if isinstance(value, LocatedList) else self.place(name)

    def entry_place(self, name: str, key: str) -> Span:
        """Where a key of a mapping is written."""
        value = self._located.get(self._key(name))
        return value.key_spans.get(key, self.place(name)) if isinstance(value, LocatedDict) else self.place(name)

    def written(self, name: str) -> bool:
        """Whether a key is written at all, even with nothing after it."""
        return self._key(name) in self._located

    @property
    def _located(self) -> LocatedDict:
        # Not `self._data`: pydantic's way to a private attribute takes longer than all else that is done with it.
        data: LocatedDict | None = (self.__pydantic_private__ or {}).get("_data")
        if data is None:
            raise InternalError(f"a {type(self).__name__} without a place")
        return data

    def _key(self, name: str) -> str:
        known = type(self).model_fields.get(name)
        return (known and known.alias) or name

    @classmethod
    def yaml_keys(cls) -> tuple[str, ...]:
        """The keys that may be written in YAML."""
        return tuple(info.alias or name for name, info in cls.model_fields.items())

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, data: object, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        reading = reading_of(info)
        if isinstance(data, cls):
            return data
        if not isinstance(data, LocatedDict):
            raise wrong("a mapping", help=cls.form_help(data))
        plain: dict[str, object] = dict(data)
        for key in cls.attribute_keys:
            if plain.get(key) is not None:
                plain[key] = attribute(data, key)
        try:
            model = handler(plain)
        except ValidationError as error:
            _note(cls, data, error.errors(include_url=False), reading)
            if not reading.diagnostics:
                raise InternalError(f"{cls.__name__} failed without a diagnostic") from error
            return cls._sound_part(data, plain, handler, error, reading)
        model._data = data
        model._check(reading)
        return model

    @classmethod
    def _sound_part(
        cls,
        data: LocatedDict,
        plain: dict[str, object],
        handler: ModelWrapValidatorHandler[Self],
        error: ValidationError,
        reading: Reading,
    ) -> Self:
        """The model without the keys that are wrong, so that the others are checked, too; their errors are noted."""
        wrong_keys = {str(found["loc"][0]) for found in error.errors(include_url=False) if found["loc"]}
        reading.refuse({key: data[key] for key in wrong_keys & data.keys()})
        if cls.stand_ins is None:
            raise reported() from None
        rest = {key: value for key, value in plain.items() if key not in wrong_keys}
        try:
            model = handler({**cls.stand_ins, **rest})
        except ValidationError:
            raise reported() from None
        model._data = data
        trial = Reading(reading.budget)
        model._check(trial)
        for found in trial.diagnostics:
            if found.code not in ("E0202", "E0205"):  # these ask for keys, and for what is in them
                reading.error(found.code, found.message, found.span, notes=found.notes, help=found.help)
        return model

    @classmethod
    def form_help(cls, value: object) -> str:
        """What to write in place of a value that is no mapping."""
        return ""

    def _check(self, reading: Reading) -> None:
        """Checks between fields; the errors are noted in `reading`."""

    def __eq__(self, other: object) -> bool:
        """Equal content; where it was written does not matter."""
        return type(self) is type(other) and self.__dict__ == other.__dict__


def _note(cls: type[Model], data: LocatedDict, errors: Iterable[ErrorDetails], reading: Reading) -> None:
    """Turn pydantic's findings about one model into diagnostics."""
    errors = list(errors)
    unknown = [str(error["loc"][0]) for error in errors if error["type"] == "extra_forbidden"]
    cut = cut_texts(data) if unknown else {}
    forms: dict[tuple[Span, str], tuple[object, list[str], str]] = {}
    for error in errors:
        kind, location, context = error["type"], error["loc"], error.get("ctx", {})
        key = str(location[0]) if location else ""
        if kind == "reported":
            continue
        if kind == "extra_forbidden":
            span = data.key_spans.get(key, data.span)
            if key in cls.other_words:
                reading.error("E0412", f"`{key}` is not a key of {cls.noun}", span, help=cls.other_words[key])
                continue
            if cut.get(key) == "":  # more of a text, of which the first part is noted
                continue
            keys = cls.yaml_keys()
            help = cut.get(key) or did_you_mean(key, [name for name in keys if name not in data], keys)
            if cut_off(key):
                hints = (comma_help(data.key_spans[name], data.value_spans[name], data[name]) for name in data)
                help = next(filter(None, hints), help)
            reading.error("E0201", f"unknown key `{key[:80]}` in {cls.noun}", span, help=help)
        elif kind == "missing":
            other = any(f"`{key}" in cls.other_words.get(word, "") for word in unknown)
            if not other and nearest(key, unknown) is None:  # else it has another name there, and this is no news
                reading.error("E0205", f"{cls.noun} needs the key `{key}`", data.span)
        else:
            span, value, name = _deepest(data, location)
            expected = context.get("expected") or _EXPECTED.get(kind, "of another form")
            # A union gives one finding for each of its members: one sentence for all of them.
            entry = forms.setdefault((span, name), (value, [], context.get("help", "")))
            if expected not in entry[1]:
                entry[1].append(expected)
    for (span, name), (value, expected_forms, help) in forms.items():
        subject = name or cls.noun
        message = f"{subject} must be {' or '.join(expected_forms)}, found {describe(value)}"
        if not help and expected_forms == ["a string"] and isinstance(value, int | float):
            help = "put it in quotes"
            if name == "`name`":  # a number in quotes is none either
                help = f"a name does not begin with a digit: write `layer{value}`, or another name"
        reading.error("E0202", message, span, help=help)


def _deepest(data: LocatedDict, location: tuple[int | str, ...]) -> tuple[Span, object, str]:
    """The place, value and name that a location means, as far as it can be followed."""
    span, value, name = data.span, data, ""
    here: object = data
    for part in location:
        if isinstance(here, LocatedDict) and part in here:
            span, here = here.value_spans[str(part)], here[str(part)]
            name = f"`{str(part)[:80]}`"
        elif isinstance(here, LocatedList) and isinstance(part, int) and part < len(here):
            span, here = here.item_spans[part], here[part]
            name = f"item {part + 1} of {name}"
        else:
            break
        value = here  # type: ignore[assignment]
    return span, value, name


def attribute(data: LocatedDict, key: str) -> Attribute:
    """The value of a key, with its places."""
    return Attribute(data[key], data.value_spans.get(key), data.key_spans.get(key))


def attributes(data: LocatedDict, without: tuple[str, ...] = ()) -> dict[str, Attribute]:
    """All values of a mapping, with their places."""
    return {key: attribute(data, key) for key in data if key not in without}


def parses(text: str, span: Span | None, reading: Reading) -> bool:
    """Whether a text is an expression; if not, the reason is noted."""
    try:
        parse(text, reading.budget)
    except ExprError as error:
        help = "" if error.too_large else expression_help(text, span=span)
        reading.error("E0304" if error.too_large else "E0301", str(error), span, help=help)
        return False
    return True


def usable_name(
    name: object, span: Span | None, reading: Reading, what: str, taken: tuple[str, ...] = (), help: str = ""
) -> bool:
    """Whether a name can be used in generated code; if not, the reason is noted.

    `what` is what it names; `taken` holds words that mean something else here; `help` is for what is no name at all.
    """
    if not isinstance(name, str):
        message = f"the name of {what} must be a string, found {describe(name)}"
        reading.error("E0202", message, span)
        return False
    otherwise, help = help, ""
    if name in taken:
        reason = "has a meaning of its own in the language"
        help = f"write `{OTHER_NAMES.get(name, f'{name}_')}`, or another name" + (
            f": {OWN_WORDS[name]}" if name in OWN_WORDS else ""
        )
    elif iskeyword(name):
        reason, help = "is a keyword of Python", otherwise or f"write `{name}_`"
    elif not _is_name(name):
        reason = "is not a name"
        help = otherwise or _as_name(name, reading.limits.name)
        if not help and name.isdecimal() and what == "a layer":
            help = (
                f"write `layer{name[:40]}`, or leave the names out: the layers of a named sequence, "
                "`{name: features, layers: [...]}`, are called 0, 1, 2"
            )
        help = help or "a name has letters, digits and underscores, and begins with a letter"
    elif len(name) > (most := reading.limits.name):
        reason = f"has {len(name)} characters; at most {most} are allowed"
    else:
        return True
    shown = name if len(name) <= 80 else name[:40] + "..."
    reading.error("E0404", f"`{shown}` cannot name {what}: it {reason}", span, help=help)
    return False


def _is_name(name: str) -> bool:
    """Whether it is an ASCII identifier that begins with a letter.

    What begins with an underscore is private to Python, which changes some such names, and no scope for TensorFlow.
    """
    return name.isidentifier() and name.isascii() and not name.startswith("_")


def _as_name(name: str, most: int) -> str:
    """`my_unet` for `my-unet` or `_my_unet`; empty where more is wrong with it."""
    joined = name.strip().replace("-", "_").replace(" ", "_").replace(".", "_").lstrip("_")
    sound = _is_name(joined) and not iskeyword(joined) and len(joined) <= most
    return f"write `{joined}`" if sound else ""


def as_attribute(value: object) -> Attribute:
    """A value that `attribute_keys` has made an Attribute of."""
    if isinstance(value, Attribute):
        return value
    raise wrong("a value")


def _as_attributes(value: object) -> object:
    if isinstance(value, LocatedDict):
        return attributes(value)
    if isinstance(value, dict):  # made by a reader of ours
        return value
    raise wrong("a mapping")


def _is_list(value: object) -> object:
    """Only lists are lists: pydantic would take a mapping's keys, too."""
    if isinstance(value, list | tuple):
        return value
    raise wrong("a list")


def _number(least: int) -> dict[str, Any]:
    return {"anyOf": [{"type": "integer", "minimum": least}, definition("Expression")]}


Value: TypeAlias = Annotated[Attribute, Reads(as_attribute, definition("Value"))]
Condition: TypeAlias = Annotated[
    Attribute, Reads(as_attribute, {"anyOf": [{"type": "boolean"}, definition("Expression")]})
]
Count: TypeAlias = Annotated[Attribute, Reads(as_attribute, _number(0))]
Size: TypeAlias = Annotated[Attribute, Reads(as_attribute, _number(1))]
Values: TypeAlias = Annotated[
    dict[str, Attribute],
    Reads(_as_attributes, {"type": "object", "additionalProperties": definition("Value")}),
]
Strings: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_is_list)]
