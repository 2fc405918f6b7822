"""The notations of items: each is brought into one mapping, whose keys are those of a model, with the places kept."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from archspec.errors import Span, nearest
from archspec.spec.checks import usable_name
from archspec.spec.form_suggestions import example, name_help, no_repeat, not_one_kind
from archspec.spec.located_data import LoadContext, LocatedDict, LocatedList
from archspec.spec.scalars import describe

RESERVED: Final = ("layers", "repeat", "tap", "from", "name", "when", "else", "stage", "reuse")
SEQUENCE_KEYS: Final = ("layers", "name", "when", "else", "from")
# What distinguishes a stage from an item in `stages`.
STAGE_KEYS: Final = ("name", "block", "units", "with", "unit_names", "index")
# What distinguishes a named sequence from a stage with `layers`, which has none of these.
NOT_OF_STAGES: Final = ("when", "else", "from")
_CONDITION: Final = ("when", "else")
OMIT: Final = "omit"
"""What stands under the `else` of a branch that is left out where its condition does not hold."""


class Form(NamedTuple):
    """An item in the keys of the model of its kind."""

    kind: Literal["call", "sequence", "repeat", "tap", "stage", "reuse"]
    data: LocatedDict


def form_of(raw: object, span: Span, load_context: LoadContext) -> Form | None:
    """An item in any notation; None if it is in none, with the reason noted."""
    if isinstance(raw, str):
        return _call(raw, span, None, span, LocatedDict(span), load_context)
    if not isinstance(raw, LocatedDict):
        help = "an empty branch is written []" if raw is None else ""
        message = f"an item must be an op, a block or a mapping, found {describe(raw)}"
        load_context.error("E0202", message, span, help=help)
        return None
    if is_sequence(raw):
        return _sequence(raw, load_context)
    kinds = [key for key in raw if key not in (*_CONDITION, "name")]
    if len(kinds) != 1:
        not_one_kind(kinds, raw, span, load_context)
        return None
    kind = kinds[0]
    if "name" in raw:
        load_context.error(
            "E0202",
            f"the name of `{kind[:80]}` stands inside its mapping",
            raw.key_spans["name"],
            help=f"write `{kind[:80]}: {{name: ...}}`",
        )
        return None
    if kind == "repeat":
        return _repeat(raw, load_context)
    if kind == "reuse":
        return _reuse(raw, load_context)
    if kind in ("tap", "stage"):
        if len(raw) > 1:
            span = next(raw.key_spans[key] for key in raw if key != kind)
            load_context.error("E0202", f"a `{kind}` cannot have a condition", span)
            return None
        return _tap(raw, load_context) if kind == "tap" else _stage(raw, load_context)
    return _call(kind, raw.key_spans[kind], raw[kind], raw.value_spans[kind], raw, load_context)


def is_sequence(raw: LocatedDict) -> bool:
    """Whether a mapping is a sequence of items."""
    return "layers" in raw or "from" in raw


def is_stage(raw: LocatedDict) -> bool:
    """Whether an entry of `stages` is a stage: a named sequence with a condition or a `from` is an item."""
    named = "name" in raw and not any(key in raw for key in NOT_OF_STAGES)
    return named or any(key in raw for key in STAGE_KEYS[1:])


def _sequence(raw: LocatedDict, load_context: LoadContext) -> Form | None:
    others = [key for key in raw if key not in SEQUENCE_KEYS]
    kinds = [key for key in others if key in RESERVED or not nearest(key, SEQUENCE_KEYS)]
    if kinds == ["repeat"] and not isinstance(raw["repeat"], dict):
        no_repeat(raw["repeat"], raw.value_spans["repeat"], load_context)
        return None
    if kinds:
        here = "layers" if "layers" in raw else "from"
        not_one_kind([here, *kinds], raw, raw.span, load_context)
        return None
    return Form("sequence", raw)


def _repeat(raw: LocatedDict, load_context: LoadContext) -> Form | None:
    body = raw["repeat"]
    if not isinstance(body, LocatedDict):
        no_repeat(body, raw.value_spans["repeat"], load_context)
        return None
    merged = LocatedDict(raw.span)
    for key in body:
        merged.take(body, key)
    for key in _CONDITION:
        if key in body:
            message = f"`{key}` stands beside `repeat`, not inside its mapping"
            load_context.error("E0202", message, body.key_spans[key])
            return None
        if key in raw:
            merged.take(raw, key)
    return Form("repeat", merged)


def _reuse(raw: LocatedDict, load_context: LoadContext) -> Form | None:
    """`reuse: NAME`, or a mapping with the name as its `item`."""
    body, span = raw["reuse"], raw.value_spans["reuse"]
    if not isinstance(body, str | LocatedDict):
        help = "write `reuse: NAME`, the name of an item before it, or `reuse: {item: NAME, name: ...}`"
        load_context.error("E0202", f"`reuse` must be a name or a mapping, found {describe(body)}", span, help=help)
        return None
    data = LocatedDict(raw.span)
    if isinstance(body, str):
        data.take(raw, "reuse", "item")
        body = LocatedDict(span)
    for key in body:
        if key in _CONDITION:
            message = f"`{key}` stands beside `reuse`, not inside its mapping"
            load_context.error("E0202", message, body.key_spans[key])
            return None
        data.take(body, key)
    for key in _CONDITION:
        if key in raw:
            data.take(raw, key)
    return Form("reuse", data)


def _tap(raw: LocatedDict, load_context: LoadContext) -> Form | None:
    data = LocatedDict(raw.span)
    data.take(raw, "tap", "name")
    name, span = raw["tap"], raw.value_spans["tap"]
    # `input` already names what the block received.
    if not usable_name(name, span, load_context, "a tap", taken=("input",)):
        return None
    return Form("tap", data)


def _stage(raw: LocatedDict, load_context: LoadContext) -> Form | None:
    body = raw["stage"]
    if not isinstance(body, LocatedDict):
        load_context.error("E0202", f"`stage` must be a mapping, found {describe(body)}", raw.value_spans["stage"])
        return None
    return Form("stage", body)


def _is_tuple(body: object) -> bool:
    """Whether what stands after a block's name is a tuple: a list, an expression, or one number for a tuple of one."""
    return isinstance(body, LocatedList | str) or (isinstance(body, int | float) and not isinstance(body, bool))


