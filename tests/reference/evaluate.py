"""Evaluates a layer graph node by node with ONNX's own reference evaluator: the judge of what is generated.

It knows the ops, each by its row in `onnx_rows`, and nothing of scopes, blocks or code generation. ONNX's reference
evaluator is NumPy throughout: it shares no code with any framework.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from onnx.reference import ReferenceEvaluator

from archspec.ir.graph import LayerGraph
from tests.reference.onnx_rows import ROWS, Fragment

Array: TypeAlias = "np.ndarray[Any, Any]"
RANDOM = ("dropout", "drop_path")
"""Ops that have no one result in training, unless their rate is 0."""


@dataclass
class Evaluation:
    """The output of every node by path, and the running statistics afterwards by canonical name."""

    values: dict[str, Array] = field(default_factory=dict)
    statistics: dict[str, Array] = field(default_factory=dict)


def evaluate(
    graph: LayerGraph, weights: Mapping[str, Array], inputs: Mapping[str, Array], *, training: bool
) -> Evaluation:
    """Every node's output for a batch (N, C, H, W), in float64."""
    found = Evaluation()
    for path, node in graph.nodes.items():
        if node.op.name == "input":
            found.values[path] = np.asarray(inputs[path], np.float64)
            continue
        own = {weight.name: np.asarray(weights[f"{path}.{weight.name}"], np.float64) for weight in graph.weights(node)}
        operands = [found.values[source] for source in node.inputs]
        if training and node.op.name in RANDOM and getattr(node.op, "rate", 0) > 0:
            raise ValueError(f"{node.op.name} is random in training; compare in evaluation")
        layer = Fragment(node.op, graph.input_shapes(node), list(own), training=training)
        result = ROWS[node.op.name](layer)
        evaluator = ReferenceEvaluator(layer.model([result, *layer.outputs]))
        results = evaluator.run(None, {**dict(zip(layer.operands, operands, strict=True)), **own})
        assert isinstance(results, list)
        found.values[path] = results[0]
        buffers = [weight.name for weight in graph.weights(node) if not weight.trainable]
        for name, array in zip(buffers, results[1:], strict=True):
            found.statistics[f"{path}.{name}"] = array
    return found
