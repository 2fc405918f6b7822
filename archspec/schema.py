"""The JSON Schema of specs, for editors: made from the models of `archspec.spec` and the op classes.

It knows what a file alone can show: keys, forms, ops and their attributes. What an expression gives, whether names
are defined and whether shapes meet is known to `archspec validate` alone. What the schema refuses is wrong; what it
accepts need not be right.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from archspec.attribute_schema import EXPRESSION, Schema, attribute_schema, doc_of, initializer_schema, required_options
from archspec.digests import with_digest
from archspec.ir.initializers import INITIALIZERS
from archspec.ir.op import Op
from archspec.ir.ops import OPS
from archspec.spec import Block, Call, Depth, Input, Param, Pretrained, Repeat, Reuse, Sequence, Spec, Stage, Tap
from archspec.spec.base import DEFINITIONS, LABEL_SCHEMA, NAME_SCHEMA, Model, definition
from archspec.spec.compose import LIBRARY_KEYS
from archspec.spec.forms import NOT_OF_STAGES, RESERVED, STAGE_KEYS
from archspec.spec.key_suggestions import TAKEN_NAMES
from archspec.spec.model import NOT_PARAMS

SCHEMA_ID: Final = "urn:archspec:spec:1"
_REQUIREMENTS: Final = ("required", "anyOf")
# A definition of its own for each of these; those of the second row are complete only once parents are merged in.
_MODELS: Final[tuple[type[Model], ...]] = (Param, Pretrained, Stage, Sequence)
_MERGED: Final[tuple[type[Model], ...]] = (Block, Input, Depth)


def schema() -> Schema:
    """The schema of a file: a network, a spec that extends another, or a library of blocks."""
    spec = model_schema(Spec)
    properties = spec["properties"]
    properties["params"]["propertyNames"] = {
        **NAME_SCHEMA,
        "not": {"enum": [*TAKEN_NAMES, *sorted(NOT_PARAMS)]},
    }
    tables = [properties[key] for key in ("variants", "let", "inputs", "blocks")]
    for table in (*tables, properties["variants"]["additionalProperties"]):  # `null` takes what has the name away
        table["additionalProperties"] = {"anyOf": [table["additionalProperties"], {"type": "null"}]}
    for key in properties.keys() - {"archspec", "name"}:  # `null` takes a parent's key away
        properties[key] = or_null(properties[key])
    definitions = {model.__name__: model_schema(model) for model in (*_MODELS, *_MERGED)}
    # A child's block, input or depth may hold only what differs from its parent's, so completeness is asked elsewhere.
    complete = {
        model.__name__: {key: found[key] for key in _REQUIREMENTS if key in (found := definitions[model.__name__])}
        for model in _MERGED
    }
    for model in _MERGED:
        for key in _REQUIREMENTS:
            definitions[model.__name__].pop(key, None)
    there: Schema = {"not": {"type": "null"}}
    blocks = {"blocks": {"additionalProperties": complete["Block"] | there}}
    whole: Schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "archspec spec, version 1 of the language",
        "description": spec["description"],
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "not": {"anyOf": [_both("input", "inputs"), *(_both("layers", key) for key in _PARTS)]},
        "anyOf": [
            {
                "title": "a network",
                "required": spec["required"],
                "properties": {
                    **blocks,
                    "input": complete["Input"],
                    "inputs": {"additionalProperties": complete["Input"]},
                    "depth": {"if": {"type": "object"}, "then": complete["Depth"]},
                },
                "allOf": [_one_of(("input", "inputs")), _one_of(("layers", *_PARTS))],
            },
            {"title": "a spec that changes another", "required": ["archspec", "extends"]},
            {
                "title": "a library of blocks",
                "required": ["archspec"],
                "propertyNames": {"enum": list(LIBRARY_KEYS)},
                "properties": blocks,
                **_one_of(("blocks", "include")),
            },
        ],
        "$defs": {**definitions, **_forms(), **_items(), **{name: _op(op) for name, op in OPS.items()}},
    }
    result: Schema = local(whole)
    return result


def schema_text() -> str:
    """The schema as it is written to a file, with its digest as a comment."""
    text = json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
    return with_digest(text.encode(), ".json").decode()


_PARTS: Final = ("stem", "stages", "head")


def _one_of(keys: Iterable[str]) -> Schema:
    """One of these keys is there, at least."""
    return {"anyOf": [{"required": [key]} for key in keys]}


def or_null(found: Schema) -> Schema:
    """The same form, or `null`."""
    null = {"type": "null"}
    if "anyOf" in found:
        return {**found, "anyOf": [*(form for form in found["anyOf"] if form != null), null]}
    form = {key: item for key, item in found.items() if key != "description"}
    return {"description": found["description"], "anyOf": [form, null]}


def _both(first: str, second: str) -> Schema:
    """Two keys are there, and neither is taken away by `null`."""
    return {"required": [first, second], "properties": {key: {"not": {"type": "null"}} for key in (first, second)}}


# -- what pydantic makes ----------------------------------------------------------------------------


def model_schema(model: type[Model], without: Iterable[str] = ()) -> Schema:
    """A model's own schema, without the titles and defaults that say nothing to an editor's user."""
    found = _tidy(model.model_json_schema())
    found.pop("$defs", None)  # each of them has its own definition here
    found.pop("title", None)
    for key in without:
        del found["properties"][key]
    if "else" in found["properties"]:
        found["dependentRequired"] = {"else": ["when"]}
    result: Schema = found
    return result


def _tidy(value: Any, *, names: bool = False) -> Any:
    """`names`: the keys of this mapping are those of a spec, not of JSON Schema."""
    if isinstance(value, list):
        return [_tidy(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _tidy(item, names=key == "properties" and not names)
        for key, item in value.items()
        if names or not (key == "title" or (key == "default" and item in (None, "", [])))
    }


def local(value: Any) -> Any:
    """References between the models' schemas, made references within this one."""
    if isinstance(value, list):
        return [local(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: item.replace(DEFINITIONS, "#/$defs/") if key == "$ref" and isinstance(item, str) else local(item)
        for key, item in value.items()
    }


# -- items ------------------------------------------------------------------------------------------


SPEC_FORMS: Final[dict[str, Schema]] = {
    "Expression": {"type": "string", "minLength": 1, "description": "an expression, such as `channels * 2`"},
    "Size": {"anyOf": [{"type": "integer", "minimum": 1}, EXPRESSION]},
    "Value": {"description": "a number, a truth value, a list, a mapping, a word or an expression"},
}
"""The forms of values that specs and recipes share."""


def _forms() -> dict[str, Schema]:
    return {
        **SPEC_FORMS,
        "Initializer": {
            "description": "an initializer: a name, or a name with its option",
            "anyOf": [
                {"enum": [name for name, kind in INITIALIZERS.items() if not required_options(kind)]},
                {
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": 1,
                    "properties": {name: initializer_schema(kind) for name, kind in INITIALIZERS.items()},
                    "additionalProperties": False,
                },
            ],
        },
    }


def _items() -> dict[str, Schema]:
    """What stands in a list of layers, in the notations that `archspec.spec.forms` reads."""
    conditional = ("when", "else")
    properties: dict[str, Schema] = {
        **{name: definition(name) for name in OPS},
        "repeat": model_schema(Repeat, without=conditional),
        "reuse": _reuse(conditional),
        "stage": definition("Stage"),
        "tap": model_schema(Tap)["properties"]["name"] | {"description": doc_of(Tap)},
        **model_schema(Sequence)["properties"],
    }
    mapping = {
        "type": "object",
        "minProperties": 1,
        "properties": properties,
        "additionalProperties": definition("BlockCall"),
        "propertyNames": NAME_SCHEMA,
        "dependentRequired": {"else": ["when"]},
        "if": _one_of(("layers", "from")),
        "then": definition("Sequence"),
        # One kind; beside it there may be a condition, which a tap and a stage cannot have.
        "else": {
            "properties": {"name": False},
            "if": _one_of(("tap", "stage")),
            "then": {"maxProperties": 1},
            "else": {
                "if": {"required": ["else"]},
                "then": {"minProperties": 3, "maxProperties": 3},
                "else": {
                    "if": {"required": ["when"]},
                    "then": {"minProperties": 2, "maxProperties": 2},
                    "else": {"maxProperties": 1},
                },
            },
        },
    }
    merges = [name for name, op in OPS.items() if op.least_inputs > 1]
    word = {"type": "string", **NAME_SCHEMA, "not": {"enum": [*RESERVED, *merges]}}
    return {
        "Item": {
            "description": "an op, a block's call, a sequence, a repeat, an item used again, a tap or a stage",
            "anyOf": [
                *(
                    {"const": name, "description": doc_of(op)}
                    for name, op in OPS.items()
                    if op.least_inputs == 1  # so that an editor offers them; a block's name is any other word
                ),
                word | {"description": "an op or a block, without attributes"},
                mapping,
            ],
        },
        "Items": {"type": "array", "items": definition("Item")},
        "BlockCall": {
            "description": "a call of a block: its params by name, and `name`, the call's own; or those of its `unit` "
            "in order, as a tuple",
            "type": ["object", "null", "array", "string", "number"],
            "properties": {
                "name": {"type": ["string", "null"], **LABEL_SCHEMA},
                "inline": {"type": "boolean", "description": "the layers stand in the caller's own scope"},
                "branches": False,
                "flat_name": False,
            },
            "additionalProperties": definition("Value"),
            "minItems": 1,
            "items": {"type": ["number", "string", "boolean", "array"]},
        },
        "StageOrItem": {
            "if": {
                "type": "object",
                "anyOf": [_one_of(STAGE_KEYS[1:]), {"required": ["name"], "not": _one_of(NOT_OF_STAGES)}],
            },
            "then": definition("Stage"),
            "else": definition("Item"),
        },
        "Defaults": {
            "type": "object",
            "properties": {
                name: {
                    "description": doc_of(op),
                    "type": "object",
                    "properties": {
                        key: attribute_schema(info) if op.takes_branches() else definition(f"{name}/properties/{key}")
                        for key, info in op.attributes().items()
                    },
                    "additionalProperties": False,
                }
                for name, op in OPS.items()
            },
            "additionalProperties": False,
        },
    }


def _reuse(conditional: tuple[str, ...]) -> Schema:
    """The name of an item, or a mapping with it."""
    whole = model_schema(Reuse, without=conditional)
    name = whole["properties"]["item"] | {"description": doc_of(Reuse)}
    return {"description": doc_of(Reuse), "anyOf": [name, whole]}


# -- ops --------------------------------------------------------------------------------------------


def _op(op: type[Op]) -> Schema:
    """What may stand after an op's name. Required attributes are not required here: `defaults` may give them."""
    label = {"type": ["string", "null"], **LABEL_SCHEMA, "description": "the layer's own name"}
    flat = {"type": ["string", "null"], "minLength": 1, "description": Call.model_fields["flat_name"].description}
    attributes = {key: attribute_schema(info) for key, info in op.attributes().items()}
    if op.several:
        name = {"type": "string", **NAME_SCHEMA}
        names = [{"type": "array", "items": name, "minItems": 2}, name]
        attributes["outputs"] = {"description": "the taps that mark its results, in order, or one list", "anyOf": names}
    found: Schema = {
        "description": doc_of(op),
        "type": "object" if op.least_inputs > 1 else ["object", "null"],
        "properties": {**attributes, "name": label, "flat_name": flat},
        "additionalProperties": False,
    }
    required = [key for key, info in op.attributes().items() if info.required]
    if required:  # an extension of JSON Schema's that editors know, and validators pass over
        body = {key: f"${number}" for number, key in enumerate(required, start=1)}
        found["defaultSnippets"] = [{"label": op.name, "description": "with what it requires", "body": body}]
    if not op.takes_branches():
        return found
    branches = {
        "description": "what is joined: each branch is a list of items, or one item",
        "type": "array",
        "minItems": op.least_inputs,
        "items": {"anyOf": [definition("Items"), definition("Item")]},
    }
    found["properties"] |= {"branches": branches}
    if op.most_inputs is not None:
        branches["maxItems"] = op.most_inputs
    if op.least_inputs > 1:
        found["required"] = ["branches"]
    return {"description": doc_of(op), "anyOf": [branches, found]}
