"""One network on ONNX's engines, held against float64."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pytest

from archspec.codegen.backend import Outcome
from archspec.ir.graph import LayerGraph
from archspec.parity import random_inputs, random_weights
from archspec_onnx import backend as TARGET
from archspec_onnx.engines import ENGINE
from tests.reference.evaluate import Evaluation, computed

BOUND: Final = 1e-5
"""The largest difference in float32, as a share of the largest number."""


def outcome(
    graph: LayerGraph,
    engine: str,
    *,
    training: bool = False,
    functions: bool = False,
    sized: LayerGraph | None = None,
    nodes: bool = False,
) -> Outcome:
    """What the float32 model of a graph gives; with `sized`, for inputs of the sizes of another graph."""
    weights = random_weights(graph)
    model = TARGET.build(TARGET.render(graph, functions=functions), graph, weights=weights)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ENGINE, engine)
        return TARGET.run(model, graph, random_inputs(sized or graph, batch=3), training=training, nodes=nodes)


def close(found: Mapping[str, Any], wanted: Mapping[str, Any], bound: float = BOUND) -> None:
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        assert found[name].shape == array.shape, name
        scale = max(float(np.abs(array).max()), 1e-300)
        assert float(np.abs(found[name] - array).max()) / scale < bound, name


def agree(graph: LayerGraph, wanted: Evaluation, *, training: bool) -> None:
    """Both engines give in float32 what the reference evaluator gave in float64."""
    form = computed(graph, training=training)
    graph = form if training else graph  # a model gives no outputs of training alone
    outputs = {name: wanted.values[path] for name, path in form.outputs.items()}
    for engine in ("onnxruntime", "reference"):
        found = outcome(graph, engine, training=training, nodes=not training)
        close(found.outputs, outputs)
        close(found.statistics, wanted.statistics)
        if not training:
            close(found.nodes, wanted.values)
