"""The items of a network: what stands in a list of layers.

Each way to write an item is first brought into one mapping, whose keys are the model's own, with
the places kept; then the model checks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias, TypeVar

from pydantic import ConfigDict, Field, ValidationError, ValidationInfo

from archspec.errors import Span, nearest
from archspec.members import NOT_LAYERS, not_a_layer
from archspec.spec.base import (
    NAME_SCHEMA,
    TAP_SCHEMA,
    Attribute,
    Condition,
    Count,
    Model,
    Reads,
    Values,
    definition,
    reading_of,
    usable_name,
    wrong,
)
from archspec.spec.located import LocatedDict, LocatedList, Reading
from archspec.spec.mistakes import cut_call, example, name_help, no_repeat, not_one_kind, one_item_help
from archspec.spec.scalars import describe
from archspec.spec.units import Pattern, UnitsField
from archspec.spec.words import REPEAT_WORDS, REUSE_WORDS, STAGE_WORDS

RESERVED: Final = ("layers", "repeat", "tap", "from", "name", "when", "else", "stage", "reuse")
SEQUENCE_KEYS: Final = ("layers", "name", "when", "else", "from")
# What tells a stage from an item in `stages`.
STAGE_KEYS: Final = ("name", "block", "units", "with", "unit_names")
# What tells a named sequence from a stage with `layers`, which has none of these.
NOT_OF_STAGES: Final = ("when", "else", "from")
_CONDITION: Final = ("when", "else")

M = TypeVar("M", bound=Model)
ItemT = TypeVar("ItemT", "Call", "Sequence", "Repeat", "Stage", "Reuse")


def _items(value: object, info: ValidationInfo) -> tuple[Item, ...]:
    if isinstance(value, tuple):  # read before
        return value
    if not isinstance(value, LocatedList):
        raise wrong("a list of items", help=one_item_help(value))
    return read_items(value, reading_of(info))


def _otherwise(value: object, info: ValidationInfo) -> tuple[Item, ...]:
    """What stands under `else`: a list of items, or one item."""
    if isinstance(value, Attribute):
        if isinstance(value.raw, str | LocatedDict) and value.span is not None:
            return (read_item(value.raw, value.span, reading_of(info)),)
        value = value.raw
    return _items(value, info)


def _branches(value: object, info: ValidationInfo) -> tuple[Sequence, ...]:
    if not isinstance(value, LocatedList):
        raise wrong("a list of branches")
    reading = reading_of(info)
    pairs = zip(value, value.item_spans, strict=True)
    return tuple(_branch(raw, span, reading) for raw, span in pairs)


_ONE_OR_MORE: Final[dict[str, Any]] = {"anyOf": [definition("Items"), definition("Item")]}

Items: TypeAlias = Annotated[tuple["Item", ...], Reads(_items, definition("Items"))]
Otherwise: TypeAlias = Annotated[tuple["Item", ...], Reads(_otherwise, _ONE_OR_MORE)]
Branches: TypeAlias = Annotated[tuple["Sequence", ...], Reads(_branches, {"type": "array", "items": _ONE_OR_MORE})]


class _Conditional(Model):
    """An item that may have a condition."""

    when: Condition | None = Field(None, description="the condition under which the item is there")
    otherwise: Otherwise | None = Field(None, alias="else", description="what is there if the condition is false")

    attribute_keys: ClassVar[tuple[str, ...]] = ("when", "else")

    def _check(self, reading: Reading) -> None:
        for key, form in (("when", "a condition"), ("else", "a list of items")):
            if self.written(key) and self._located[key] is None:
                message = f"`{key}` must be {form}, found nothing"
                reading.error("E0202", message, self.key_place(key))
        if self.written("else") and not self.written("when"):
            help = "give the condition with `when`"
            span = self.key_place("else")
            reading.error("E0202", "an `else` without a `when`", span, help=help)


class Call(_Conditional):
    """An op, a block, or a merge of branches: `conv: {filters: 64, kernel: 3}`."""

    noun: ClassVar[str] = "an op or a call"

    kind: ClassVar[Literal["call"]] = "call"
    name: str = Field(alias="op", description="the op or block")
    label: str | None = Field(None, alias="name", description="the layer's own name", json_schema_extra=NAME_SCHEMA)
    attributes: Values = Field(
        default_factory=dict[str, Attribute], description="the attributes of the op, or the params of the block"
    )
    branches: Branches | None = Field(None, description="what a merge joins")


class Sequence(_Conditional):
    """Items in a row; with a name, a scope of its own."""

    noun: ClassVar[str] = "a sequence"

    kind: ClassVar[Literal["sequence"]] = "sequence"
    label: str | None = Field(
        None, alias="name", description="makes the sequence a scope", json_schema_extra=NAME_SCHEMA
    )
    layers: Items = Field((), description="the items")
    origin: str | None = Field(None, alias="from", description="the tap where it starts", json_schema_extra=TAP_SCHEMA)


class Repeat(_Conditional):
    """The same items several times over."""

    noun: ClassVar[str] = "`repeat`"
    other_words: ClassVar[Mapping[str, str]] = REPEAT_WORDS

    kind: ClassVar[Literal["repeat"]] = "repeat"
    label: str | None = Field(
        None,
        alias="name",
        description="the first part of its layers' paths; `repeat` unless given",
        json_schema_extra=NAME_SCHEMA,
    )
    times: Count = Field(description="how many times, 0 or more")
    layers: Items = Field(description="the items")

    attribute_keys: ClassVar[tuple[str, ...]] = ("when", "else", "times")


class Tap(Model):
    """Marks a tensor, for `from` to start at."""

    noun: ClassVar[str] = "`tap`"

    kind: ClassVar[Literal["tap"]] = "tap"
    name: str = Field(description="the name that `from` says", json_schema_extra=NAME_SCHEMA)


class Reuse(_Conditional):
    """An item before this one, computed once more with the same weights: `reuse: tower`."""

    noun: ClassVar[str] = "`reuse`"
    other_words: ClassVar[Mapping[str, str]] = REUSE_WORDS

    kind: ClassVar[Literal["reuse"]] = "reuse"
    item: str = Field(description="the name of the item whose weights it has", json_schema_extra=NAME_SCHEMA)
    label: str | None = Field(
        None,
        alias="name",
        description="the first part of its layers' paths; the item's name with a number unless given",
        json_schema_extra=NAME_SCHEMA,
    )
    inputs: Values = Field(
        default_factory=dict[str, Attribute], alias="with", description="the taps for the inputs of a block, by name"
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
    label: str = Field(alias="name", description="the first part of its layers' paths", json_schema_extra=NAME_SCHEMA)
    block: str | None = Field(
        None,
        description="the block that each unit calls; required where there are no `layers`",
        json_schema_extra=NAME_SCHEMA,
    )
    units: UnitsField | None = Field(None, description="the arguments of each unit; required with `block`")
    arguments: Values = Field(
        default_factory=dict[str, Attribute],
        alias="with",
        description="arguments of all units; what a unit gives itself stands over them",
    )
    unit_names: Pattern | None = Field(
        None, description="the units' names: a pattern with expressions of `i` in braces, `{i}` unless given"
    )
    layers: Items = Field((), description="items, in place of `block` and `units`: a named sequence")

    def _check(self, reading: Reading) -> None:
        written = [key for key in STAGE_KEYS[1:] if self.written(key)]
        if self.written("layers"):
            if written:
                message = f"a stage has either a block or layers, found `{written[0]}` and `layers`"
                reading.error("E0202", message, self.key_place(written[0]))
            return
        missing = [key for key in ("block", "units") if getattr(self, key) is None]
        if len(missing) == 2:
            help = "or the key `layers`"
            message = "a stage needs the keys `block` and `units`"
            reading.error("E0205", message, self.span, help=help)
        elif missing:
            reading.error("E0205", f"a stage needs the key `{missing[0]}`", self.span)


@dataclass(frozen=True, slots=True, eq=False)
class Refused:
    """Stands for an item whose error is noted: what arrives after it is not known."""

    span: Span

    kind: ClassVar[Literal["refused"]] = "refused"


Item: TypeAlias = Call | Sequence | Repeat | Tap | Stage | Reuse | Refused


def read_items(raw: LocatedList, reading: Reading) -> tuple[Item, ...]:
    """The items of a list; those that are wrong are `Refused`, and their errors are noted."""
    read: list[Item] = []
    done = -1
    for index, (item, span) in enumerate(zip(raw, raw.item_spans, strict=True)):
        if index <= done:
            continue
        call = cut_call(raw, index) if isinstance(item, str) else None
        if call is None:
            read.append(read_item(item, span, reading))
        else:  # its parts are one item
            text, whole, done = call
            read.append(read_item(text, whole, reading))
    return tuple(read)


def read_item(raw: object, span: Span, reading: Reading) -> Item:
    """One item in any notation; `Refused` if it is wrong, with the reason noted."""
    item = _read_item(raw, span, reading)
    if item is None:
        reading.refuse(raw)
        return Refused(span)
    return item


def _read_item(raw: object, span: Span, reading: Reading) -> Item | None:
    if isinstance(raw, str):
        return _call(raw, span, None, span, LocatedDict(span), reading)
    if not isinstance(raw, LocatedDict):
        help = "an empty branch is written []" if raw is None else ""
        message = f"an item must be an op, a block or a mapping, found {describe(raw)}"
        reading.error("E0202", message, span, help=help)
        return None
    if "layers" in raw or "from" in raw:
        return _sequence(raw, reading)
    kinds = [key for key in raw if key not in (*_CONDITION, "name")]
    if len(kinds) != 1:
        not_one_kind(kinds, raw, span, reading)
        return None
    kind = kinds[0]
    if "name" in raw:
        reading.error(
            "E0202",
            f"the name of `{kind[:80]}` stands inside its mapping",
            raw.key_spans["name"],
            help=f"write `{kind[:80]}: {{name: ...}}`",
        )
        return None
    if kind == "repeat":
        return _repeat(raw, reading)
    if kind == "reuse":
        return _reuse(raw, reading)
    if kind in ("tap", "stage"):
        if len(raw) > 1:
            span = next(raw.key_spans[key] for key in raw if key != kind)
            reading.error("E0202", f"a `{kind}` cannot have a condition", span)
            return None
        return _tap(raw, reading) if kind == "tap" else _inner_stage(raw, reading)
    return _call(kind, raw.key_spans[kind], raw[kind], raw.value_spans[kind], raw, reading)


def read_stages(value: object, info: ValidationInfo) -> tuple[Item, ...]:
    """The entries of `stages`: stages, and between them items of any kind."""
    if not isinstance(value, LocatedList):
        raise wrong("a list of stages")
    reading = reading_of(info)
    read: list[Item] = []
    for raw, span in zip(value, value.item_spans, strict=True):
        is_stage = isinstance(raw, LocatedDict) and _is_stage(raw)
        item = _checked(_validated(Stage, raw, reading), reading) if is_stage else read_item(raw, span, reading)
        if item is None:
            reading.refuse(raw)
        read.append(item or Refused(span))
    return tuple(read)


def _is_stage(raw: LocatedDict) -> bool:
    """Whether an entry of `stages` is a stage: a named sequence with a condition or a `from` is an item."""
    named = "name" in raw and not any(key in raw for key in NOT_OF_STAGES)
    return named or any(key in raw for key in STAGE_KEYS[1:])


def _sequence(raw: LocatedDict, reading: Reading) -> Sequence | None:
    others = [key for key in raw if key not in SEQUENCE_KEYS]
    kinds = [key for key in others if key in RESERVED or not nearest(key, SEQUENCE_KEYS)]
    if kinds == ["repeat"] and not isinstance(raw["repeat"], dict):
        no_repeat(raw["repeat"], raw.value_spans["repeat"], reading)
        return None
    if kinds:
        here = "layers" if "layers" in raw else "from"
        not_one_kind([here, *kinds], raw, raw.span, reading)
        return None
    return _checked(_validated(Sequence, raw, reading), reading)


def _repeat(raw: LocatedDict, reading: Reading) -> Repeat | None:
    body = raw["repeat"]
    if not isinstance(body, LocatedDict):
        no_repeat(body, raw.value_spans["repeat"], reading)
        return None
    merged = LocatedDict(raw.span)
    for key in body:
        merged.take(body, key)
    for key in _CONDITION:
        if key in body:
            message = f"`{key}` stands beside `repeat`, not inside its mapping"
            reading.error("E0202", message, body.key_spans[key])
            return None
        if key in raw:
            merged.take(raw, key)
    return _checked(_validated(Repeat, merged, reading), reading)


def _reuse(raw: LocatedDict, reading: Reading) -> Reuse | None:
    """`reuse: NAME`, or a mapping with the name as its `item`."""
    body, span = raw["reuse"], raw.value_spans["reuse"]
    if not isinstance(body, str | LocatedDict):
        help = "write `reuse: NAME`, the name of an item before it, or `reuse: {item: NAME, name: ...}`"
        reading.error("E0202", f"`reuse` must be a name or a mapping, found {describe(body)}", span, help=help)
        return None
    data = LocatedDict(raw.span)
    if isinstance(body, str):
        data.take(raw, "reuse", "item")
        body = LocatedDict(span)
    for key in body:
        if key in _CONDITION:
            message = f"`{key}` stands beside `reuse`, not inside its mapping"
            reading.error("E0202", message, body.key_spans[key])
            return None
        data.take(body, key)
    for key in _CONDITION:
        if key in raw:
            data.take(raw, key)
    return _checked(_validated(Reuse, data, reading), reading)


def _tap(raw: LocatedDict, reading: Reading) -> Tap | None:
    data = LocatedDict(raw.span)
    data.take(raw, "tap", "name")
    name, span = raw["tap"], raw.value_spans["tap"]
    # `input` already names what the block received.
    if not usable_name(name, span, reading, "a tap", taken=("input",)):
        return None
    return _validated(Tap, data, reading)


def _inner_stage(raw: LocatedDict, reading: Reading) -> Stage | None:
    if not isinstance(raw["stage"], LocatedDict):
        message = f"`stage` must be a mapping, found {describe(raw['stage'])}"
        reading.error("E0202", message, raw.value_spans["stage"])
        return None
    return _checked(_validated(Stage, raw["stage"], reading), reading)


def _call(name: str, name_span: Span, body: object, body_span: Span, raw: LocatedDict, reading: Reading) -> Call | None:
    """An op or block. `raw` is the whole item, which may hold a condition."""
    dotted = "." in name and all(
        part.isidentifier() for part in name.split(".")
    )  # `nn.Conv2d`: what it is, is said later
    if not dotted and not usable_name(name, name_span, reading, "an op or block", RESERVED, name_help(name, reading)):
        return None
    data = LocatedDict(raw.span)
    data.put("op", name, name_span, name_span)
    if isinstance(body, LocatedList):
        numbers = [place for item, place in zip(body, body.item_spans, strict=True) if isinstance(item, int | float)]
        if numbers:
            message = f"`{name}` takes a mapping of attributes, or a list of branches; found a list of numbers"
            reading.error("E0202", message, numbers[0], help=example(name, body, reading))
            return None
        data.put("branches", body, name_span, body_span)
    elif isinstance(body, LocatedDict):
        given = LocatedDict(body.span)
        for key in body:
            if key in ("name", "branches"):
                data.take(body, key)
            else:
                given.take(body, key)
        data.put("attributes", given, name_span, body_span)
    elif body is not None:
        message = f"the attributes of `{name}` must be a mapping, found {describe(body)}"
        reading.error("E0202", message, body_span, help=example(name, body, reading))
        return None
    for key in _CONDITION:
        if key in raw:
            data.take(raw, key)
    return _checked(_validated(Call, data, reading), reading)


def _branch(raw: object, span: Span, reading: Reading) -> Sequence:
    """A branch of a merge: a sequence, a bare list of items, or one item."""
    if isinstance(raw, LocatedDict) and ("layers" in raw or "from" in raw):
        branch = read_item(raw, span, reading)
        if isinstance(branch, Sequence):
            return branch
        raw = (branch,)
    data = LocatedDict(span)
    data.put("layers", raw if isinstance(raw, list | tuple) else (read_item(raw, span, reading),), span, span)
    return Sequence.model_validate(data, context=reading)


def _validated(model: type[M], data: object, reading: Reading) -> M | None:
    """A model from its mapping; None if it is wrong, with the reasons noted."""
    try:
        return model.model_validate(data, context=reading)
    except ValidationError:
        return None


def _checked(item: ItemT | None, reading: Reading) -> ItemT | None:
    """The item; where names that it gives or uses are no names, that is noted."""
    if item is None:
        return None
    if item.label is not None:
        usable_name(item.label, item.place("label"), reading, "a layer")
        if item.label in NOT_LAYERS:
            help = f"write `{item.label}_`, or another name"
            reading.error("E0404", not_a_layer(item.label), item.place("label"), help=help)
    block, origin = getattr(item, "block", None), getattr(item, "origin", None)
    if block is not None:
        usable_name(block, item.place("block"), reading, "a block", taken=RESERVED)
    for part in origin.split(".", 1) if origin is not None else ():  # `pyramid.low`: what the call `pyramid` gives
        usable_name(part, item.place("from"), reading, "a tap")
    return item
