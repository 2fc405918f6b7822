"""The JSON Schema of recipes, for editors: made from the models and the registries, as that of specs is.

What the schema refuses is wrong; what it accepts need not be right.
"""

from __future__ import annotations

import json
from typing import Any, Final

from archspec.digests import with_digest
from archspec.recipe.augmentations import AUGMENTATIONS
from archspec.recipe.images import PREPARATIONS
from archspec.recipe.losses import LOSSES, METRICS
from archspec.recipe.model import DataSpec, Recipe, ScheduleSpec
from archspec.recipe.optimizers import OPTIMIZERS
from archspec.recipe.part import Part, Registry
from archspec.recipe.schedules import PHASES
from archspec.recipe.schema_fields import part_name, part_schema, registry_definitions
from archspec.recipe.sections import CLIPS, Checkpoint, EarlyStopping, Ema, Plateau, Share, WeightDecay
from archspec.recipe.sources import SOURCES
from archspec.schema import SPEC_FORMS, local, model_schema, or_null
from archspec.spec import Param

SCHEMA_ID: Final = "urn:archspec:recipe:1"
REGISTRIES: Final[tuple[Registry[Any], ...]] = (
    SOURCES,
    PREPARATIONS,
    AUGMENTATIONS,
    LOSSES,
    METRICS,
    OPTIMIZERS,
    PHASES,
    CLIPS,
)
"""Every kind of part that a word of a recipe names, in the order in which a recipe has them."""
SECTIONS: Final[tuple[type[Part], ...]] = (Share, WeightDecay, Plateau, Ema, Checkpoint, EarlyStopping)
"""The parts that stand under keys of their own."""
_EITHER: Final = (("epochs", "steps"), ("loss", "losses"))


def recipe_schema() -> dict[str, Any]:
    """The schema of a file: a recipe, or one that extends another."""
    recipe, data, schedule = model_schema(Recipe), model_schema(DataSpec), model_schema(ScheduleSpec)
    properties = recipe["properties"]
    properties["data"] = {"description": properties["data"].get("description", ""), **data}
    properties["schedule"] = {"description": properties["schedule"].get("description", ""), **schedule}
    complete = {key: {"required": part.pop("required")} for key, part in (("data", data), ("schedule", schedule))}
    for key in ("data", "schedule"):
        properties[key].pop("required", None)
        inner = properties[key]["properties"]
        for name in inner:
            inner[name] = or_null(inner[name])
    for key in properties.keys() - {"archspec", "recipe"}:  # `null` takes a parent's key away
        properties[key] = or_null(properties[key])
    definitions: dict[str, Any] = {"Param": model_schema(Param), **SPEC_FORMS}
    for registry in REGISTRIES:
        definitions |= registry_definitions(registry)
    definitions |= {part_name(part): part_schema(part) for part in SECTIONS}
    whole: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "archspec recipe, version 1 of the language",
        "description": recipe["description"],
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "anyOf": [
            {
                "title": "a recipe",
                "required": recipe["required"],
                "properties": {
                    "data": complete["data"],
                    "schedule": {"if": {"type": "object"}, "then": complete["schedule"]},
                },
                "allOf": [{"oneOf": [{"required": [key]} for key in keys]} for keys in _EITHER],
            },
            {"title": "a recipe that changes another", "required": ["archspec", "extends"]},
        ],
        "$defs": definitions,
    }
    result: dict[str, Any] = local(whole)
    return result


def recipe_schema_text() -> str:
    """The schema as it is written to a file, with its digest as a comment."""
    text = json.dumps(recipe_schema(), indent=2, ensure_ascii=False) + "\n"
    return with_digest(text.encode(), ".json").decode()
