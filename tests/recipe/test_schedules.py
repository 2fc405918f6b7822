"""Schedules as pure functions: their ends, their bounds, and the schedulers of PyTorch."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archspec.recipe.schedules import (
    PHASES,
    ConstantRate,
    Cosine,
    Exponential,
    Linear,
    OneCycle,
    Phase,
    Polynomial,
    Schedule,
    Steps,
)
from tests.recipe.recipes import plan

FACTORS = st.floats(0.0, 1.0)
LENGTHS = st.integers(2, 300)


def _phases(length: float | None) -> st.SearchStrategy[Phase]:
    """Any phase of this length whose factors are between 0 and 1."""
    steps = st.sets(st.integers(0, 400), min_size=1, max_size=5).flatmap(
        lambda at: st.builds(
            Steps,
            at=st.just(tuple(sorted(at))),
            factors=st.lists(FACTORS, min_size=len(at), max_size=len(at)).map(tuple),
            length=st.just(length),
        )
    )
    return st.one_of(
        st.builds(ConstantRate, factor=FACTORS, length=st.just(length)),
        st.builds(Linear, start=FACTORS, to=FACTORS, length=st.just(length)),
        steps,
        st.builds(Exponential, factor=st.floats(0.1, 1.0), every=st.floats(0.5, 50.0), length=st.just(length)),
        st.builds(Polynomial, power=st.floats(0.1, 4.0), to=FACTORS, length=st.just(length)),
        st.builds(Cosine, to=FACTORS, length=st.just(length)),
        st.builds(OneCycle, rise=st.floats(0.1, 0.9), start=FACTORS, to=FACTORS, length=st.just(length)),
    )


SCHEDULES = st.lists(st.integers(1, 100).flatmap(lambda length: _phases(float(length))), min_size=1, max_size=4).map(
    lambda phases: Schedule("step", False, tuple(phases))
)


@given(SCHEDULES, st.floats(0.0, 500.0))
def test_a_factor_is_between_those_that_are_given(schedule: Schedule, position: float) -> None:
    assert -1e-12 <= schedule.multiple(position, 500.0) <= 1.0 + 1e-12


@given(SCHEDULES, st.floats(0.0, 500.0))
def test_the_rest_of_a_schedule_does_not_change_what_is_before(schedule: Schedule, position: float) -> None:
    spans = list(schedule.spans(500.0))
    kept = [phase for phase, start, _ in spans if start <= position]
    assert Schedule("step", False, tuple(kept)).multiple(position, 500.0) == schedule.multiple(position, 500.0)


@given(SCHEDULES)
def test_after_the_last_phase_its_last_value_is_kept(schedule: Schedule) -> None:
    _, start, length = list(schedule.spans(500.0))[-1]
    end = start + length
    values = {schedule.multiple(position, 500.0) for position in (end, end + 0.5, end + 1000.0)}
    assert len(values) == 1


@given(_phases(None), LENGTHS)
def test_without_a_length_a_phase_lasts_to_the_end(phase: Phase, total: int) -> None:
    given_length = type(phase)(**{**{key: getattr(phase, key) for key in phase.attributes()}, "length": float(total)})
    for position in (0.0, total / 3, total - 1.0):
        left = Schedule("step", False, (phase,)).multiple(position, float(total))
        assert left == Schedule("step", False, (given_length,)).multiple(position, float(total))


@given(st.floats(0.0, 1.0), LENGTHS, FACTORS)
def test_phases_that_fall_fall(share: float, length: int, to: float) -> None:
    first, second = sorted((share * length, length / 2.0))
    for phase in (Cosine(to=to), Polynomial(to=to, power=2.0), Exponential(factor=0.9)):
        assert phase.multiple(first, 0.0, float(length)) >= phase.multiple(second, 0.0, float(length)) - 1e-12


def test_the_ends() -> None:
    ends: list[tuple[Phase, float, float]] = [
        (Linear(start=0.01, to=0.7), 0.01, 0.7),
        (Cosine(to=0.25), 1.0, 0.25),
        (Polynomial(power=3.0, to=0.1), 1.0, 0.1),
        (Exponential(factor=0.5, every=10.0), 1.0, 0.25),
        (ConstantRate(factor=0.3), 0.3, 0.3),
    ]
    for phase, first, last in ends:
        assert phase.multiple(7.0, 7.0, 20.0) == pytest.approx(first, abs=1e-15)
        assert phase.multiple(27.0, 7.0, 20.0) == pytest.approx(last, abs=1e-15)
    cycle = OneCycle(rise=0.25, start=0.04, to=1e-3)
    assert [cycle.multiple(float(at), 0.0, 40.0) for at in (0, 9, 39)] == pytest.approx([0.04, 1.0, 1e-3], abs=1e-15)


def test_positions_of_steps_are_those_at_which_they_begin_to_hold() -> None:
    schedule = Schedule("epoch", False, (Linear(start=0.1, length=2.0), Steps(at=(3, 5), factors=(0.5, 0.25))))
    assert [schedule.multiple(float(at), 7.0) for at in range(7)] == pytest.approx([0.1, 0.55, 1, 0.5, 0.5, 0.25, 0.25])
    powers = Schedule("step", False, (Steps(at=(1, 2, 4), factor=0.1),))
    assert [powers.multiple(float(at), 5.0) for at in range(5)] == pytest.approx([1, 0.1, 0.01, 0.01, 0.001])


@pytest.mark.parametrize("by", ["epoch", "step"])
def test_what_a_plan_counts_in(by: str) -> None:
    made = plan(schedule=f"{{by: {by}, phases: [{{steps: {{at: [2], factor: 0.1}}}}]}}")
    assert made.steps_per_epoch == 391
    change = 2 * 391 if by == "epoch" else 2
    assert [made.rate(change - 1), made.rate(change), made.rate(made.steps - 1)] == pytest.approx([0.1, 0.01, 0.01])


def test_smooth_positions_are_fractions_of_epochs() -> None:
    made = plan(schedule="{by: epoch, smooth: true, phases: [{linear: {start: 0, length: 1}}, cosine]}")
    rough = plan(schedule="{by: epoch, phases: [{linear: {start: 0, length: 1}}, cosine]}")
    assert made.rate(100) == pytest.approx(0.1 * 100 / 391)
    assert rough.rate(100) == 0.0
    assert made.rate(391) == rough.rate(391) == pytest.approx(0.1)
    assert made.rate(made.steps - 1) < rough.rate(rough.steps - 1)


def test_every_phase_is_tried_here() -> None:
    assert set(PHASES.values()) == {ConstantRate, Linear, Steps, Exponential, Polynomial, Cosine, OneCycle}


def _of_torch(scheduler: Any, *arguments: Any, count: int, **given: Any) -> list[float]:
    """The rates that one of PyTorch's schedulers gives, of an optimizer whose rate is 1."""
    import torch

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))], lr=1.0)
    found = []
    made = scheduler(optimizer, *arguments, **given)
    for _ in range(count):
        found.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        made.step()
    return found


