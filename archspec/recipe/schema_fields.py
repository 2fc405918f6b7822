"""The JSON Schema of parts of recipes, made from their classes, and the fields of models that hold them."""

from __future__ import annotations

import inspect
from typing import Any, Final

from archspec.ir.attributes import FloatKind, Kind
from archspec.recipe.items import Item, read_item, read_items, read_section
from archspec.recipe.kinds import (
    SPLIT,
    BoundedIntKind,
    NumbersKind,
    PositiveKind,
    RangeKind,
    ShiftKind,
    SizesKind,
    TextKind,
    TextsKind,
)
from archspec.recipe.part import Part, Registry
from archspec.spec.base import Reads, as_attribute, attribute, definition
from archspec.spec.located_data import LocatedDict
from archspec.spec.problems import load_context_of, reported, wrong

_EXPRESSION: Final = definition("Expression")


class Scalar(Reads):
    """A field with one value, which may be an expression: its kind, and what it is if it is left out."""

    def __init__(self, kind: Kind, default: object = None) -> None:
        super().__init__(as_attribute, lambda: kind_schema(kind))
        self.kind = kind
        self.default = default


def one_of(registry: Registry[Any]) -> Reads:
    """A field with one item."""

    def read(value: object, info: Any) -> object:
        given = as_attribute(value)
        found = read_item(registry, given.raw, given.span, load_context_of(info))
        if found is None:
            raise reported()
        return found

    return Reads(read, lambda: item_schema(registry, conditional=False))


def list_of(registry: Registry[Any]) -> Reads:
    """A field with a list of items."""

    def read(value: object, info: Any) -> object:
        given = as_attribute(value)
        found = read_items(registry, given.raw, given.span, load_context_of(info))
        if found is None:
            raise reported()
        return found

    return Reads(read, lambda: {"type": "array", "items": item_schema(registry, conditional=True)})


def section(part: type[Part]) -> Reads:
    """A field with the attributes of one part."""

    def read(value: object, info: Any) -> object:
        found = read_section(part, as_attribute(value), load_context_of(info))
        if found is None:
            raise reported()
        return found

    return Reads(read, lambda: definition(part_name(part)))


def by_name(registry: Registry[Any]) -> Reads:
    """A field with items by name."""

    def read(value: object, info: Any) -> object:
        given, reading = as_attribute(value).raw, load_context_of(info)
        if not isinstance(given, LocatedDict):
            raise wrong(f"a mapping of names, each to {registry.noun}")
        found: dict[str, Item] = {}
        for name in given:
            item = read_item(registry, given[name], given.value_spans[name], reading)
            if item is not None:
                found[name] = item
        return found

    return Reads(read, lambda: {"type": "object", "additionalProperties": item_schema(registry, conditional=False)})


def numbers_by_path(kind: Kind) -> Reads:
    """A field with values by the paths of layers."""

    def read(value: object) -> object:
        given = as_attribute(value).raw
        if not isinstance(given, LocatedDict):
            raise wrong("a mapping of paths of layers, each to a number")
        return {path: attribute(given, path) for path in given}

    return Reads(read, lambda: {"type": "object", "additionalProperties": kind_schema(kind)})


