"""Running statistics are measured channel by channel, each by its own size, which a larger channel does not hide."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archspec.parity import random_weights
from archspec.parity.measure import Tensors, apart, sizes, spread, statistic_sizes
from archspec.parity.temporary_folders import save
from tests.needed import needs
from tests.parity.probe import compared, edited, graph

EPS = 1e-3


def _statistics(folder: Path, mean: list[float], variance: list[float]) -> Tensors:
    folder.mkdir()
    save(folder, "statistics", {"bn.running_mean": np.array(mean), "bn.running_var": np.array(variance)})
    return Tensors(folder)


def _apart(first: Tensors, second: Tensors) -> dict[str, float]:
    return dict(apart("statistics", first, second, statistic_sizes("statistics", first, {"bn": EPS})))


def test_each_channel_is_measured_by_its_own_mean_and_deviation(tmp_path: Path) -> None:
    first = _statistics(tmp_path / "first", [1e-17, 0.0, 8.0, 0.0], [4.0, 1e6, 0.25, 0.0])
    found = statistic_sizes("statistics", first, {"bn": EPS})
    assert found["bn.running_mean"] == pytest.approx([np.sqrt(4 + EPS), np.sqrt(1e6 + EPS), 8.0, np.sqrt(EPS)])
    assert found["bn.running_var"] == pytest.approx([4 + EPS, 1e6 + EPS, 64.0, EPS])
    second = _statistics(tmp_path / "second", [1e-17, 0.0, 8.0 + 8e-9, 0.0], [4.0 + 4e-9, 1e6, 0.25, 0.0])
    assert _apart(first, second) == pytest.approx({"bn.running_mean": 1e-9, "bn.running_var": 1e-9 / (1 + EPS / 4)})


def test_a_mean_that_is_zero_but_for_rounding_differs_by_next_to_nothing(tmp_path: Path) -> None:
    first = _statistics(tmp_path / "first", [1e-17, 1e-43], [1.0, 1e-86])
    second = _statistics(tmp_path / "second", [-1e-17, 0.0], [1.0, 0.0])
    assert max(_apart(first, second).values()) < 1e-16


def test_what_is_missing_or_not_finite_differs(tmp_path: Path) -> None:
    first = _statistics(tmp_path / "first", [1.0, 1.0], [1.0, np.inf])
    second = _statistics(tmp_path / "second", [1.0, np.nan], [1.0, np.inf])
    assert all(np.isnan(value) for value in _apart(first, second).values())
    fourth = _statistics(tmp_path / "fourth", [1.0, 2.0], [1.0, np.inf])
    assert _apart(fourth, fourth) == {"bn.running_mean": 0.0, "bn.running_var": pytest.approx(np.nan, nan_ok=True)}
    (tmp_path / "third").mkdir()
    save(tmp_path / "third", "statistics", {"bn.running_mean": np.ones(3)})
    third = Tensors(tmp_path / "third")
    assert _apart(first, third) == {"bn.running_mean": np.inf, "bn.running_var": np.inf}
    assert _apart(third, first)["bn.running_var"] == np.inf


def test_how_far_statistics_are_from_themselves_counts_by_channel(tmp_path: Path) -> None:
    save(tmp_path, "statistics", {"bn.running_mean": np.array([1.0, 3.0, np.nan])})
    by = {"bn.running_mean": np.array([10.0, 100.0, 1.0])}
    assert spread("statistics", [Tensors(tmp_path)], by) == 0.1


NORMED = """
archspec: 1
name: normed
input: {channels: 3, height: 9, width: 8}
layers:
  - conv: {filters: 4, kernel: 3, bias: false}
  - batch_norm: {name: bn1}
  - conv: {filters: 4, kernel: 1, bias: false}
  - batch_norm: {name: bn2, decay: 0.9}
  - relu
  - flatten
  - dense: {units: 3}
"""
"""What the first norm gives has the mean zero but for rounding, and so has what the second one gets."""
OPTIONS: dict[str, Any] = {"network": NORMED, "sizes": [(9, 8)]}


@pytest.mark.parity
@needs("torch", "keras")
def test_a_running_mean_of_zero_but_for_rounding_is_no_difference_and_a_wrong_one_is() -> None:
    compared(checks=("run",), **OPTIONS).require()
    text = edited(
        "torch", ("self.bn2 = nn.BatchNorm2d(4)", "self.bn2 = nn.BatchNorm2d(4, momentum=0.11)"), network=NORMED
    )
    report = compared(text, checks=("run",), **OPTIONS)
    assert [(cause.kind, cause.step, cause.layers) for cause in report.causes] == [("running statistics", 1, ("bn2",))]


WRONG = """class Wrong(nn.BatchNorm2d):
    def forward(self, x: Tensor) -> Tensor:
        found = super().forward(x)
        self.STATISTIC.data[2] *= 1 + 1e-7 * self.training
        return found


class Normed("""


def _unlike() -> dict[str, np.ndarray[Any, Any]]:
    """Weights with which one channel of the first norm is a million times as large as the others."""
    weights = random_weights(graph(NORMED))
    weights["conv.weight"][0] *= 1e6
    return weights


@pytest.mark.parity
@needs("torch", "keras")
@pytest.mark.parametrize(("check", "kind"), [("training", "statistics"), ("run", "statistics")])
@pytest.mark.parametrize("statistic", ["running_mean", "running_var"])
def test_a_fault_in_a_small_channel_is_caught_beside_a_large_one(
    statistic: str, check: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {**OPTIONS, "checks": (check,), "weights": _unlike()}
    compared(**options).require()
    planted = (
        ("class Normed(", WRONG.replace("STATISTIC", statistic)),
        ("self.bn1 = nn.BatchNorm2d", "self.bn1 = Wrong"),
    )
    text = edited("torch", *planted, network=NORMED)
    report = compared(text, **options)
    assert not report.agrees
    assert {blame.path: blame.kind for blame in report.blamed} == {"bn1": kind}
    assert {row.worst for row in report.rows if not row.agrees and row.step < 2} == {f"bn1.{statistic}"}
    monkeypatch.setattr(
        "archspec.parity.evaluation.statistic_sizes", lambda what, tensors, epsilons: sizes(what, tensors)
    )
    assert compared(text, **options).agrees, "measured by the largest channel it would not show"
