"""The printed function of the rate gives what the plan's does, to the last bit."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import archspec
from archspec.recipe import PHASES, Phase, Plateau, Schedule, load, load_text
from archspec.recipe.optimizers import SGD
from archspec.recipe.schedules import ConstantRate, Cosine, Exponential, Linear, OneCycle, Polynomial, Steps
from archspec.training.facts import DataFacts
from archspec.training.plan import TrainingPlan, plan_of
from archspec.training.schedule_source import rate_source, takes_reduction


@cache
def _plan(recipe: str) -> TrainingPlan:
    facts = DataFacts({"train": 50_000, "test": 10_000}, (3, 32, 32), "classes", 10)
    network = "cifar_resnet_keras" if recipe == "cifar10_keras" else "cifar_resnet"
    return plan_of(load(recipe), archspec.compile(network), facts)


def _changed(
    schedule: Schedule | None, *, steps: int, per_epoch: int, rate: float = 0.1, plateau: Plateau | None = None
) -> TrainingPlan:
    plan = _plan("cifar10_paper")
    data = replace(plan.data, examples={"train": per_epoch * 8}, batch=8)
    optimizer = SGD(learning_rate=rate)
    return replace(plan, data=data, schedule=schedule, steps=steps, optimizer=optimizer, plateau=plateau)


def _function(plan: TrainingPlan) -> Callable[..., float]:
    text = rate_source(plan)
    assert all(len(line) <= 120 for line in text.splitlines()), text
    namespace: dict[str, Any] = {"math": math}
    exec(text, namespace)
    found: Callable[..., float] = namespace["rate"]
    return found


def test_the_keras_example_reads_as_a_person_would_write_it() -> None:
    assert rate_source(_plan("cifar10_keras")) == (
        "def rate(step: int) -> float:\n"
        '    """The learning rate of a step, counted from 0."""\n'
        "    epoch = step // 1563\n"
        "    if epoch < 81:\n"
        "        return 0.001\n"
        "    if epoch < 121:\n"
        "        return 0.0001\n"
        "    if epoch < 161:\n"
        "        return 1e-05\n"
        "    if epoch < 181:\n"
        "        return 1e-06\n"
        "    return 5e-07"
    )


def test_a_warmup_and_a_cosine_read_as_a_person_would_write_them() -> None:
    schedule = Schedule("epoch", True, (Linear(start=0.01, length=5.0), Cosine()))
    assert rate_source(_changed(schedule, steps=6000, per_epoch=100, rate=0.5)) == (
        "def rate(step: int) -> float:\n"
        '    """The learning rate of a step, counted from 0."""\n'
        "    epoch = step / 100\n"
        "    if epoch < 5:\n"
        "        share = epoch / 5\n"
        "        return 0.5 * (0.01 + 0.99 * share)\n"
        "    share = (epoch - 5) / 55\n"
        "    return 0.5 * (1 + math.cos(math.pi * share)) / 2"
    )


def test_a_plateau_reduces_what_the_schedule_says() -> None:
    plateau = Plateau(watch="validation_loss", floor=1e-5)
    assert rate_source(_changed(None, steps=10, per_epoch=10, plateau=plateau)) == (
        "def rate(step: int, reduction: float) -> float:\n"
        '    """The learning rate of a step, counted from 0, after what the plateau has reduced it by."""\n'
        "    return max(0.1 * reduction, 1e-05)"
    )


LENGTHS = st.one_of(st.integers(1, 40).map(float), st.floats(0.1, 30.0))
FACTORS = st.one_of(st.sampled_from([0.0, 1.0, 0.5, 0.1]), st.floats(0.0, 2.0))
SHARES = st.one_of(st.sampled_from([0.1, 0.5, 1.0]), st.floats(0.01, 1.0))


def _steps(at: list[int], factors: list[float], factor: float | None, length: float | None) -> Steps:
    rising = tuple(sorted(at))
    listed = None if factor is not None else tuple((factors * len(rising))[: len(rising)])
    return Steps(at=rising, factors=listed, factor=factor, length=length)


def _phases(length: st.SearchStrategy[float | None]) -> st.SearchStrategy[Phase]:
    kinds: list[st.SearchStrategy[Phase]] = [
        st.builds(ConstantRate, factor=FACTORS, length=length),
        st.builds(Linear, start=FACTORS, to=FACTORS, length=length),
        st.builds(
            _steps,
            st.lists(st.integers(0, 60), min_size=1, max_size=4, unique=True),
            st.lists(FACTORS, min_size=1, max_size=4),
            st.none() | SHARES,
            length,
        ),
        st.builds(Exponential, factor=SHARES, every=LENGTHS | st.just(1.0), staircase=st.booleans(), length=length),
        st.builds(Polynomial, power=st.sampled_from([1.0, 2.0, 0.9]) | st.floats(0.1, 4.0), to=FACTORS, length=length),
        st.builds(Cosine, to=FACTORS, length=length),
        st.builds(
            OneCycle,
            rise=st.floats(0.01, 0.99),
            start=FACTORS,
            to=FACTORS,
            shape=st.sampled_from(["cosine", "linear"]),
            length=length,
        ),
    ]
    return st.one_of(kinds)


@st.composite
def _schedules(draw: st.DrawFn) -> Schedule:
    phases = [*draw(st.lists(_phases(LENGTHS), max_size=3)), draw(_phases(st.none() | LENGTHS))]
    by = draw(st.sampled_from(["step", "epoch"]))
    return Schedule(by, by == "epoch" and draw(st.booleans()), tuple(phases))


@given(
    schedule=st.none() | _schedules(),
    steps=st.integers(1, 200),
    per_epoch=st.integers(1, 30),
    rate=st.sampled_from([1.0, 0.1, 1e-3, 2.0]) | st.floats(1e-6, 10.0),
    plateau=st.none()
    | st.builds(
        Plateau,
        watch=st.just("validation_loss"),
        floor=st.sampled_from([0.0, 1e-3, 5.0]),
        overridden_by_schedule=st.booleans(),
    ),
    reduction=st.sampled_from([1.0, 0.1, 0.1**0.5]),
)
@settings(max_examples=500, deadline=None)
def test_the_printed_function_gives_the_rate_of_the_plan(
    schedule: Schedule | None, steps: int, per_epoch: int, rate: float, plateau: Plateau | None, reduction: float
) -> None:
    plan = _changed(schedule, steps=steps, per_epoch=per_epoch, rate=rate, plateau=plateau)
    function = _function(plan)
    for step in range(steps):
        found = function(step, reduction) if takes_reduction(plan) else function(step)
        assert isinstance(found, float)
        assert found == plan.rate(step, reduction), (step, rate_source(plan))


@pytest.mark.parametrize("recipe", ["cifar10_keras", "cifar10_paper"])
def test_the_printed_function_gives_the_rate_of_each_step_of_a_shipped_recipe(recipe: str) -> None:
    plan = _plan(recipe)
    function = _function(plan)
    assert all(function(step) == plan.rate(step) for step in range(0, plan.steps, 7))


def test_a_rate_that_is_one_step_late_would_be_seen() -> None:
    plan = _plan("cifar10_paper")
    function = _function(plan)
    assert any(function(step - 1) != plan.rate(step) for step in range(1, plan.steps))


def test_all_phases_have_a_text() -> None:
    for part in PHASES.values():
        text = f"""
            archspec: 1
            recipe: each
            data: {{source: cifar10}}
            batch: 100
            steps: 50
            loss: cross_entropy
            optimizer: {{sgd: {{learning_rate: 0.1}}}}
            schedule: {{by: step, phases: [{part.example}]}}
        """
        facts = DataFacts({"train": 50_000}, (3, 32, 32), "classes", 10)
        plan = plan_of(load_text(text), archspec.compile("cifar_resnet"), facts)
        ast.parse(rate_source(plan))
        function = _function(plan)
        assert all(function(step) == plan.rate(step) for step in range(50))


def test_a_polynomial_that_rounding_takes_past_its_end_stays_a_number() -> None:
    phases = (ConstantRate(length=2.0), Polynomial(length=6.0658844731696595, power=0.9))
    plan = _changed(Schedule("step", False, phases), steps=10, per_epoch=1)
    assert plan.rate(9) == _function(plan)(9) == 0.0
