"""One network in both frameworks, in float64, on the same random weights and images."""

from __future__ import annotations

import pytest

import archspec
from archspec.codegen.backend import Outcome, backend
from archspec.ir.graph import LayerGraph
from archspec.parity import random_inputs, random_weights
from archspec.parity.measure import difference


def outcome(graph: LayerGraph, framework: str, *, training: bool = False) -> Outcome:
    """What the generated model gives for two images, and its running statistics afterwards."""
    pytest.importorskip(framework)
    target = backend(framework)
    source = archspec.generate(graph, framework)
    model = target.build(source, graph, weights=random_weights(graph), dtype="float64")
    return target.run(model, graph, random_inputs(graph, batch=2), training=training)


def differ(graph: LayerGraph, *, training: bool = False) -> float:
    """The largest difference between PyTorch and Keras, as a share of the largest number of its tensor."""
    first, second = (outcome(graph, framework, training=training) for framework in ("torch", "keras"))
    assert first.outputs.keys() == second.outputs.keys() == graph.outputs.keys()
    assert first.statistics.keys() == second.statistics.keys()
    return max(
        [difference(first.outputs[name], second.outputs[name]) for name in first.outputs]
        + [difference(first.statistics[name], second.statistics[name]) for name in first.statistics]
    )
