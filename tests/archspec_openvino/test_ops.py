"""Every op on OpenVINO, node by node, in float32 against ONNX's definition of it in float64."""

from __future__ import annotations

import pytest

from archspec.codegen.backend import RunsModels
from archspec.codegen.registry import backend
from archspec.parity import random_inputs, random_weights
from tests.archspec_onnx.engines import close
from tests.conformance.cases import CASES
from tests.conformance.graphs import graph_of
from tests.needed import needs
from tests.reference.evaluate import evaluate

pytestmark = [needs("onnx", "openvino"), pytest.mark.slow]


@pytest.mark.parametrize(("op", "case"), [(op, case) for op, cases in CASES.items() for case in cases])
def test_a_case(op: str, case: str) -> None:
    graph = graph_of(case, (9, 12))
    target = backend("openvino", RunsModels)
    weights, inputs = random_weights(graph), random_inputs(graph, batch=3)
    model = target.build(target.render(graph), graph, weights=weights)
    found = target.run(model, graph, inputs, training=False, nodes=True)
    wanted = evaluate(graph, weights, inputs, training=False).values
    close(found.outputs, {name: wanted[path] for name, path in graph.outputs.items()})
    close(found.nodes, {path: wanted[path] for path in found.nodes})
    assert found.nodes.keys() >= {path for path in graph.types if path in graph.inputs}
