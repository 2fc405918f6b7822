"""What the models of a spec share: places, and values that are not yet interpreted.

Pydantic validates them. What it finds is noted in the `LoadContext` that comes as the context (see `problems`), so that
all errors are collected. A list or mapping of models keeps those that are sound, and the checks around it still run.
"""

from collections.abc import Callable, Mapping
from dataclasses import field
from types import FunctionType
from typing import Annotated, Any, ClassVar, Final, Self, TypeAlias, cast

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
from pydantic_core import CoreSchema, core_schema

from archspec.errors import InternalError, Span
from archspec.limits import Limits
from archspec.records import record
from archspec.reserved_names import NAME_IN_SEQUENCE
from archspec.spec.located_data import LoadContext, LocatedDict, LocatedList
from archspec.spec.problems import load_context_of, note, reported, wrong

DEFINITIONS: Final = "https://archspec.invalid/"
"""Where the models' JSON schemas refer to; `archspec.schema` puts the definitions there. Nothing is ever fetched."""
NAME_SCHEMA: Final[dict[str, Any]] = {"pattern": "^[A-Za-z][A-Za-z0-9_]*$", "maxLength": Limits().name}
LABEL_SCHEMA: Final[dict[str, Any]] = {"pattern": rf"{NAME_IN_SEQUENCE}|\{{[^{{}}]*\}}", "maxLength": Limits().name}
# A tap of the network or block, or of a block that is called by name, `outer.kept`; or one of a list: `parts[0]`.
TAP_SCHEMA: Final[dict[str, Any]] = {
    "pattern": "^((?!__)[A-Za-z0-9_-]*[A-Za-z0-9][A-Za-z0-9_-]*[.]){0,2}[A-Za-z][A-Za-z0-9_]*(\\[[^\\[].*\\])?$"
}


@record
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
    of the Python type, which nothing validates, and the JSON schema only when it is wanted. A function of one argument
    takes the value, one of two the ValidationInfo, too; it is a function of Python's own, not a method.
    """

    def __init__(self, function: Callable[..., object], schema: dict[str, Any] | Callable[[], dict[str, Any]]) -> None:
        self.function = function
        self.schema = schema

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        if (
            cast(FunctionType, self.function).__code__.co_argcount == 1
        ):  # `inspect.signature` takes longer than the rest of a field
            return core_schema.no_info_plain_validator_function(self.function)
        return core_schema.with_info_plain_validator_function(self.function)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return self.schema() if callable(self.schema) else dict(self.schema)  # pydantic adds a field's own words to it


class Model(BaseModel):
    """Part of a spec: frozen, strict about keys, and able to say where it was written."""

    # Most specs use some of the models alone: what validates one is made when it first reads something.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

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

    @property
    def composed(self) -> Mapping[str, object]:
        """All that is written of it, before it is read: plain data, with what it extends and includes."""
        return self._located

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

    def _private(self, name: str) -> Any:
        """A private attribute; pydantic's own way to one takes longer than all else that is done with most of them."""
        return (self.__pydantic_private__ or {}).get(name)

    @property
    def _located(self) -> LocatedDict:
        own = self.__pydantic_private__  # as `_private`, without a call: it is asked for hundreds of times
        data: LocatedDict | None = own["_data"] if own else None
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

    @classmethod
    def read(cls, data: object, load_context: LoadContext) -> Self | None:
        """The model of some data; None where it is wrong, with the reasons noted."""
        try:
            return cls.model_validate(data, context=load_context)
        except ValidationError:
            return None

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, data: object, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        load_context = load_context_of(info)
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
            found, keys = error.errors(include_url=False), cls.yaml_keys()
            note(found, data, load_context, noun=cls.noun, keys=keys, other_words=cls.other_words)
            if not load_context.diagnostics:
                raise InternalError(f"{cls.__name__} failed without a diagnostic") from error
            return cls._sound_part(data, plain, handler, error, load_context)
        model._data = data
        model._check(load_context)
        return model

    @classmethod
    def _sound_part(
        cls,
        data: LocatedDict,
        plain: dict[str, object],
        handler: ModelWrapValidatorHandler[Self],
        error: ValidationError,
        load_context: LoadContext,
    ) -> Self:
        """The model without the keys that are wrong, so that the others are checked, too; their errors are noted."""
        wrong_keys = {str(found["loc"][0]) for found in error.errors(include_url=False) if found["loc"]}
        load_context.refuse({key: data[key] for key in wrong_keys & data.keys()})
        if cls.stand_ins is None:
            raise reported() from None
        rest = {key: value for key, value in plain.items() if key not in wrong_keys}
        try:
            model = handler({**cls.stand_ins, **rest})
        except ValidationError:
            raise reported() from None
        model._data = data
        trial = LoadContext(load_context.budget)
        model._check(trial)
        for found in trial.diagnostics:
            if found.code not in ("E0202", "E0205"):  # these ask for keys, and for what is in them
                load_context.error(found.code, found.message, found.span, notes=found.notes, help=found.help)
        return model

    @classmethod
    def form_help(cls, value: object) -> str:
        """What to write in place of a value that is no mapping."""
        return ""

    def _check(self, load_context: LoadContext) -> None:
        """Checks between fields; the errors are noted in `load_context`."""

    def __eq__(self, other: object) -> bool:
        """Equal content; where it was written does not matter."""
        return type(self) is type(other) and self.__dict__ == other.__dict__


def no_entries() -> dict[str, Any]:
    """The default of a mapping: an empty one.

    pydantic looks at the signature of what makes a default, which for a class as `dict` takes longer than a model.
    """
    return {}


def attribute(data: LocatedDict, key: str) -> Attribute:
    """The value of a key, with its places."""
    return Attribute(data[key], data.value_spans.get(key), data.key_spans.get(key))


def attributes(data: LocatedDict, without: tuple[str, ...] = ()) -> dict[str, Attribute]:
    """All values of a mapping, with their places."""
    return {key: attribute(data, key) for key in data if key not in without}


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


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise wrong("true or false")
    return value


def _plain_name(value: object) -> str:
    if not isinstance(value, str):
        raise wrong("a name")
    return value


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
Switch: TypeAlias = Annotated[bool, Reads(_switch, {"type": "boolean"})]
PlainName: TypeAlias = Annotated[str, Reads(_plain_name, {"type": "string", **NAME_SCHEMA})]
