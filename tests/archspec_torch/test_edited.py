"""Sources that somebody edited: each node holds what the edited model computes, and what is gone is left out."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import BuildsModels, RunsModels
from archspec.codegen.registry import backend
from archspec.ir.graph import LayerGraph
from archspec.parity import random_inputs, random_weights
from archspec.spec import load_text

SPEC = """
archspec: 1
name: edited
input: {channels: 4, height: 8, width: 8}
blocks:
  unit:
    unit: [width]
    layers:
      - add:
          - - {conv: {name: conv1, filters: width, kernel: 3, padding: 1}}
            - {batch_norm: {name: bn1}}
            - relu
            - {conv: {name: conv2, filters: width, kernel: 3, padding: 1}}
            - {batch_norm: {name: bn2}}
          - []
      - relu
layers:
  - {conv: {name: stem, filters: 4, kernel: 1}}
  - {stage: {name: units, block: unit, units: "[(4)] * 3"}}
  - {tap: left}
  - {conv: {name: side, filters: 4, kernel: 1}}
  - concat: [[], {from: left}]
  - {max_pool: {kernel: 2}}
  - {scale: {value: 0.5, shift: 1}}
  - {global_avg_pool: {keep_axes: false}}
  - {dense: {name: fc, units: 3}}
"""
UNITS = range(3)
Arrays = dict[str, np.ndarray[Any, Any]]


@cache
def graph() -> LayerGraph:
    return archspec.compile(load_text(SPEC))


@cache
def written() -> str:
    return archspec.generate(graph(), "torch")


def nodes(*edits: tuple[str, str]) -> Arrays:
    source = written()
    for old, new in edits:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    model = backend("torch", BuildsModels).build(source, graph(), weights=random_weights(graph()), dtype="float64")
    runs = backend("torch", RunsModels)
    return dict(runs.run(model, graph(), random_inputs(graph()), training=False, nodes=True).nodes)


@cache
def sound() -> Arrays:
    return nodes()


HEAD = ("side", "concat", "max_pool", "scale", "global_avg_pool", "fc")


def relu(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any] = np.maximum(x, 0)
    return found


def assert_same(found: Arrays, **wanted: np.ndarray[Any, Any]) -> None:
    for path, array in wanted.items():
        assert np.array_equal(found[path], array), path


def assert_body(found: Arrays) -> None:
    """The parts of the units that no edit below touches."""
    for unit in UNITS:
        assert np.array_equal(found[f"units.{unit}.relu_2"], relu(found[f"units.{unit}.add"]))


def test_the_spec_has_what_is_edited() -> None:
    assert list(sound()) == list(graph().nodes)
    assert_body(sound())


def test_a_removed_relu() -> None:
    found = nodes(("self.relu(self.bn1(self.conv1(x)))", "self.bn1(self.conv1(x))"))
    assert set(sound()) - set(found) == {f"units.{unit}.relu" for unit in UNITS}
    assert_body(found)
    assert not np.array_equal(found["fc"], sound()["fc"])


def test_a_removed_last_relu() -> None:
    found = nodes(("return self.relu(residual + x)", "return residual + x"))
    assert set(sound()) - set(found) == {f"units.{unit}.relu_2" for unit in UNITS}
    for unit in UNITS:
        assert np.array_equal(found[f"units.{unit}.relu"], relu(found[f"units.{unit}.bn1"]))
    assert np.array_equal(found["units.0.add"], found["units.0.bn2"] + found["stem"])
    assert np.array_equal(found["units.1.add"], found["units.1.bn2"] + found["units.0.add"])


def test_a_relu_applied_twice() -> None:
    found = nodes(("self.relu(self.bn1(self.conv1(x)))", "self.relu(self.relu(self.bn1(self.conv1(x))))"))
    assert_same(found, **sound())
    assert found.keys() == sound().keys()


def test_a_relu_in_another_place() -> None:
    """It is not in its place, and no other one's tensor is taken for it."""
    found = nodes(
        ("self.relu(self.bn1(self.conv1(x)))", "self.bn1(self.conv1(x))"),
        ("self.bn2(self.conv2(residual))", "self.relu(self.bn2(self.conv2(residual)))"),
    )
    assert set(sound()) - set(found) == {f"units.{unit}.relu" for unit in UNITS}
    assert_body(found)
    assert np.array_equal(found["units.0.add"], relu(found["units.0.bn2"]) + found["stem"])


@pytest.mark.parametrize(
    "twice",
    ["self.max_pool(self.max_pool(x))", "self.max_pool(torch.sigmoid(self.max_pool(x)))"],
)
def test_a_module_of_one_layer_called_twice(twice: str) -> None:
    """The layer gives what the last call gave, and what is behind it agrees with that."""
    found = nodes(("self.max_pool(x)", twice))
    assert found.keys() == sound().keys()
    assert_same(found, concat=sound()["concat"], scale=found["max_pool"] * 0.5 + 1)
    assert found["max_pool"].shape == (2, 8, 2, 2)


