"""Reductions on a plateau and early stopping: counted as the documentation says, and as PyTorch counts."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archspec.recipe import EarlyStopping, Plateau
from archspec.training.plateau import PlateauState, StoppingState, improved, rises
from tests.recipe.recipes import plan


def _acts(plateau: Plateau, values: list[float]) -> list[int]:
    """The epochs, from 1, at whose end the rate is reduced."""
    state, found = PlateauState(), []
    for epoch, value in enumerate(values, start=1):
        after = state.after(value, plateau)
        if after.reduction != state.reduction:
            found.append(epoch)
        state = after
    return found


def test_a_constant_number() -> None:
    values = [1.0] * 20
    assert _acts(Plateau(patience=5), values) == [7, 13, 19]  # PyTorch's, where Keras says 6
    assert _acts(Plateau(patience=4), values)[:1] == [6]  # Keras's 5
    assert _acts(Plateau(patience=5, cooldown=3), values) == [7, 16]


def test_losses_fall_and_metrics_rise() -> None:
    assert not rises("validation_loss")
    assert rises("validation_accuracy")
    assert rises("train_top_5")
    falling, rising = [1.0 - 0.01 * n for n in range(20)], [0.01 * n + 0.1 for n in range(20)]
    assert _acts(Plateau(patience=2, watch="validation_loss"), falling) == []
    assert _acts(Plateau(patience=2, watch="validation_accuracy"), rising) == []
    assert _acts(Plateau(patience=2, watch="validation_accuracy"), falling) != []


def test_the_threshold() -> None:
    assert improved(0.98, 1.0, 0.01, "relative", "validation_loss")
    assert not improved(0.99, 1.0, 0.01, "relative", "validation_loss")
    assert improved(99.5, 100.0, 0.01, "absolute", "validation_loss")
    assert not improved(99.5, 100.0, 0.01, "relative", "validation_loss")
    assert improved(0.52, 0.5, 0.01, "absolute", "validation_accuracy")
    assert not improved(math.nan, None, 0.0, "absolute", "validation_loss")
    assert improved(7.0, None, 0.0, "absolute", "validation_loss")


@pytest.mark.needs("torch")
@given(
    values=st.lists(st.floats(0.1, 10.0), min_size=1, max_size=60),
    patience=st.integers(0, 5),
    cooldown=st.integers(0, 4),
    mode=st.sampled_from(["relative", "absolute"]),
    watch=st.sampled_from(["validation_loss", "validation_accuracy"]),
)
def test_pytorchs_counting(values: list[float], patience: int, cooldown: int, mode: str, watch: str) -> None:
    import torch
    from torch.optim.lr_scheduler import ReduceLROnPlateau

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = ReduceLROnPlateau(
        optimizer,
        mode="min" if watch.endswith("loss") else "max",
        factor=0.5,
        patience=patience,
        cooldown=cooldown,
        threshold=1e-2,
        threshold_mode="rel" if mode == "relative" else "abs",
        eps=0.0,
    )
    ours = Plateau(watch=watch, factor=0.5, patience=patience, cooldown=cooldown, threshold=1e-2, threshold_mode=mode)
    state = PlateauState()
    for value in values:
        theirs.step(value)
        state = state.after(value, ours)
        assert state.reduction == pytest.approx(float(optimizer.param_groups[0]["lr"]), rel=1e-12)


def test_early_stopping() -> None:
    stopping, state = EarlyStopping(patience=2, start=3), StoppingState()
    ended = []
    for epoch, value in enumerate([9, 9, 9, 1, 2, 2, 2], start=1):
        state = state.after(float(value), stopping)
        ended += [epoch] * state.ends(stopping)
    assert ended == [7]


def test_a_reduction_meets_the_schedule_and_the_floor() -> None:
    keys = {"data": "{source: cifar10, validation: 0.1}", "schedule": "{by: epoch, phases: [cosine]}"}
    made = plan(**keys, plateau="{watch: validation_loss, floor: 0.01}")
    assert made.rate(0, 0.5) == pytest.approx(0.05)
    assert made.rate(0, 1e-3) == 0.01
    late = made.steps - 1
    assert made.rate(late, 0.5) == made.rate(late) < 0.01  # the schedule is below the floor by itself
    overridden = plan(**keys, plateau="{watch: validation_loss, overridden_by_schedule: true}")
    assert overridden.rate(0, 0.5) == overridden.rate(0) == 0.1
