"""Scales, and how ranges are chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pytest

from archspec.quantization.calibration import METHODS, Method, ranges
from archspec.quantization.scheme import TensorScale, to_int8, weight_scales


def batches(array: Any) -> Callable[[], Iterable[Mapping[str, Any]]]:
    return lambda: ({"x": part} for part in np.array_split(array, 4))


def rounded(array: Any, scale: TensorScale) -> Any:
    low, high = (-128, 127) if scale.symmetric else (0, 255)
    whole = np.clip(np.rint(array / scale.scale) + scale.zero_point, low, high)
    return (whole - scale.zero_point) * scale.scale


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize(("low", "high"), [(-1.0, 3.0), (0.0, 6.0), (2.0, 5.0), (-4.0, -1.0), (0.0, 0.0), (-1e-3, 1e6)])
def test_a_range_is_within_half_a_step_and_zero_is_exact(low: float, high: float, symmetric: bool) -> None:
    scale = TensorScale.of_range(low, high, symmetric=symmetric)
    numbers = np.linspace(low, high, 1001)
    assert np.abs(rounded(numbers, scale) - numbers).max() <= scale.scale * 0.5001 + scale.scale / 2
    assert rounded(np.zeros(1), scale) == 0
    assert scale.zero_point == 0 or (not symmetric and low < 0)


def test_weights_have_a_scale_for_each_channel() -> None:
    weight = np.random.default_rng(0).normal(size=(4, 3, 2, 2)) * np.array([1, 1e-3, 1e3, 0]).reshape(4, 1, 1, 1)
    scales = weight_scales(weight)
    whole = to_int8(weight, scales)
    assert whole.dtype == np.dtype(np.int8)
    assert scales.shape == (4,)
    back = whole * scales.reshape(4, 1, 1, 1).astype(np.float64)
    assert (np.abs(back - weight) <= scales.reshape(4, 1, 1, 1) * 0.5001).all()
    assert np.abs(whole[:3]).reshape(3, -1).max(axis=1).tolist() == [127, 127, 127]


def test_min_max_takes_all() -> None:
    array = np.random.default_rng(0).normal(size=1000)
    assert ranges(batches(array), "minmax") == {"x": (array.min(), array.max())}


@pytest.mark.parametrize("method", ["percentile", "entropy"])
def test_others_leave_out_what_is_far_off(method: Method) -> None:
    array = np.random.default_rng(0).normal(size=200_000)
    array[0] = 100.0
    low, high = ranges(batches(array), method)["x"]
    assert 3 < high < 8
    assert low < -3


@pytest.mark.parametrize("method", METHODS)
def test_no_method_cuts_what_is_spread_evenly(method: Method) -> None:
    array = np.linspace(-1, 1, 100_000)
    low, high = ranges(batches(array), method)["x"]
    assert low < -0.97
    assert high > 0.97


@pytest.mark.parametrize("method", METHODS)
def test_many_zeros_do_not_make_a_range_narrow(method: Method) -> None:
    """As ReLU gives: they are exact by any scale."""
    array = np.maximum(np.random.default_rng(0).normal(size=100_000) - 1, 0)
    low, high = ranges(batches(array), method)["x"]
    assert low == 0
    assert high > 2


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [0.0, -2.0, 3.0])
def test_a_tensor_of_one_number(method: Method, value: float) -> None:
    low, high = ranges(batches(np.full(100, value)), method)["x"]
    assert low <= value <= high or abs(high - value) < 1e-6
    scale = TensorScale.of_range(low, high, symmetric=False)
    assert abs(rounded(np.array(value), scale) - value) < 0.02
