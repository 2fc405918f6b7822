"""Every op in the oldest and in the newest opset that models are written for, held on ONNX Runtime against float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.errors import BackendError
from archspec.ir import OPS
from archspec.parity import random_inputs, random_weights
from archspec.spec import load_text
from archspec_onnx import backend as TARGET
from archspec_onnx.opsets import NEWEST, OLDEST, OPSET
from tests.archspec_onnx.engines import close
from tests.conformance.cases import CASES
from tests.conformance.graphs import example_of, graph_of
from tests.needed import needs
from tests.reference.evaluate import evaluations
from tests.zoo import NETWORKS

pytestmark = needs("onnxruntime")

ENDS = (OLDEST, NEWEST)


def agrees(graph: archspec.LayerGraph, opset: int, *, functions: bool = False) -> Any:
    """See that the float32 model of an opset is valid, of that opset, and right in both modes; it is given back."""
    source = TARGET.render(graph, functions=functions, opset=opset)
    TARGET.verify(source, graph)
    weights, inputs = random_weights(graph), random_inputs(graph, batch=3)
    model: Any = TARGET.build(source, graph, weights=weights)
    assert {entry.version for entry in model.opset_import if not entry.domain} == {opset}
    for training, wanted in evaluations(graph, weights, inputs).items():  # inference first: training changes statistics
        found = TARGET.run(model, graph, inputs, training=training)
        close(found.outputs, {name: wanted.values[path] for name, path in graph.outputs.items()})
        close(found.statistics, wanted.statistics)
    return model


@pytest.mark.parametrize("opset", ENDS)
@pytest.mark.parametrize("op", OPS)
def test_an_example_of_every_op(op: str, opset: int) -> None:
    graph = graph_of(CASES[op][0], (8, 7)) if op == "input" else example_of(op)
    agrees(graph, opset)


@pytest.mark.slow
@pytest.mark.parametrize("opset", ENDS)
@pytest.mark.parametrize(("op", "case"), [(op, case) for op, cases in CASES.items() for case in cases])
def test_every_case_of_every_op(op: str, case: str, opset: int) -> None:
    agrees(graph_of(case, (9, 12)), opset)


@pytest.mark.parametrize("opset", range(OLDEST, NEWEST + 1))
def test_every_opset_between(opset: int) -> None:
    """What is written in another way from some opset on: reductions, splits, pads, GELU, group norm."""
    items = "conv: {filters: 8, kernel: 3, stride: 2, padding: same}\n  - group_norm: {groups: 2}\n  - gelu\n"
    items += "  - layer_norm\n  - pad: {padding: 1, mode: edge}\n  - batch_norm\n  - mish\n  - channel_avg_pool\n"
    items += "  - to_tokens\n  - dense: {units: 8}\n  - attention: {heads: 2}\n  - split: {parts: 2, outputs: [a, b]}\n"
    agrees(
        graph_of(f"{items}  - concat: [{{from: b}}, relu]\n  - global_avg_pool: {{keep_axes: false}}", (9, 12)), opset
    )


@pytest.mark.parametrize("opset", ENDS)
@pytest.mark.parametrize("name", ["vit", "squeeze_excitation"])
def test_functions_are_of_the_opset_too(name: str, opset: int) -> None:
    model = agrees(archspec.compile(load_text(NETWORKS[name])), opset, functions=True)
    for function in model.functions:
        assert {entry.version for entry in function.opset_import if not entry.domain} == {opset}


@pytest.mark.parametrize("opset", ENDS)
@pytest.mark.parametrize("name", ["pads_before_pools", "pools_apart", "padding_after_norms", "same_padding"])
def test_what_onnx_runtime_takes_for_something_else(name: str, opset: int) -> None:
    agrees(archspec.compile(load_text(NETWORKS[name])), opset)


def test_gelu_is_written_out_by_erf() -> None:
    graph = graph_of("input: {shape: [4, 8]}\nlayers:\n  - gelu", (1, 1))
    kinds = {opset: {node.op_type for node in agrees(graph, opset).graph.node} for opset in (19, 20)}
    assert "Erf" in kinds[19] - kinds[20]
    assert "Gelu" in kinds[20] - kinds[19]
    model = archspec.build(graph, "onnx", opset=17)
    x = np.linspace(-3, 3, 32, dtype=np.float32).reshape(1, 4, 8)
    found = TARGET.run(model, graph, {"input": x}, training=False).outputs["output"]
    wanted = [value / 2 * (1 + math.erf(value / math.sqrt(2))) for value in x.ravel().tolist()]
    assert np.allclose(found.ravel(), wanted, rtol=0, atol=1e-6)


def test_the_file_format_is_the_one_of_the_opset() -> None:
    graph = graph_of("relu", (8, 7))
    found = {opset: archspec.build(graph, "onnx", opset=opset).ir_version for opset in (17, 19, 21, 23)}
    assert found == {17: 8, 19: 9, 21: 10, 23: 11}
    assert archspec.build(graph, "onnx") == archspec.build(graph, "onnx", opset=OPSET)


@pytest.mark.parametrize(
    ("opset", "help"), [(16, "write 17"), (13, "write 17"), (NEWEST + 1, f"write {NEWEST}"), (-1, "17")]
)
def test_an_opset_that_is_not_written(opset: int, help: str) -> None:
    with pytest.raises(BackendError, match=f"opset 17 to {NEWEST}, not for {opset}") as caught:
        archspec.build("resnet18", "onnx", opset=opset)
    (found,) = caught.value.diagnostics
    assert found.code == "E0411"
    assert help in found.help


def test_an_opset_that_the_installed_onnx_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onnx.defs.onnx_opset_version", lambda: 23)
    with pytest.raises(BackendError, match="knows opsets up to 23, not 24") as caught:
        archspec.generate(graph_of("relu", (8, 7)), "onnx", opset=24)
    assert "write 23" in caught.value.diagnostics[0].help


def test_source_has_no_opset() -> None:
    with pytest.raises(TypeError, match="opset is for ONNX models"):
        archspec.generate(graph_of("relu", (8, 7)), "torch", opset=17)
