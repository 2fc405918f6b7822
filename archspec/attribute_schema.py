"""The JSON Schema of what stands after an attribute's name: kinds of values, defaults, initializers."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any, Final, TypeAlias

from archspec.ir.attributes import (
    MOST_SIZES,
    BoolKind,
    FactorsKind,
    FloatKind,
    InitKind,
    IntKind,
    Kind,
    PaddingKind,
    PerAxisKind,
    ShapeKind,
    WordKind,
)
from archspec.ir.initializers import Initializer
from archspec.ir.op import AttributeInfo
from archspec.ir.tensor_type import SPATIAL
from archspec.spec.base import definition

Schema: TypeAlias = dict[str, Any]

EXPRESSION: Final = definition("Expression")
_AXES: Final = range(1, len(SPATIAL) + 1)
"""How many spatial axes there may be."""


def attribute_schema(info: AttributeInfo) -> Schema:
    """What an attribute of an op may be, with its default."""
    doc = f"{info.doc} (required)" if info.required else info.doc
    if isinstance(info.kind, WordKind) and info.kind.meanings:
        each = zip(info.kind.words, info.kind.meanings, strict=True)
        doc += f" ({'; '.join(f'`{word}`: {meaning}' for word, meaning in each)})"
    found: Schema = {"description": f"{doc}: {info.kind.expects}", **kind_schema(info.kind)}
    if not info.required and (default := _plain(info.default)) is not None:
        found["default"] = default
    return found


def kind_schema(kind: Kind) -> Schema:
    """What a kind of attribute takes; a kind that is new here takes its words, and whatever else there is."""
    words: list[Schema] = [{"enum": list(kind.words)}] if kind.words else []
    match kind:
        case InitKind():
            return definition("Initializer")
        case IntKind(least=least):
            return {"anyOf": [*words, {"type": "integer", "minimum": least}, EXPRESSION]}
        case FloatKind(least=least, most=most, below=below):
            limits = {"minimum": least} if least != float("-inf") else {}
            limits |= {"maximum": most} if most != float("inf") else {}
            limits |= {"exclusiveMaximum": below} if below != float("inf") else {}
            return {"anyOf": [*words, {"type": "number", **limits}, EXPRESSION]}
        case BoolKind():
            return {"anyOf": [*words, {"type": "boolean"}, EXPRESSION]}
        case WordKind():
            return {"anyOf": [*words, EXPRESSION]}
        case FactorsKind():
            number = {"type": "number", "exclusiveMinimum": 0}
            return {"anyOf": [*words, *_numbers(number, *_AXES), EXPRESSION]}
        case PerAxisKind(least=least):
            return {"anyOf": [*words, *_whole_numbers(least, *_AXES), EXPRESSION]}
        case ShapeKind():
            return {"anyOf": [*_whole_numbers(-1, *range(1, MOST_SIZES + 1))[1:], EXPRESSION]}
        case PaddingKind():
            lengths = sorted({*_AXES, *(2 * axes for axes in _AXES)})
            return {"anyOf": [*words, *_whole_numbers(0, *lengths), EXPRESSION]}
        case _:
            return {"anyOf": [*words, definition("Value")]}


def _whole_numbers(least: int, *lengths: int) -> list[Schema]:
    """A whole number, or a list of one of these lengths."""
    return _numbers({"type": "integer", "minimum": least}, *lengths)


def _numbers(number: Schema, *lengths: int) -> list[Schema]:
    """A number, or a list of one of these lengths."""
    items = {"anyOf": [number, EXPRESSION]}
    lists = [{"type": "array", "items": items, "minItems": length, "maxItems": length} for length in lengths]
    return [number, *lists]


def _plain(value: Any) -> Any:
    """A default as a spec would write it; None where it cannot be said."""
    match value:
        case Initializer():
            return value.name if not dataclasses.fields(value) else None
        case bool() | int() | float() | str():
            return value
        case _:
            return None


def initializer_schema(kind: type[Initializer]) -> Schema:
    """What may stand after an initializer's name."""
    number = {"anyOf": [{"type": "number"}, EXPRESSION]}
    fields: dict[str, Schema] = {
        field.name: {"enum": list(kind.words[field.name])} if field.name in kind.words else number
        for field in dataclasses.fields(kind)
    }
    named = {
        "type": "object",
        "properties": fields,
        "required": required_options(kind),
        "additionalProperties": False,
    }
    forms: list[Schema] = [named] if required_options(kind) else [named, {"type": "null"}]
    if kind.scalar is not None:
        forms.insert(0, fields[kind.scalar])
    return {"description": doc_of(kind), "anyOf": forms}


def required_options(kind: type[Initializer]) -> list[str]:
    """The options that an initializer does not do without."""
    return [field.name for field in dataclasses.fields(kind) if field.default is dataclasses.MISSING]


def doc_of(kind: type[object]) -> str:
    """What its docstring says, in one line."""
    return " ".join((inspect.getdoc(kind) or "").split())