def test_a_module_called_for_nothing() -> None:
    """A second call on the same input is not what the layer gives."""
    found = nodes(("x = self.stem(x)", "y = self.stem(x)\n        self.stem(x)\n        x = y"))
    assert_same(found, **sound())


def test_swapped_operands() -> None:
    found = nodes(("torch.cat((self.side(left), left), dim=1)", "torch.cat((left, self.side(left)), dim=1)"))
    assert found.keys() == sound().keys()
    left = sound()["units.2.relu_2"]
    assert_same(found, side=sound()["side"], concat=np.concatenate([left, sound()["side"]], axis=1))
    assert np.array_equal(found["scale"], found["max_pool"] * 0.5 + 1)


def test_an_addition_of_something_else() -> None:
    found = nodes(("self.relu(residual + x)", "self.relu(residual + residual)"))
    assert found.keys() == sound().keys()
    assert_body(found)
    assert np.array_equal(found["units.0.add"], 2 * found["units.0.bn2"])


def test_a_tap_taken_elsewhere() -> None:
    found = nodes(("torch.cat((self.side(left), left), dim=1)", "torch.cat((self.side(left), self.side(left)), dim=1)"))
    assert found.keys() == sound().keys()
    assert np.array_equal(found["concat"], np.concatenate([sound()["side"]] * 2, axis=1))


def test_another_number() -> None:
    found = nodes(("* 0.5 + 1", "* 0.5 - 1"))
    assert found.keys() == sound().keys()
    assert_same(found, max_pool=sound()["max_pool"], scale=sound()["max_pool"] * 0.5 - 1)


def test_an_addition_that_became_a_product() -> None:
    found = nodes(("self.relu(residual + x)", "self.relu(residual * x)"))
    assert found.keys() == sound().keys()
    assert np.array_equal(found["units.0.add"], found["units.0.bn2"] * found["stem"])
    assert_body(found)


def test_another_module_in_place_of_one() -> None:
    found = nodes(("self.bn1 = nn.BatchNorm2d(in_channels)", "self.bn1 = nn.BatchNorm2d(in_channels, eps=0.1)"))
    assert found.keys() == sound().keys()
    assert_same(found, **{"units.0.conv1": sound()["units.0.conv1"]})
    assert not np.allclose(found["units.0.bn1"], sound()["units.0.bn1"])


def test_a_function_in_place_of_a_module() -> None:
    found = nodes(
        ("return self.relu(residual + x)", "return torch.relu(residual + x)"),
        ("self.max_pool(x)", "F.max_pool2d(x, 2)"),
        IMPORT,
    )
    assert found.keys() == sound().keys()
    assert_same(found, **sound())


def test_a_forward_in_methods_of_its_own() -> None:
    found = nodes(
        (
            "return self.relu(residual + x)",
            "return self.rest(x, residual)\n\n    def rest(self, x, residual):\n        return self.relu(residual + x)",
        )
    )
    assert found.keys() == sound().keys()
    assert_same(found, **sound())


def test_a_forward_that_is_inherited() -> None:
    found = nodes(
        ("class Edited(nn.Module):", "class Base(nn.Module):"),
        ("return self.fc(x)\n", "return self.fc(x)\n\n\nclass Edited(Base):\n    pass\n"),
    )
    assert found.keys() == sound().keys()
    assert_same(found, **sound())


def test_several_calls_in_place_of_one() -> None:
    """The last of them gives the tensor."""
    found = nodes(("return self.relu(residual + x)", "return self.relu(torch.neg(torch.neg(residual) - x))"))
    assert found.keys() == sound().keys()
    assert_same(found, **sound())


IMPORT = ("import torch\n", "import torch\nimport torch.nn.functional as F\n")


@pytest.mark.parametrize("relu", ["nn.ReLU(inplace=True)", "nn.Hardtanh(0, torch.inf, inplace=True)"])
def test_changes_in_place(relu: str) -> None:
    """The tensor before is as it was when it was made."""
    found = nodes(("self.relu = nn.ReLU()", f"self.relu = {relu}"))
    assert found.keys() == sound().keys()
    assert_same(found, **sound())


def test_an_addition_in_place() -> None:
    found = nodes(
        ("        return self.relu(residual + x)", "        residual += x\n        return self.relu(residual)")
    )
    assert found.keys() == sound().keys()
    assert_same(found, **sound())


def test_everything_that_has_no_weights_taken_away() -> None:
    found = nodes(
        ("self.relu(self.bn1(self.conv1(x)))", "self.bn1(self.conv1(x))"),
        ("return self.relu(residual + x)", "return residual"),
    )
    gone = {f"units.{unit}.{name}" for unit in UNITS for name in ("relu", "add", "relu_2")}
    assert set(sound()) - set(found) == gone
    assert np.array_equal(found["concat"], np.concatenate([found["side"], found["units.2.bn2"]], axis=1))
    assert set(HEAD) <= found.keys()
