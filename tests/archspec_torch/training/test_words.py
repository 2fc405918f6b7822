"""Every word of a recipe is printed into the program, or refused: none is passed over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import pytest
import yaml

from archspec.api import compile as compile_spec
from archspec.errors import BackendError
from archspec.recipe import losses, optimizers, schedules, sections
from archspec.recipe.loading import load_text
from archspec.recipe.model import Recipe
from archspec.recipe.part import Part
from archspec.spec.loading import load_text as load_spec
from archspec.training.facts import DataFacts
from archspec.training.plan import plan_of
from archspec_torch import backend
from tests.archspec_torch.training.run_folder import DATA, RECIPE, SMALL, merged

FACTS = DataFacts({"train": 64, "validation": 16, "test": 16}, (1, 4, 4), "classes", 3)
ENDS: Mapping[str, str] = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}


def text(recipe: Mapping[str, Any], end: str = "") -> str:
    """The program of a changed recipe."""
    graph = compile_spec(load_spec(SMALL + (f"  - {end}\n" if end else "")))
    given = yaml.safe_dump(merged(RECIPE, recipe), sort_keys=False)
    return "".join(backend.render_training(graph, plan_of(load_text(given), graph, FACTS)).values())


# What each attribute is changed to; whatever is in a registry must be here.
OPTIMIZERS: Mapping[str, Mapping[str, Any]] = {
    "sgd": {"learning_rate": 0.3, "momentum": 0.8, "nesterov": True},
    "adam": {"learning_rate": 0.3, "beta1": 0.7, "beta2": 0.7, "epsilon": 0.1, "epsilon_added": "before_correction"},
    "adamw": {"learning_rate": 0.3, "beta1": 0.7, "beta2": 0.7, "epsilon": 0.1, "epsilon_added": "before_correction"},
    "rmsprop": {"learning_rate": 0.3, "rho": 0.7, "momentum": 0.7, "epsilon": 0.1, "centered": True},
    "lion": {"learning_rate": 0.3, "beta1": 0.7, "beta2": 0.7},
}
LOSSES: Mapping[str, Mapping[str, Any]] = {
    "cross_entropy": {"weight": 0.3, "of": "probabilities", "label_smoothing": 0.2, "ignore": 1},
    "binary_cross_entropy": {"weight": 0.3, "of": "probabilities", "label_smoothing": 0.2},
    "mean_squared_error": {"weight": 0.3},
}
METRICS: Mapping[str, Mapping[str, Any]] = {"accuracy": {}, "top_k": {"k": 1}, "confusion": {}, "mean_iou": {}}
CLIPS: Mapping[str, Mapping[str, Any]] = {"norm": {"most": 0.3}, "value": {"most": 0.3}}
PHASES: Mapping[str, Mapping[str, Any]] = {
    "constant": {"length": 4, "factor": 0.3},
    "linear": {"length": 4, "start": 0.3, "to": 0.4},
    "steps": {"length": 7, "at": [3], "factors": [0.3], "factor": 0.4},
    "exponential": {"length": 4, "factor": 0.3, "every": 2.5, "staircase": True},
    "polynomial": {"length": 4, "power": 2.0, "to": 0.3},
    "cosine": {"length": 4, "to": 0.3},
    "one_cycle": {"length": 9, "rise": 0.4, "start": 0.3, "to": 0.2, "shape": "linear"},
}
SECTIONS: Mapping[str, tuple[type[Part], Mapping[str, Any], Mapping[str, Any]]] = {
    "weight_decay": (
        sections.WeightDecay,
        {"amount": 0.1, "coupled": True},
        {"amount": 0.2, "coupled": False, "exempt": ["norms"]},
    ),
    "plateau": (
        sections.Plateau,
        {},
        {
            "watch": "train_loss",
            "factor": 0.3,
            "patience": 1,
            "cooldown": 1,
            "floor": 0.001,
            "threshold": 0.1,
            "threshold_mode": "absolute",
            "overridden_by_schedule": True,
        },
    ),
    "early_stopping": (
        sections.EarlyStopping,
        {},
        {
            "watch": "train_loss",
            "patience": 1,
            "threshold": 0.1,
            "threshold_mode": "relative",
            "start": 1,
            "restore_best": True,
        },
    ),
    "checkpoint": (sections.Checkpoint, {}, {"best": "train_loss", "every": 2}),
    "ema": (sections.Ema, {"decay": 0.9}, {"decay": 0.8, "every": 2, "start": 1}),
}
BASE: Mapping[str, Mapping[str, Any]] = {
    "exponential": {"every": 1.5},
    "steps": {"at": [2, 5], "factors": [0.5, 0.1]},
}


def _pairs(kind: str, name: str, changes: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any, str]]:
    """Recipes that differ in one attribute, with the end of the network that they are for."""
    for attribute, value in changes.items():
        first: dict[str, Any] = {}
        end = ""
        if kind == "optimizer":
            first = {"learning_rate": 0.1, **({"momentum": 0.9} if attribute == "nesterov" else {})}
        if kind == "clip":
            first = {"most": 1.0}
        if kind == "metrics":
            first = {"k": 2}
        if kind == "loss" and attribute == "of":
            end = ENDS[name]
        if kind == "schedule":
            first = dict(BASE.get(name, {}))
        second = {**first, attribute: value}
        if attribute == "factor" and name == "steps":
            del second["factors"]
        if attribute == "factors":
            second["at"] = first["at"]
            second["factors"] = [0.3, 0.2]
        if attribute == "at":
            second["factors"] = [0.5]
        yield attribute, first, second, end


def _recipe(kind: str, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    if kind == "metrics":
        return {"metrics": [{name: dict(given)} if given else name]}
    if kind == "schedule":
        return {"schedule": {"by": "step", "phases": [{name: dict(given)}, "cosine"]}}
    more: dict[str, Any] = {}
    if name == "adamw":
        more["weight_decay"] = {"amount": 0.1, "coupled": False}
    return {kind: {name: dict(given)}, **more}


KINDS: Mapping[str, tuple[Any, Mapping[str, Mapping[str, Any]]]] = {
    "optimizer": (optimizers.OPTIMIZERS, OPTIMIZERS),
    "loss": (losses.LOSSES, LOSSES),
    "metrics": (losses.METRICS, METRICS),
    "clip": (sections.CLIPS, CLIPS),
    "schedule": (schedules.PHASES, PHASES),
}
WORDS = [(kind, name) for kind, (registry, _) in KINDS.items() for name in registry]


@pytest.mark.parametrize(("kind", "name"), WORDS)
def test_every_attribute_of_every_word_is_printed(kind: str, name: str) -> None:
    registry, known = KINDS[kind]
    changes = known[name]
    assert {field.name for field in fields(registry[name])} == changes.keys()
    for attribute, first, second, end in _pairs(kind, name, changes):
        if attribute == "of":  # of logits the network is another one
            first, second = {"of": "logits"}, {"of": "probabilities"}
            assert text(_recipe(kind, name, first)) != text(_recipe(kind, name, second), end)
            continue
        before, after = (text(_recipe(kind, name, each), end) for each in (first, second))
        assert before != after, attribute
    if kind in ("metrics", "clip"):
        given = {"k": 2} if name == "top_k" else {"most": 1.0} if kind == "clip" else {}
        assert text({"metrics": None}) != text({"metrics": None, **_recipe(kind, name, given)})


@pytest.mark.parametrize("key", SECTIONS)
def test_every_attribute_of_every_section_is_printed(key: str) -> None:
    kind, base, changes = SECTIONS[key]
    assert {field.name for field in fields(kind)} == changes.keys()
    for attribute, value in changes.items():
        before, after = text({key: dict(base)}), text({key: {**base, attribute: value}})
        assert before != after, attribute


KEYS: Mapping[str, Any] = {
    "batch": 4,
    "drop_last": True,
    "epochs": 5,
    "steps": 17,
    "seed": 3,
    "loss": "mean_squared_error",
    "optimizer": {"lion": {"learning_rate": 0.1}},
    "weight_decay": {"amount": 0.1, "coupled": True},
    "schedule": {"by": "epoch", "phases": ["cosine"]},
    "plateau": {},
    "clip": {"norm": 1.0},
    "accumulate": 2,
    "ema": {"decay": 0.9},
    "precision": "bfloat16",
    "sync_batch_norm": True,
    "freeze": ["conv1"],
    "rates": {"conv1": 0.1},
    "metrics": ["confusion"],
    "checkpoint": {},
    "early_stopping": {},
}
ELSEWHERE = {
    *("archspec", "doc", "reference", "extends", "params"),  # none of these says how to train
    *("shuffle", "data"),  # of data.py; what of `data` is train.py's is below
    *("recipe", "title"),
}


def test_every_key_of_a_recipe_is_printed() -> None:
    written = {field.alias or name for name, field in Recipe.model_fields.items()}
    assert written - ELSEWHERE == KEYS.keys() | {"losses"}  # several outputs are tried by `test_losses`
    before = text({"batch": 6})
    for key, value in KEYS.items():
        changes = {key: value, **({"epochs": None} if key == "steps" else {})}
        assert text({"batch": 6, **changes}) != before, key


@pytest.mark.parametrize("changed", [{"validation": None}, {"test": None}, {"augment": [{"mix": {"mixup": 0.2}}]}])
def test_what_of_the_data_is_of_the_loop_is_printed(changed: Mapping[str, Any]) -> None:
    assert text({}) != text({"data": merged(DATA, changed)})


@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16", "float16"])
def test_every_precision_is_printed(precision: str) -> None:
    others = [
        text({"precision": other}) for other in ("float32", "float64", "bfloat16", "float16") if other != precision
    ]
    assert text({"precision": precision}) not in others


@dataclass(frozen=True, slots=True)
class Sideways(optimizers.Optimizer):
    """An optimizer of another package."""

    name: ClassVar[str] = "sideways"


def test_an_optimizer_of_another_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(optimizers.OPTIMIZERS._parts, "sideways", Sideways)
    with pytest.raises(BackendError, match="nothing to print for the optimizer `sideways`") as error:
        text({"optimizer": {"sideways": {"learning_rate": 0.1}}})
    assert error.value.diagnostics[0].code == "E0607"
