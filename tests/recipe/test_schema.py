"""The JSON Schema of recipes, held against an independent validator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from archspec.recipe import shipped_recipes
from archspec.recipe.loading import find
from archspec.recipe.model import Recipe
from archspec.recipe.schema import REGISTRIES, SECTIONS, recipe_schema, recipe_schema_text
from archspec.spec.located_data import LoadContext
from archspec.spec.yaml_reader import read_file, read_text
from tests.recipe.recipes import text

ROOT = Path(__file__).resolve().parents[2]
ERRORS = sorted((ROOT / "tests" / "errors" / "recipes").glob("*.yaml"))
SCHEMA = recipe_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
# What the form of one file can show, to the schema as to us, ...
SEEN = {"E0201", "E0202", "E0205", "E0206", "E0404", "E0408", "E0409", "E0410", "E0411", "E0412"}
# ... and the recipes among them whose error is in what values mean together, or in what expressions give.
UNSEEN = {
    "E0202-metric-twice",
    "E0202-no-condition",
    "E0202-after-a-rescale",
    "E0202-order",
    "E0205-decay-of-adamw",
    "E0411-a-param-called-epochs",
    "E0411-decay-of-adamw",
    "E0411-nesterov-without-momentum",
    "E0411-normalize",
    "E0411-parts-of-a-batch",
    "E0411-words",
}


def _refusals(data: object) -> list[str]:
    return [f"{list(error.absolute_path)}: {error.message[:200]}" for error in VALIDATOR.iter_errors(data)]


def test_it_is_a_schema_whose_references_lead_somewhere() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    references = set(_references(SCHEMA))
    assert len(references) > 50
    for reference in references:
        assert reference.removeprefix("#/$defs/") in SCHEMA["$defs"]


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "$ref":
                yield item
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def test_the_file_that_ships_is_current() -> None:
    path = ROOT / "specs" / "recipe.schema.json"
    assert path.read_text(encoding="utf-8") == recipe_schema_text(), (
        "run `archspec schema --recipe -o specs/recipe.schema.json --force`"
    )


def test_it_has_every_key_and_every_attribute() -> None:
    assert SCHEMA["properties"].keys() == set(Recipe.yaml_keys())
    for part in (*SECTIONS, *(part for registry in REGISTRIES for part in registry.values())):
        found = SCHEMA["$defs"][part.__name__]
        assert found["properties"].keys() == set(part.attributes())
        assert all(form["description"] for form in found["properties"].values())


@pytest.mark.parametrize("name", shipped_recipes())
def test_what_ships_is_accepted(name: str) -> None:
    assert _refusals(read_file(find(name), LoadContext())) == []


@pytest.mark.parametrize("path", ERRORS, ids=lambda path: path.stem)
def test_it_refuses_what_the_form_shows_and_nothing_else(path: Path) -> None:
    reading = LoadContext()
    data = read_file(path, reading)
    refused = bool(_refusals(data))
    seen = path.stem.partition("-")[0] in SEEN and path.stem not in UNSEEN
    assert refused == seen, _refusals(data)


@pytest.mark.parametrize(
    ("keys", "right"),
    [
        ({}, True),
        ({"epochs": None}, False),
        ({"steps": "100"}, False),
        ({"epochs": None, "steps": "100 * 2"}, True),
        ({"metrics": "[accuracy, top_k: 5]"}, True),
        ({"metrics": "[top_k]"}, False),
        ({"data": "{source: cifar10, augment: [{flip: horizontal, when: true}]}"}, True),
        ({"data": "{source: cifar10, augment: [{flip: horizontal, when: true, else: [center_each]}]}"}, False),
        ({"data": "{source: cifar10, augment: [{flip: horizontal, affine: {}}]}"}, False),
        ({"optimizer": "sgd"}, False),
        ({"optimizer": "{sgd: {learning_rate: rate * 2}}"}, True),
        ({"freeze": "[layer1, layer2.0]", "rates": "{layer3: 0.1}"}, True),
        ({"clip": "{norm: 0}"}, False),
    ],
)
def test_forms(keys: dict[str, Any], right: bool) -> None:
    assert (_refusals(read_text(text(**keys), "<text>", LoadContext())) == []) == right