def _call(
    name: str, name_span: Span, body: object, body_span: Span, raw: LocatedDict, load_context: LoadContext
) -> Form | None:
    """An op or block. `raw` is the whole item, which may hold a condition."""
    dotted = "." in name and all(
        part.isidentifier() for part in name.split(".")
    )  # `nn.Conv2d`: what it is, is said later
    if not dotted and not usable_name(
        name, name_span, load_context, "an op or block", RESERVED, name_help(name, load_context)
    ):
        return None
    data = LocatedDict(raw.span)
    data.put("op", name, name_span, name_span)
    if name in load_context.tuple_blocks and _is_tuple(body):
        data.put("fields", body, name_span, body_span)
    elif isinstance(body, LocatedList):
        numbers = [place for item, place in zip(body, body.item_spans, strict=True) if isinstance(item, int | float)]
        if numbers:
            message = f"`{name}` takes a mapping of attributes, or a list of branches; found a list of numbers"
            load_context.error("E0202", message, numbers[0], help=example(name, body, load_context))
            return None
        data.put("branches", body, name_span, body_span)
    elif isinstance(body, LocatedDict):
        given = LocatedDict(body.span)
        for key in body:
            if key in ("name", "branches", "inline", "flat_name"):
                data.take(body, key)
            elif key == "unit" and name in load_context.tuple_blocks and key not in load_context.block_params[name]:
                data.take(body, key, "fields")
            else:
                given.take(body, key)
        data.put("attributes", given, name_span, body_span)
    elif body is not None:
        message = f"the attributes of `{name}` must be a mapping, found {describe(body)}"
        load_context.error("E0202", message, body_span, help=example(name, body, load_context))
        return None
    for key in _CONDITION:
        if key in raw:
            data.take(raw, key)
    return Form("call", data)
