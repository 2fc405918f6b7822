"""The items of a network: what stands in a list of layers.

Each way to write an item is first brought into one mapping (see `forms`); then the model of its kind validates it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, TypeAlias

from pydantic import ConfigDict, Field, PrivateAttr, ValidationInfo

from archspec.errors import Span
from archspec.records import record
from archspec.spec.base import (
    LABEL_SCHEMA,
    NAME_SCHEMA,
    TAP_SCHEMA,
    Attribute,
    Condition,
    Count,
    Model,
    PlainName,
    Reads,
    Switch,
    Value,
    Values,
    definition,
    no_entries,
)
from archspec.spec.checks import usable_index, usable_name, usable_path_part, usable_tap
from archspec.spec.form_suggestions import cut_call, one_item_help
from archspec.spec.forms import OMIT, RESERVED, STAGE_KEYS, form_of, is_sequence, is_stage
from archspec.spec.key_suggestions import REPEAT_WORDS, REUSE_WORDS, STAGE_WORDS
from archspec.spec.located_data import LoadContext, LocatedDict, LocatedList
from archspec.spec.problems import load_context_of, wrong
from archspec.spec.units import NamePattern, NestedPattern, Pattern, UnitsField, only_index


def _items(value: object, info: ValidationInfo) -> tuple["Item", ...]:
    if isinstance(value, tuple):  # read before
        return value
    if not isinstance(value, LocatedList):
        raise wrong("a list of items", help=one_item_help(value))
    return read_items(value, load_context_of(info))


def _otherwise(value: object, info: ValidationInfo) -> tuple["Item", ...]:
    """What stands under `else`: a list of items, or one item."""
    if isinstance(value, Attribute):
        if value.raw == OMIT:
            help = "without an `else` nothing stands there"
            raise wrong("a list of items: `omit` is for the branches of a merge", help=help)
        if isinstance(value.raw, str | LocatedDict) and value.span is not None:
            return (read_item(value.raw, value.span, load_context_of(info)),)
        value = value.raw
    return _items(value, info)


def _branches(value: object, info: ValidationInfo) -> tuple["Sequence", ...]:
    if not isinstance(value, LocatedList):
        raise wrong("a list of branches")
    load_context = load_context_of(info)
    pairs = zip(value, value.item_spans, strict=True)
    return tuple(_branch(raw, span, load_context) for raw, span in pairs)


_ONE_OR_MORE: Final[dict[str, Any]] = {"anyOf": [definition("Items"), definition("Item")]}

if TYPE_CHECKING:
    _Items: TypeAlias = tuple["Item", ...]
    _Sequences: TypeAlias = tuple["Sequence", ...]
else:  # these models are not there yet, and `Reads` asks for no schema of them: none has to be made a second time
    _Items = _Sequences = tuple

Items: TypeAlias = Annotated[_Items, Reads(_items, definition("Items"))]
Otherwise: TypeAlias = Annotated[_Items, Reads(_otherwise, _ONE_OR_MORE)]
Branches: TypeAlias = Annotated[_Sequences, Reads(_branches, {"type": "array", "items": _ONE_OR_MORE})]


class _Conditional(Model):
    """An item that may have a condition."""

    when: Condition | None = Field(None, description="the condition under which the item is there")
    otherwise: Otherwise | None = Field(None, alias="else", description="what is there if the condition is false")
    label: str | None = Field(None, alias="name", description="the layer's own name", json_schema_extra=LABEL_SCHEMA)

    attribute_keys: ClassVar[tuple[str, ...]] = ("when", "else")

    def _check(self, load_context: LoadContext) -> None:
        if self.label is not None:
            usable_path_part(self.label, self.place("label"), load_context)
        for key, form in (("when", "a condition"), ("else", "a list of items")):
            if self.written(key) and self._located[key] is None:
                message = f"`{key}` must be {form}, found nothing"
                load_context.error("E0202", message, self.key_place(key))
        if self.written("else") and not self.written("when"):
            help = "give the condition with `when`"
            span = self.key_place("else")
            load_context.error("E0202", "an `else` without a `when`", span, help=help)


class Call(_Conditional):
    """An op, a block, or a merge of branches: `conv: {filters: 64, kernel: 3}`."""

    noun: ClassVar[str] = "an op or a call"

    kind: ClassVar[Literal["call"]] = "call"
    name: str = Field(alias="op", description="the op or block")
    attributes: Values = Field(
        default_factory=no_entries, description="the attributes of the op, or the params of the block"
    )
    branches: Branches | None = Field(None, description="what a merge joins")
    inline: Switch = Field(False, description="whether a block's layers stand in the caller's own scope")
    fields: Value | None = Field(None, description="the params that a block's `unit` names, in order")
    flat_name: NamePattern | None = Field(
        None, description="the layer's name where names are flat, as in Keras: a pattern with expressions in braces"
    )

    attribute_keys: ClassVar[tuple[str, ...]] = ("when", "else", "fields", "flat_name")

    _param: str | None = PrivateAttr(default=None)

    @property
    def param(self) -> str | None:
        """The param that this op or block stands for, where an item calls a param."""
        param: str | None = self._private("_param")
        return param

    def standing_for(self, word: str, when: Attribute | None, otherwise: tuple["Item", ...] | None) -> "Call":
        """The call of an op or a block that a param stands for, in place of this one, which calls the param."""
        made = self.model_copy(update={"name": word, "when": when, "otherwise": otherwise})
        made._param = self.name
        return made

    def _check(self, load_context: LoadContext) -> None:
        super()._check(load_context)
        if self.inline and self.label is not None:
            help = "leave out one of the two"
            message = "a call that is inline has no scope, and so no name"
            load_context.error("E0202", message, self.place("label"), help=help)


class Sequence(_Conditional):
    """Items in a row; with a name, a scope of its own."""

    noun: ClassVar[str] = "a sequence"

    kind: ClassVar[Literal["sequence"]] = "sequence"
    label: str | None = Field(
        None, alias="name", description="makes the sequence a scope", json_schema_extra=LABEL_SCHEMA
    )
    layers: Items = Field((), description="the items")
    origin: str | None = Field(None, alias="from", description="the tap where it starts", json_schema_extra=TAP_SCHEMA)

    _is_omissible: bool = PrivateAttr(default=False)

    @property
    def is_omissible(self) -> bool:
        """Whether it is a branch that is left out where its condition does not hold."""
        return bool(self._private("_is_omissible"))

    @classmethod
    def in_place_of(cls, call: Call, layers: tuple["Item", ...], when: Attribute | None) -> "Sequence":
        """An unnamed sequence that has a call's place and its `else`."""
        made = cls.model_construct(layers=layers, when=when, otherwise=call.otherwise, label=None, origin=None)
        made._data = call._data
        return made

    def _check(self, load_context: LoadContext) -> None:
        super()._check(load_context)
        if self.origin is not None:
            usable_tap(self.origin, self.place("from"), load_context)


