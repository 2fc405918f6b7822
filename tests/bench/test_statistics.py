"""What is said of measured times, and of the machine's limits."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

import archspec
from archspec.bench.roofline import Bound, MachineLimits, bounds
from archspec.bench.statistics import Times, ratio


def test_quantiles_are_numpys() -> None:
    times = Times(((3.0, 1.0), (2.0, 10.0)))
    assert times.median == 2.5
    assert times.quantile(0.0) == 1.0
    assert times.quantile(1.0) == 10.0
    assert times.quantile(0.95) == pytest.approx(8.95)  # numpy.quantile([1, 2, 3, 10], 0.95)
    assert times.mean == 4.0
    assert times.deviation == pytest.approx(3.535533905932738)  # numpy.std


def test_a_machine_that_slows_down_for_a_while_slows_both() -> None:
    base = Times(tuple((seconds, seconds) for seconds in (1.0, 1.0, 5.0, 5.0, 1.0)))
    other = Times(tuple((seconds, seconds) for seconds in (2.0, 2.0, 10.0, 10.0, 2.0)))
    found = ratio(other, base)
    assert (found.value, found.low, found.high) == (2.0, 2.0, 2.0)


def test_an_interval_holds_the_ratio_and_is_the_same_each_time() -> None:
    base = Times(((1.0,), (1.1,), (0.9,), (1.0,), (1.05,)))
    other = Times(((1.2,), (1.1,), (1.3,), (1.0,), (1.25,)))
    found = ratio(other, base)
    assert found.low < found.value < found.high
    assert found == ratio(other, base)


def _least(found: Mapping[str, Bound]) -> float:
    return sum(bound.least for bound in found.values())


def test_the_least_time_is_that_of_arithmetic_or_of_traffic() -> None:
    graph = archspec.compile("lenet")
    slow_memory, slow_arithmetic = MachineLimits(1e18, 1e9), MachineLimits(1e9, 1e18)
    of_arithmetic = _least(bounds(graph, 2, "float32", slow_arithmetic))
    assert of_arithmetic == pytest.approx(2 * 2 * graph.macs / 1e9, rel=1e-6)
    one, two = (_least(bounds(graph, batch, "float32", slow_memory)) for batch in (1, 2))
    weights = 4 * sum(weight.size for weight in graph.all_weights.values()) / 1e9
    assert two - weights == pytest.approx(2 * (one - weights))
    assert {bound.limit for bound in bounds(graph, 2, "float32", slow_memory).values()} == {"memory"}
    assert bounds(graph, 2, "float32", slow_arithmetic)["convolution"].limit == "arithmetic"
    halved = _least(bounds(graph, 1, "float16", slow_memory))
    assert halved == pytest.approx(one / 2)
