"""Recipes that tests are made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import archspec
from archspec.recipe import ResolvedRecipe, resolve
from archspec.recipe.loading import load_text
from archspec.training.facts import DataFacts
from archspec.training.plan import TrainingPlan, plan_of

BASE: Final = {
    "data": "{source: cifar10}",
    "batch": "128",
    "epochs": "10",
    "loss": "cross_entropy",
    "optimizer": "{sgd: {learning_rate: 0.1}}",
}
IMAGENET: Final = DataFacts({"train": 1_281_167, "val": 50_000}, (3, None, None), "classes", 1000)


def text(**keys: str | None) -> str:
    """A recipe that is right, with other values of some keys; None leaves a key out."""
    lines = [f"{key}: {value}" for key, value in {**BASE, **keys}.items() if value is not None]
    return "\n".join(("archspec: 1", "recipe: mine", *lines)) + "\n"


def settings(overrides: dict[str, object] | None = None, /, **keys: str | None) -> ResolvedRecipe:
    """The values of such a recipe."""
    return resolve(load_text(text(**keys), overrides=overrides))


def plan(network: str = "cifar_resnet", facts: DataFacts | None = None, /, **keys: str | None) -> TrainingPlan:
    """The plan of such a recipe for a network."""
    found = settings(**keys)
    if facts is None:
        from archspec.training.facts import known_facts

        facts = known_facts(found.data.source)
        assert facts is not None
    return plan_of(found, archspec.compile(network), facts)


def suggested(starter: str) -> Iterator[str]:
    """A starter's text with each of the edits that its comments suggest, one at a time."""
    lines = starter.splitlines()
    for index, line in enumerate(lines):
        indent, mark, edit = line.partition("# or: ")
        if mark and not indent.strip():
            above = next(at for at in range(index - 1, -1, -1) if not lines[at].lstrip().startswith("#"))
            yield "\n".join((*lines[:above], indent + edit, *lines[index + 1 :]))
        indent, mark, edit = line.partition("# add: ")
        if mark and not indent.strip():
            yield "\n".join((*lines[:index], indent + edit, *lines[index + 1 :]))