class Repeat(_Conditional):
    """The same items several times over."""

    noun: ClassVar[str] = "`repeat`"
    other_words: ClassVar[Mapping[str, str]] = REPEAT_WORDS

    kind: ClassVar[Literal["repeat"]] = "repeat"
    label: str | None = Field(
        None,
        alias="name",
        description="the first part of its layers' paths; `repeat` unless given",
        json_schema_extra=LABEL_SCHEMA,
    )
    times: Count = Field(description="how many times, 0 or more")
    index: PlainName = Field("i", description="the name of the iteration's number, counted from 0")
    names: NestedPattern | None = Field(
        None, description="the iterations' names: a pattern with expressions of `i` in braces, `{i}` unless given"
    )
    inline: Switch = Field(False, description="whether its iterations stand in the scope around it")
    carry: Values = Field(
        default_factory=no_entries,
        description="taps before it, each with the tap of this iteration that it stands for in the next one",
    )
    collect: PlainName | None = Field(
        None, description="the name of the list of what its iterations give, each in turn"
    )
    layers: Items = Field(description="the items")

    attribute_keys: ClassVar[tuple[str, ...]] = ("when", "else", "times", "names")

    def _check(self, load_context: LoadContext) -> None:
        super()._check(load_context)
        usable_index(self.index, self.place("index"), load_context)
        if self.collect is not None:
            usable_name(self.collect, self.place("collect"), load_context, "a list")
        if self.inline and self.label is not None:
            message = "a repeat that is inline has no scope, and so no name"
            help = "leave out one of the two; `names` are those of its iterations"
            load_context.error("E0202", message, self.place("label"), help=help)
        if self.carry and not self.inline:
            help = "write `inline: true`; the iterations then stand in the scope around the repeat"
            load_context.error("E0202", "`carry` is for a repeat that is inline", self.key_place("carry"), help=help)
        if self.names is not None and not self.inline:
            only_index(self.names, self.place("names"), load_context)