@pytest.mark.needs("torch")
def test_pytorchs_schedulers() -> None:
    from torch.optim import lr_scheduler as of_torch

    pairs: list[tuple[list[float], Phase]] = [
        (_of_torch(of_torch.CosineAnnealingLR, 50, eta_min=0.1, count=50), Cosine(to=0.1)),
        (_of_torch(of_torch.LinearLR, 0.2, 0.9, total_iters=50, count=50), Linear(start=0.2, to=0.9)),
        (_of_torch(of_torch.MultiStepLR, [20, 35], gamma=0.1, count=50), Steps(at=(20, 35), factor=0.1)),
        (_of_torch(of_torch.StepLR, 7, gamma=0.5, count=50), Exponential(factor=0.5, every=7.0, staircase=True)),
        (_of_torch(of_torch.ExponentialLR, 0.93, count=50), Exponential(factor=0.93)),
        (_of_torch(of_torch.PolynomialLR, 50, power=0.9, count=50), Polynomial(power=0.9)),
        (_of_torch(of_torch.ConstantLR, 0.3, 1000, count=50), ConstantRate(factor=0.3)),
    ]
    for strategy in ("cos", "linear"):
        rates = _of_torch(of_torch.OneCycleLR, 1.0, 50, anneal_strategy=strategy, cycle_momentum=False, count=49)
        pairs.append((rates, OneCycle(start=1 / 25, to=1 / 25e4, shape="cosine" if strategy == "cos" else "linear")))
    for rates, phase in pairs:
        ours = [phase.multiple(float(at), 0.0, 50.0) for at in range(len(rates))]
        assert ours == pytest.approx(rates, abs=1e-12), phase


@pytest.mark.needs("torch")
def test_torchvisions_warm_up_before_a_cosine() -> None:
    import torch
    from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))], lr=0.5)
    both = SequentialLR(
        optimizer,
        [LinearLR(optimizer, 0.01, total_iters=5), CosineAnnealingLR(optimizer, 595)],
        milestones=[5],
    )
    schedule = Schedule("epoch", False, (Linear(start=0.01, length=5.0), Cosine()))
    for epoch in range(600):
        assert 0.5 * schedule.multiple(float(epoch), 600.0) == pytest.approx(
            float(optimizer.param_groups[0]["lr"]), abs=1e-9
        )
        optimizer.step()
        both.step()


def test_nothing_is_divided_by_what_may_be_0() -> None:
    for phase in (Linear(), Cosine(), Polynomial(), OneCycle(rise=0.01)):
        assert math.isfinite(Schedule("step", False, (phase,)).multiple(0.0, 1.0))
        assert math.isfinite(Schedule("step", False, (ConstantRate(length=5.0), phase)).multiple(5.0, 5.0))