def split(part: type[Part]) -> Reads:
    """A field with the name of a split, or a share of the training examples."""

    def read(value: object, info: Any) -> object:
        given = as_attribute(value)
        if isinstance(given.raw, str):
            return given
        if isinstance(given.raw, int | float | LocatedDict):
            found = read_section(part, given, load_context_of(info))
            if found is not None:
                return found
            raise reported()
        raise wrong("the name of a split, or a share such as 0.1")

    return Reads(
        read,
        lambda: {
            "anyOf": [
                kind_schema(SPLIT),
                {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
                definition(part_name(part)),
            ]
        },
    )


def kind_schema(kind: Kind) -> dict[str, Any]:
    """What a kind of attribute takes."""
    from archspec.attribute_schema import kind_schema as schema_of_ops

    number: dict[str, Any] = {"type": "number"}
    match kind:
        case PositiveKind(most=most, below=below):
            bounds: dict[str, Any] = {"exclusiveMinimum": 0}
            bounds |= {"maximum": most} if most != float("inf") else {}
            bounds |= {"exclusiveMaximum": below} if below != float("inf") else {}
            return {"anyOf": [number | bounds, _EXPRESSION]}
        case NumbersKind(whole=whole, single=single, least=least):
            one = {"type": "integer" if whole else "number"} | ({"minimum": least} if least != float("-inf") else {})
            items = {"type": "array", "minItems": 1, "items": {"anyOf": [one, _EXPRESSION]}}
            words = [{"enum": list(kind.words)}] if kind.words else []
            return {"anyOf": [*words, *([one] if single else []), items, _EXPRESSION]}
        case RangeKind(middle=middle):
            pair = {"type": "array", "minItems": 2, "maxItems": 2, "items": {"anyOf": [number, _EXPRESSION]}}
            return {"anyOf": [*([] if middle is None else [number | {"minimum": 0}]), pair, _EXPRESSION]}
        case ShiftKind():
            shift: dict[str, Any] = number | {"minimum": 0}
            return {"anyOf": [shift, {"type": "array", "minItems": 1, "items": shift}, _EXPRESSION]}
        case BoundedIntKind(least=least, most=most):
            return {"anyOf": [{"type": "integer", "minimum": least, "maximum": most}, _EXPRESSION]}
        case SizesKind():
            side: dict[str, Any] = {"type": "integer", "minimum": 1}
            pair = {"type": "array", "minItems": 2, "maxItems": 2, "items": {"anyOf": [side, _EXPRESSION]}}
            return {"anyOf": [side, pair, _EXPRESSION]}
        case TextKind(pattern=pattern):
            return {"type": "string", "minLength": 1, **({"pattern": f"^(?:{pattern})$"} if pattern else {})}
        case TextsKind():
            return {"type": "array", "items": {"type": "string", "minLength": 1}}
        case FloatKind() | _:
            return schema_of_ops(kind)


def part_name(part: type[Part]) -> str:
    """What the definition of a part is called: a registry's prefix is not needed, since class names differ."""
    return part.__name__


def doc_of(kind: type[object]) -> str:
    """The docstring in one line."""
    return " ".join((inspect.getdoc(kind) or "").split())


def part_schema(part: type[Part]) -> dict[str, Any]:
    """A mapping of a part's attributes."""
    properties: dict[str, Any] = {}
    for name, info in part.attributes().items():
        form = kind_schema(info.kind)
        doc = f"{info.doc} (required)" if info.required else info.doc
        properties[name] = {"description": f"{doc}: {info.kind.expects}", **form}
        if not info.required and isinstance(info.default, bool | int | float | str):
            properties[name]["default"] = info.default
    required = [name for name, info in part.attributes().items() if info.required]
    found: dict[str, Any] = {
        "description": doc_of(part),
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    return found | ({"required": required} if required else {})


def registry_name(registry: Registry[Any]) -> str:
    """What the definition of an item of a registry is called: `an optimizer` is `OptimizerItem`."""
    words = registry.noun.split()[1:]
    return "".join(word.capitalize() for word in words) + "Item"


def item_schema(registry: Registry[Any], *, conditional: bool) -> dict[str, Any]:
    """A reference to what an item of a registry is; in lists it may have a condition."""
    return definition(registry_name(registry) + ("" if conditional else "Alone"))


def registry_definitions(registry: Registry[Any]) -> dict[str, Any]:
    """The definitions of a registry: its items in lists and alone, and its parts."""
    found: dict[str, Any] = {part_name(part): part_schema(part) for part in registry.values()}
    properties: dict[str, Any] = {}
    for word, part in registry.items():
        bodies: list[dict[str, Any]] = [definition(part_name(part))]
        if part.bare:
            bodies.insert(0, kind_schema(part.attributes()[part.bare].kind))
        if not any(info.required for info in part.attributes().values()):
            bodies.append({"type": "null"})
        properties[word] = {"description": doc_of(part), "anyOf": bodies}
    words = [
        {"const": word, "description": doc_of(part)}
        for word, part in registry.items()
        if not any(info.required for info in part.attributes().values())
    ]
    alone = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "properties": properties,
        "additionalProperties": False,
    }
    item = definition(registry_name(registry))
    otherwise = {"anyOf": [item, {"type": "array", "items": item}]}
    condition = {
        "when": {"description": "the condition under which it is there", "anyOf": [{"type": "boolean"}, _EXPRESSION]},
        "else": {"description": "what is there if the condition is false", **otherwise},
    }
    conditional = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 3,
        "properties": properties | condition,
        "additionalProperties": False,
        "dependentRequired": {"else": ["when"]},
        "if": {"required": ["else"]},
        "then": {"minProperties": 3},
        "else": {
            "if": {"required": ["when"]},
            "then": {"minProperties": 2, "maxProperties": 2},
            "else": {"maxProperties": 1},
        },
    }
    name = registry_name(registry)
    found[name] = {"description": registry.noun, "anyOf": [*words, conditional]}
    found[f"{name}Alone"] = {"description": registry.noun, "anyOf": [*words, alone]}
    return found
