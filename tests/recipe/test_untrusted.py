"""Recipes need not be trusted: whatever they hold, they are right or refused, and never bring archspec down."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any, Final

import pytest
import yaml

import archspec
from archspec.errors import SpecError
from archspec.recipe import Recipe, resolve, shipped_recipes
from archspec.recipe.loading import find, load_text
from archspec.recipe.schema import REGISTRIES
from archspec.reporting import to_text
from archspec.training.facts import DataFacts
from archspec.training.linter import lint
from archspec.training.plan import plan_of
from tests.recipe.recipes import text

FACTS: Final = (
    DataFacts({"train": 50_000, "test": 10_000, "val": 5}, (3, 32, 32), "classes", 10),
    DataFacts({"train": 1}, (3, None, None), "classes", 10),
    DataFacts({"train": 100}, (32,), "numbers", target_shape=(10,)),
    DataFacts({"train": 100, "test": 3}, (3, 32, 32), "maps", 10),
)
WORDS: Final = [*(word for registry in REGISTRIES for word in registry), *Recipe.yaml_keys(), "share", "norms", "when"]
VALUES: Final[list[Any]] = [
    *(None, True, 0, 1, -1, 2, 1e-3, 0.5, 1.5, 1e308, -1e308, 10**30, "", "x", "epochs", "0.1 ** 0.5", "1/0"),
    *("[1, 2]", "9**9**9", [], [1], [0.1, 0.2], [[1]], {}, {"a": 1}, float("inf"), float("nan"), "{split}"),
    *("a" * 500, ["layer1"], ["a.b"], "\x1b[31m", "../../x"),
]


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to all values in a recipe, but for the whole."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from _paths(inner, (*path, key))


def _changed(chance: random.Random, recipe: Any) -> Any:
    recipe = copy.deepcopy(recipe)
    for _ in range(chance.choice([1, 1, 2, 3])):
        *way, key = chance.choice(list(_paths(recipe)))
        around = recipe
        for part in way:
            around = around[part]
        value, word = copy.deepcopy(chance.choice(VALUES)), chance.choice(WORDS)
        match chance.randrange(5):
            case 0 | 1:
                around[key] = value
            case 2:
                around[key] = {word: value}
            case 3 if isinstance(around, dict):
                around[word] = around.pop(key)
            case _:
                del around[key]
        if not recipe:
            break
    return recipe


@pytest.mark.parametrize("start", range(0, 240, 40))
def test_a_recipe_is_right_or_refused(start: int) -> None:
    graph = archspec.compile("cifar_resnet")
    seeds = [yaml.safe_load(find(name).read_text(encoding="utf-8")) for name in shipped_recipes()]
    refused: list[str] = []
    for seed in range(start, start + 40):
        chance = random.Random(seed)
        written = yaml.safe_dump(_changed(chance, chance.choice(seeds)), sort_keys=False)
        try:
            settings = resolve(load_text(written))
            assert isinstance(to_text(lint(settings)), str)
            plan = plan_of(settings, graph, chance.choice(FACTS))
            assert plan.rate(0) >= 0.0
            assert plan.rate(plan.steps - 1) >= 0.0
        except SpecError as error:
            refused.append(str(error))
    assert len(refused) >= 20
    assert not [said for said in refused if "\x1b" in said]


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"batch": "9**9**9"}, "E0304"),
        ({"epochs": "10**30"}, "E0304"),
        ({"optimizer": "{sgd: {learning_rate: .inf}}"}, "E0304"),
        ({"optimizer": "{sgd: {learning_rate: 1e308 * 1e308}}"}, "E0304"),
        ({"schedule": "{by: step, phases: [exponential: {factor: 10}]}"}, "E0411"),
        ({"schedule": "{by: step, phases: [steps: {at: [1, 2], factor: 10}]}"}, "E0411"),
        ({"data": "!!python/object/apply:os.system [ls]"}, "E0105"),
        ({"data": "{source: cifar10, train: ../../etc}"}, "E0411"),
    ],
)
def test_what_is_past_all_bounds(keys: dict[str, str | None], code: str) -> None:
    with pytest.raises(SpecError) as caught:
        resolve(load_text(text(**keys)))
    assert code in {found.code for found in caught.value.diagnostics}


def test_no_phase_at_all_changes_nothing() -> None:
    settings = resolve(load_text(text(schedule="{by: epoch, phases: []}")))
    assert settings.schedule is not None
    assert settings.schedule.multiple(3.0, 10.0) == 1.0
    assert lint(settings) == []
