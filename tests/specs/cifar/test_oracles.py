"""The Keras example's networks give what its own code computed, on both frameworks."""

from __future__ import annotations

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import RunsModels
from archspec.codegen.registry import backend
from archspec.ir.graph import LayerGraph
from tests.oracles.drawing import Array, Oracle, canonical, read

NETWORKS = {"cifar_v1_20": "cifar_resnet_keras", "cifar_v2_29": "cifar_resnet_v2_keras"}
# Keras counts the layers of a kind as they are made: a unit's convolutions, then its projection.
OURS = {"conv": "conv2d", "batch_norm": "batch_normalization", "dense": "dense"}


def theirs(graph: LayerGraph) -> dict[str, str]:
    """What the Keras example calls each layer that has weights, by its path."""
    names: dict[str, str] = {}
    made = dict.fromkeys(OURS, 0)
    for path, node in graph.nodes.items():
        if (kind := node.op.name) in OURS:
            names[path] = OURS[kind] + (f"_{made[kind]}" if made[kind] else "")
            made[kind] += 1
    return names


def drawn(graph: LayerGraph, oracle: Oracle) -> dict[str, Array]:
    """The oracle's variables under their canonical names."""
    paths = {name: path for path, name in theirs(graph).items()}
    weights: dict[str, Array] = {}
    for name, shape in oracle.variables.items():
        attribute, values = canonical(name, shape)
        weights[f"{paths[name.rpartition('/')[0]]}.{attribute}"] = values
    return weights


def test_the_layers_names() -> None:
    v1, v2 = (theirs(archspec.compile(name)) for name in NETWORKS.values())
    assert v1["layer2.0.conv2"] == "conv2d_8"
    assert v1["layer2.0.projection"] == "conv2d_9"  # 1x1, 16 to 32
    assert v1["layer3.2.bn2"] == "batch_normalization_18"
    assert v2["layer1.0.conv3"] == "conv2d_3"
    assert v2["layer1.0.projection"] == "conv2d_4"  # as large as conv3, and made after it
    assert v2["layer1.1.preactivation.0"] == "batch_normalization_3"
    assert v2["bn_last"] == "batch_normalization_27"


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_the_oracles_logits(name: str, framework: str) -> None:
    pytest.importorskip(framework)
    oracle = read(name)
    graph = archspec.compile(NETWORKS[name], taps=["logits"])
    weights = drawn(graph, oracle)
    assert {key: array.shape for key, array in weights.items()} == {
        key: weight.shape for key, weight in graph.all_weights.items()
    }
    target = backend(framework, RunsModels)
    model = target.build(archspec.generate(graph, framework), graph, weights=weights)
    found = target.run(model, graph, {"input": oracle.images}, training=False).outputs["logits"]
    wanted = oracle.arrays["logits"].astype(np.float64)
    assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()
