"""How far tensors are apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from archspec.parity.measure import Tensors, apart, apart_by_layer, difference, furthest


def test_difference() -> None:
    one = np.ones(3)
    assert difference(one, one) == 0
    assert difference(one, one * 1.5) == 0.5
    assert difference(one, one * 1.5, least=2.0) == 0.25
    assert difference(one, None) == float("inf")
    assert difference(one, np.ones((3, 1))) == float("inf")
    assert difference(np.zeros(3), one) == float("inf")
    assert difference(np.zeros(3), np.zeros(3)) == 0
    for bad in (one * float("nan"), one * float("inf")):
        assert not difference(one, bad) <= 1.0
        assert not difference(bad, bad) <= 1.0


def test_furthest() -> None:
    first = np.zeros((2, 3))
    second = first.copy()
    second[1, 2] = -4
    found = furthest(first, second)
    assert found is not None
    assert (found.index, found.first, found.second) == ((1, 2), 0.0, -4.0)
    second[0, 1] = np.nan
    found = furthest(first, second)
    assert found is not None
    assert found.index == (0, 1)
    assert furthest(first, np.zeros(2)) is None


@pytest.fixture
def two(tmp_path: Path) -> tuple[Tensors, Tensors]:
    noise = np.array([1e-17])
    first = {"g/a.weight": np.array([2.0]), "g/a.bias": noise, "g/b.bias": noise, "h/x": np.zeros(1)}
    second = {"g/a.weight": np.array([2.0]), "g/a.bias": -noise, "g/b.bias": -noise}
    for name, arrays in (("first", first), ("second", second)):
        save_file(arrays, tmp_path / name)
    return Tensors(tmp_path / "first"), Tensors(tmp_path / "second")


def test_a_tensor_that_is_zero_but_for_rounding_is_judged_by_its_layer(two: tuple[Tensors, Tensors]) -> None:
    assert dict(apart("g", *two))["a.bias"] == 2.0
    assert dict(apart_by_layer("g", *two)) == {"a.weight": 0.0, "a.bias": 1e-17, "b.bias": 2e-17 / 2e-3}


def test_a_tensor_that_is_missing_differs_unless_it_is_optional(two: tuple[Tensors, Tensors]) -> None:
    assert dict(apart("h", *two)) == {"x": float("inf")}
    assert dict(apart("h", *two, optional=True)) == {}
