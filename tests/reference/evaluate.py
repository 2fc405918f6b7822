"""Evaluates a layer graph with ONNX's own reference evaluator, in float64: the judge of what is generated.

The model comes from the ONNX backend, whose rows say what each op means; flat, so that it knows nothing of scopes,
blocks or code generation. ONNX's reference evaluator is NumPy throughout: it shares no code with any framework.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import pytest

from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec_onnx import backend as TARGET
from archspec_onnx.engines import ENGINE

Array: TypeAlias = "np.ndarray[Any, Any]"


@dataclass
class Evaluation:
    """Every tensor by its name, and the running statistics afterwards by canonical name."""

    values: dict[str, Array] = field(default_factory=dict)
    statistics: dict[str, Array] = field(default_factory=dict)


def evaluate(
    graph: LayerGraph, weights: Mapping[str, Array], inputs: Mapping[str, Array], *, training: bool
) -> Evaluation:
    """The output of every node that is computed in this mode for a batch (N, C, H, W), in float64."""
    graph = computed(graph, training=training)
    model = TARGET.build(TARGET.render(graph, dtype="float64"), graph, weights=weights)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ENGINE, "reference")
        outcome = TARGET.run(model, graph, inputs, training=training, nodes=True)
    assert outcome.nodes.keys() == graph.types.keys()
    return Evaluation({**outcome.nodes}, {**outcome.statistics})


def computed(graph: LayerGraph, *, training: bool) -> LayerGraph:
    """What a network computes in a mode, all that it gives then among its outputs."""
    return replace(graph, training_outputs=()) if training else evaluated(graph)


def evaluations(graph: LayerGraph, weights: Mapping[str, Array], inputs: Mapping[str, Array]) -> dict[bool, Evaluation]:
    """What is computed in each of its `modes`."""
    return {training: evaluate(graph, weights, inputs, training=training) for training in modes(graph)}


def modes(graph: LayerGraph) -> tuple[bool, ...]:
    """In training or not, in the order in which a model may be run; in inference alone where training is random."""
    random = any(node.op.random for node in graph.nodes.values())
    return (False,) if random else (False, True)