class Tap(Model):
    """Marks a tensor, for `from` to start at."""

    noun: ClassVar[str] = "`tap`"

    kind: ClassVar[Literal["tap"]] = "tap"
    when: ClassVar[None] = None
    otherwise: ClassVar[None] = None
    name: str = Field(description="the name that `from` says", json_schema_extra=NAME_SCHEMA)


class Reuse(_Conditional):
    """An item before this one, computed once more with the same weights: `reuse: tower`."""

    noun: ClassVar[str] = "`reuse`"
    other_words: ClassVar[Mapping[str, str]] = REUSE_WORDS

    kind: ClassVar[Literal["reuse"]] = "reuse"
    item: str = Field(description="the name of the item whose weights it has", json_schema_extra=LABEL_SCHEMA)
    label: str | None = Field(
        None,
        alias="name",
        description="the first part of its layers' paths; the item's name with a number unless given",
        json_schema_extra=LABEL_SCHEMA,
    )
    inputs: Values = Field(
        default_factory=no_entries, alias="with", description="the taps for the inputs of a block, by name"
    )


class Stage(Model):
    """A named row of units of one block; or a named row of items."""

    # Either a block and its units, or items: `_check` says the same.
    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["block", "units"], "properties": {"layers": False}},
                {"required": ["layers"], "properties": dict.fromkeys(STAGE_KEYS[1:], False)},
            ]
        }
    )

    noun: ClassVar[str] = "a stage"
    other_words: ClassVar[Mapping[str, str]] = STAGE_WORDS
    attribute_keys: ClassVar[tuple[str, ...]] = ("units", "unit_names")

    kind: ClassVar[Literal["stage"]] = "stage"
    when: ClassVar[None] = None
    otherwise: ClassVar[None] = None
    label: str = Field(alias="name", description="the first part of its layers' paths", json_schema_extra=LABEL_SCHEMA)
    block: str | None = Field(
        None,
        description="the block that each unit calls; required where there are no `layers`",
        json_schema_extra=NAME_SCHEMA,
    )
    units: UnitsField | None = Field(None, description="the arguments of each unit; required with `block`")
    arguments: Values = Field(
        default_factory=no_entries,
        alias="with",
        description="arguments of all units; what a unit gives itself stands over them",
    )
    unit_names: Pattern | None = Field(
        None, description="the units' names: a pattern with expressions of `i` in braces, `{i}` unless given"
    )
    index: PlainName = Field(
        "i", description="the name of the unit's number, counted from 0; inside of a repeat `i` is the repeat's"
    )
    layers: Items = Field((), description="items, in place of `block` and `units`: a named sequence")

    def _check(self, load_context: LoadContext) -> None:
        usable_path_part(self.label, self.place("label"), load_context)
        usable_index(self.index, self.place("index"), load_context)
        if self.block is not None:
            usable_name(self.block, self.place("block"), load_context, "a block", taken=RESERVED)
        written = [key for key in STAGE_KEYS[1:] if self.written(key)]
        if self.written("layers"):
            if written:
                message = f"a stage has either a block or layers, found `{written[0]}` and `layers`"
                load_context.error("E0202", message, self.key_place(written[0]))
            return
        missing = [key for key in ("block", "units") if getattr(self, key) is None]
        if len(missing) == 2:
            help = "or the key `layers`"
            message = "a stage needs the keys `block` and `units`"
            load_context.error("E0205", message, self.span, help=help)
        elif missing:
            load_context.error("E0205", f"a stage needs the key `{missing[0]}`", self.span)


