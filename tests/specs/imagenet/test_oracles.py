"""The specs reproduce what TF-slim's ResNet v2 and the TensorFlow 2 ResNet-34 computed, variable by variable."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import RunsModels
from archspec.codegen.registry import backend
from archspec.ir.graph import LayerGraph
from tests.oracles.drawing import Oracle, canonical, read

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Arrays: TypeAlias = Mapping[str, Array]

FRAMEWORKS = ("torch", "keras")
MINI = Path(__file__).with_name("slim_v2_mini.yaml")
SLIM_END_POINTS = {
    "conv1": "E:resnet_v2|conv1",
    "block1": "E:resnet_v2|block1",
    "block2": "E:resnet_v2|block2",
    "block3": "E:resnet_v2|block3",
    "logits": "E:resnet_v2|logits",
    "predictions": "E:predictions",
}


def slim_path(name: str) -> str:
    """The graph path of a layer of slim's: `resnet_v2/block1/unit_1/bottleneck_v2/conv1/BatchNorm`."""
    path = name.removeprefix("resnet_v2/").replace("bottleneck_v2/", "")
    return re.sub(r"conv(\d)/BatchNorm$", r"bn\1", path).replace("/", ".")


def tf2_path(name: str, width: int) -> str:
    """The graph path of a layer of the TensorFlow 2 ResNet-34, such as `unit_1/conv2d_6`.

    Keras counts the layers of the main path through all blocks, two to a unit. Those of the shortcuts are called
    `conv1` and `BatchNorm` in every block, so the channels that they give must identify the block.
    """
    if (width == 64 and name.startswith("conv1")) or name == "logits":
        return {"conv1/BatchNorm": "bn1"}.get(name, name)
    block = f"block{(64, 128, 256, 512).index(width) + 1}"
    unit, _, layer = name.rpartition("/")
    if unit:
        kind = "conv" if layer.startswith("conv2d") else "bn"
        number = re.search(r"_(\d+)$", layer)
        return f"{block}.{unit}.{kind}{int(number[1]) % 2 + 1 if number else 1}"
    return f"{block}.unit_1.shortcut.{0 if layer == 'conv1' else 1}"


def variables(oracle: Oracle) -> list[tuple[str, tuple[int, ...]]]:
    """All variables in order, those of one name too, which `Oracle.variables` cannot hold."""
    shapes = [tuple(int(size) for size in re.findall(r"\d+", str(shape))) for shape in oracle.arrays["shapes"]]
    return list(zip((str(name) for name in oracle.arrays["names"]), shapes, strict=True))


@cache
def slim_weights() -> dict[str, Array]:
    """slim's variables under archspec's names."""
    found = {}
    for name, shape in variables(read("slim_v2_mini")):
        attribute, values = canonical(name, shape)
        found[f"{slim_path(name.rpartition('/')[0])}.{attribute}"] = values
    return found


@cache
def tf2_weights() -> dict[str, Array]:
    """The TensorFlow 2 network's variables under archspec's names."""
    found = {}
    for name, shape in variables(read("tf2_resnet34")):
        attribute, values = canonical(name, shape)
        found[f"{tf2_path(name.rpartition('/')[0], shape[-1])}.{attribute}"] = values
    return found


def outputs(graph: LayerGraph, framework: str, weights: Arrays, images: Array) -> Arrays:
    """What the generated model gives, with no weight missing and none to spare."""
    target = backend(framework, RunsModels)
    source = archspec.generate(graph, framework)
    model = target.build(source, graph, weights={key: weights[key] for key in graph.all_weights}, dtype="float64")
    return target.run(model, graph, {"input": images.astype(np.float64)}, training=False).outputs


def assert_reproduces(found: Array, wanted: Array) -> None:
    assert np.abs(found - wanted).max() <= 2e-6 * np.abs(wanted).max()


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_slims_resnet_v2(framework: str) -> None:
    pytest.importorskip(framework)
    oracle, weights = read("slim_v2_mini"), slim_weights()
    assert weights.keys() == archspec.compile(MINI).all_weights.keys()
    graph = archspec.compile(MINI, taps=list(SLIM_END_POINTS))
    found = outputs(graph, framework, weights, oracle.images)
    assert_reproduces(found["logits"].transpose(0, 2, 3, 1), oracle.arrays["logits"])
    for tap, key in SLIM_END_POINTS.items():
        wanted = oracle.arrays[key]
        mine = np.transpose(found[tap], (0, 2, 3, 1))
        assert_reproduces(mine.ravel()[: wanted.size] if wanted.ndim == 1 else mine, wanted)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_tensorflow_2_form(framework: str) -> None:
    pytest.importorskip(framework)
    oracle, weights = read("tf2_resnet34"), tf2_weights()
    assert weights.keys() == archspec.compile("tf2_resnet34").all_weights.keys()
    graph = archspec.compile("tf2_resnet34", size=64, taps=["logits"])
    found = outputs(graph, framework, weights, oracle.images)["logits"]
    assert_reproduces(found, oracle.arrays["logits"])


def test_symmetric_padding_gives_other_numbers() -> None:
    """torchvision's ResNet-34 with the same weights: the padding alone makes it another network."""
    pytest.importorskip("torch")
    oracle, theirs = read("tf2_resnet34"), tf2_weights()
    graph = archspec.compile("resnet34", size=64)
    ours = archspec.compile("tf2_resnet34").all_weights
    weights = {key: theirs[other] for key, other in zip(graph.all_weights, ours, strict=True)}
    found = outputs(graph, "torch", weights, oracle.images)["output"]
    wanted = oracle.arrays["logits"]
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() > 0.1 * np.abs(wanted).max()
