"""One network in both frameworks, in float64, on the same random weights and images."""

from __future__ import annotations

import pytest

import archspec
from archspec.codegen.backend import Outcome, RunsModels
from archspec.codegen.registry import backend
from archspec.ir.graph import LayerGraph
from archspec.parity import random_inputs, random_weights
from archspec.parity.measure import difference


def outcome(graph: LayerGraph, framework: str, *, training: bool = False) -> Outcome:
    """What the generated model gives for two images, and its running statistics afterwards."""
    pytest.importorskip(framework)
    target = backend(framework, RunsModels)
    source = archspec.generate(graph, framework)
    model = target.build(source, graph, weights=random_weights(graph), dtype="float64")
    return target.run(model, graph, random_inputs(graph, batch=2), training=training)


def differ(graph: LayerGraph) -> float:
    """The largest difference of PyTorch and Keras in both modes, as a share of the largest number of its tensor."""
    found: list[float] = []
    targets = [backend(framework, RunsModels) for framework in ("torch", "keras") if pytest.importorskip(framework)]
    weights, inputs = random_weights(graph), random_inputs(graph, batch=2)
    models = [
        target.build(archspec.generate(graph, target.name), graph, weights=weights, dtype="float64")
        for target in targets
    ]
    for training in (False, True):  # in this order: training changes running statistics
        first, second = (
            target.run(model, graph, inputs, training=training) for target, model in zip(targets, models, strict=True)
        )
        assert first.outputs.keys() == second.outputs.keys() == graph.outputs.keys()
        assert first.statistics.keys() == second.statistics.keys()
        found += [difference(first.outputs[name], second.outputs[name]) for name in first.outputs]
        found += [difference(first.statistics[name], second.statistics[name]) for name in first.statistics]
    return max(found)
