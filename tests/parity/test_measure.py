"""How far tensors are apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from archspec.parity.measure import (
    Tensors,
    apart,
    difference,
    furthest,
    layer_sizes,
    moved_sizes,
    sizes,
    spread,
)
from archspec.parity.temporary_folders import load, save


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
        (tmp_path / name).mkdir()
        for what in "gh":
            kept = {key[2:]: array for key, array in arrays.items() if key.startswith(what)}
            save(tmp_path / name, what, kept)
    return Tensors(tmp_path / "first"), Tensors(tmp_path / "second")


def test_a_tensor_that_is_zero_but_for_rounding_is_judged_by_its_layer(two: tuple[Tensors, Tensors]) -> None:
    first, second = two
    assert dict(apart("g", first, second, sizes("g", first)))["a.bias"] == 2.0
    found = dict(apart("g", first, second, layer_sizes("g", first)))
    assert found == {"a.weight": 0.0, "a.bias": 1e-17, "b.bias": 2e-17 / 2e-3}


def test_a_tensor_that_is_missing_differs_unless_it_is_optional(two: tuple[Tensors, Tensors]) -> None:
    by = sizes("h", two[0])
    assert dict(apart("h", *two, by)) == {"x": float("inf")}
    assert dict(apart("h", *two, by, optional=True)) == {}


def test_weights_are_judged_by_how_far_they_have_moved(tmp_path: Path) -> None:
    save(tmp_path, "start", {"a.weight": np.array([2.0, 4.0]), "a.bias": np.zeros(1), "b.weight": np.ones(1)})
    save(tmp_path, "weights", {"a.weight": np.array([2.5, 4.0]), "a.bias": np.zeros(1), "b.weight": np.ones(1)})
    tensors = Tensors(tmp_path)
    found = moved_sizes("weights", tensors, tensors, "start")
    assert found == {"a.weight": 0.5, "a.bias": 0.5, "b.weight": 0.5 / 1000}


def test_how_far_tensors_are_from_themselves(tmp_path: Path) -> None:
    for name, value in (("one", 1.0), ("two", 3.0)):
        (tmp_path / name).mkdir()
        save(tmp_path / name, "g", {"a": np.array([value]), "b": np.array([float("nan")])})
    spreads = [Tensors(tmp_path / name) for name in ("one", "two")]
    assert spread("g", spreads, {"a": 4.0, "b": 1.0}) == 0.25, "of that which repeats best"
    assert spread("g", spreads[1:], {"a": 4.0, "b": 1.0}) == 0.75
    assert spread("g", spreads, {"c": 1.0}) == 0.0, "what has no size is not looked at"


def test_large_tensors_are_in_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archspec.parity.temporary_folders._PART", 8)
    arrays = {name: np.arange(3.0) + index for index, name in enumerate("abc")}
    save(tmp_path, "g", arrays)
    assert len(list(tmp_path.iterdir())) == 3
    assert Tensors(tmp_path).names("g") == ["a", "b", "c"]
    found = load(tmp_path, "g")
    assert all(np.array_equal(found[name], array) for name, array in arrays.items())