@record
class Refused:
    """Stands for an item whose error is noted: what arrives after it is not known."""

    span: Span

    kind: ClassVar[Literal["refused"]] = "refused"
    when: ClassVar[None] = None
    otherwise: ClassVar[None] = None


Item: TypeAlias = Call | Sequence | Repeat | Tap | Stage | Reuse | Refused


_MODELS: Final[Mapping[str, type[Call | Sequence | Repeat | Tap | Stage | Reuse]]] = {
    model.kind: model for model in (Call, Sequence, Repeat, Tap, Stage, Reuse)
}


def read_items(raw: LocatedList, load_context: LoadContext) -> tuple[Item, ...]:
    """The items of a list; those that are wrong are `Refused`, and their errors are noted."""
    read: list[Item] = []
    done = -1
    for index, (item, span) in enumerate(zip(raw, raw.item_spans, strict=True)):
        if index <= done:
            continue
        call = cut_call(raw, index) if isinstance(item, str) else None
        if call is None:
            read.append(read_item(item, span, load_context))
        else:  # its parts are one item
            text, whole, done = call
            read.append(read_item(text, whole, load_context))
    return tuple(read)


def read_item(raw: object, span: Span, load_context: LoadContext) -> Item:
    """One item in any notation; `Refused` if it is wrong, with the reason noted."""
    form = form_of(raw, span, load_context)
    item = _MODELS[form.kind].read(form.data, load_context) if form is not None else None
    if item is None:
        load_context.refuse(raw)
        return Refused(span)
    return item


def read_stages(value: object, info: ValidationInfo) -> tuple[Item, ...]:
    """The entries of `stages`: stages, and between them items of any kind."""
    if not isinstance(value, LocatedList):
        raise wrong("a list of stages")
    load_context = load_context_of(info)
    read: list[Item] = []
    for raw, span in zip(value, value.item_spans, strict=True):
        if not (isinstance(raw, LocatedDict) and is_stage(raw)):
            read.append(read_item(raw, span, load_context))
            continue
        stage = Stage.read(raw, load_context)
        if stage is None:
            load_context.refuse(raw)
        read.append(stage or Refused(span))
    return tuple(read)


def _omissible(raw: LocatedDict, load_context: LoadContext) -> Sequence:
    """A branch that is there under its condition alone."""
    inner, data = LocatedDict(raw.span), LocatedDict(raw.span)
    for key in raw:
        if key not in ("when", "else"):
            inner.take(raw, key)
    data.take(raw, "when")
    data.put("layers", (read_item(inner, raw.span, load_context),), raw.span, raw.span)
    branch = Sequence.model_validate(data, context=load_context)
    branch._is_omissible = True
    return branch


def _branch(raw: object, span: Span, load_context: LoadContext) -> Sequence:
    """A branch of a merge: a sequence, a bare list of items, or one item."""
    if isinstance(raw, LocatedDict) and "when" in raw and raw.get("else") == OMIT:
        return _omissible(raw, load_context)
    if isinstance(raw, LocatedDict) and is_sequence(raw):
        branch = read_item(raw, span, load_context)
        if isinstance(branch, Sequence):
            return branch
        raw = (branch,)
    data = LocatedDict(span)
    data.put("layers", raw if isinstance(raw, list | tuple) else (read_item(raw, span, load_context),), span, span)
    return Sequence.model_validate(data, context=load_context)
