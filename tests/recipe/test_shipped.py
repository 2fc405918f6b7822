"""The recipes that ship: their numbers in tables, as published.

`pytest tests/recipe/test_shipped.py --update-golden` writes the tables anew; read what changed before you commit it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

import archspec
from archspec.recipe import load, resolve, shipped_recipes
from archspec.spec import shipped
from archspec.training.facts import DataFacts, known_facts
from archspec.training.linter import lint
from archspec.training.plan import TrainingPlan, plan_of
from tests.recipe.recipes import IMAGENET

GOLDEN = Path(__file__).with_name("golden")
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "cifar10_keras": ("cifar_resnet_keras", {}),
    "cifar10_paper": ("cifar_resnet", {}),
    "digits": ("digits_resnet", {}),
    "imagenet_paper": ("resnet50", {}),
    "imagenet_torchvision": ("resnet50", {}),
}
FACTS: dict[str, DataFacts] = {"imagenet_paper": IMAGENET, "imagenet_torchvision": IMAGENET}


def _plan(name: str, **overrides: object) -> TrainingPlan:
    settings = resolve(load(name, overrides))
    facts = FACTS.get(name) or known_facts(settings.data.source)
    assert facts is not None
    network, params = NETWORKS[name]
    return plan_of(settings, archspec.compile(network, **params), facts)


def _table(plan: TrainingPlan) -> Iterator[str]:
    """The numbers of a plan: how long it is, who decays, and the rate wherever it changes."""
    examples = ", ".join(f"{split} {count:,}" for split, count in plan.data.examples.items())
    yield f"examples    {examples}"
    yield f"batch       {plan.data.batch:,}"
    yield f"steps       {plan.steps:,} = {plan.epochs:,} epochs of {plan.steps_per_epoch:,}"
    yield f"optimizer   {plan.optimizer}"
    for group in plan.groups:
        decay = "coupled" if plan.coupled else "decoupled"
        yield f"weights     {len(group.weights):>3}, {decay} decay {group.decay:g}, rate times {group.rate:g}"
    yield f"losses      {', '.join(f'{loss.output}: {loss.loss}' for loss in plan.losses)}"
    yield f"training    {', '.join(map(str, plan.data.training))}"
    yield f"evaluation  {', '.join(map(str, plan.data.evaluation))}"
    for key in ("plateau", "clip", "ema", "metrics", "checkpoint", "early_stopping"):
        yield f"{key:<11} {getattr(plan, key)}"
    yield f"findings    {', '.join(found.code for found in plan.findings)}"
    yield ""
    yield "the rate, wherever it changes"
    if plan.schedule is not None and plan.schedule.by == "step":
        changes = [at for phase in plan.schedule.phases for at in phase.changes()]
        marks = sorted({0, plan.steps - 1, *(mark for at in changes for mark in (int(at) - 1, int(at)))})
        yield from (f"step {step:>7,}  {plan.rate(step)!r}" for step in marks)
        return
    rates = enumerate(plan.rates())
    for rate, epochs in groupby(rates, key=lambda pair: pair[1]):
        found = [epoch for epoch, _ in epochs]
        yield f"epochs {found[0]:>3} to {found[-1]:>3}  {rate!r}"


@pytest.mark.parametrize("name", shipped_recipes())
def test_its_numbers(name: str, request: pytest.FixtureRequest) -> None:
    text = "\n".join(_table(_plan(name))) + "\n"
    path = GOLDEN / f"{name}.txt"
    if request.config.getoption("--update-golden"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_each_has_what_it_was_made_from_and_a_name_of_its_own() -> None:
    for name in shipped_recipes():
        recipe = load(name)
        assert recipe.name == name
        assert recipe.title
        assert recipe.reference
    assert not set(shipped_recipes()) & set(shipped())
    assert sorted(NETWORKS) == shipped_recipes()


def test_what_the_linter_says_of_them() -> None:
    found = {name: [each.code for each in lint(resolve(load(name)))] for name in shipped_recipes()}
    assert found.pop("cifar10_keras") == ["E0911", "E0912"]  # as it happens in the original
    assert not any(found.values())


def test_the_keras_example_as_its_code_has_it() -> None:
    plan = _plan("cifar10_keras")

    def lr_schedule(epoch: int) -> float:  # the original's
        lr = 1e-3
        if epoch > 180:
            lr *= 0.5e-3
        elif epoch > 160:
            lr *= 1e-3
        elif epoch > 120:
            lr *= 1e-2
        elif epoch > 80:
            lr *= 1e-1
        return lr

    assert plan.epochs == 200
    assert plan.rates() == [lr_schedule(epoch) for epoch in range(200)]
    assert plan.rate(1563 * 150 + 700, reduction=0.1) == plan.rate(1563 * 150)  # the plateau never acts
    assert [type(step).name for step in plan.data.training] == ["rescale", "subtract_mean", "affine", "flip"]
    assert [type(step).name for step in _plan("cifar10_keras", augment=False).data.training] == [
        "rescale",
        "subtract_mean",
    ]


def test_the_papers_schedule_and_its_warm_up() -> None:
    plain, warm = _plan("cifar10_paper"), _plan("cifar10_paper", warmup=400)
    marks = (0, 399, 400, 31_999, 32_000, 47_999, 48_000, 63_999)
    assert [plain.rate(step) for step in marks] == pytest.approx([0.1] * 4 + [0.01] * 2 + [0.001] * 2)
    assert [warm.rate(step) for step in marks] == pytest.approx([0.01] * 2 + [0.1] * 2 + [0.01] * 2 + [0.001] * 2)
    assert plain.data.examples == {"train": 45_000, "validation": 5_000, "test": 10_000}


def test_torchvisions_average_is_what_its_code_makes_of_the_number() -> None:
    ema = _plan("imagenet_torchvision").ema
    assert ema is not None
    adjust = 8 * 128 * 32 / 600  # world_size * batch_size * model_ema_steps / epochs
    assert ema.decay == pytest.approx(1.0 - min(1.0, (1.0 - 0.99998) * adjust), abs=1e-12)
    assert (ema.every, ema.start) == (32, 5)
