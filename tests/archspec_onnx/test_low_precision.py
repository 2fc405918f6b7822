"""Models of float16 and bfloat16: typed throughout, float32 where it is meant and nowhere else, near float32."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto

import archspec
from archspec.codegen.backend import Outcome
from archspec.errors import BackendError
from archspec.ir.graph import LayerGraph
from archspec.parity import random_inputs, random_weights
from archspec_onnx import backend as TARGET
from archspec_onnx.engines import ENGINE
from tests.conformance.cases import CASES
from tests.conformance.graphs import graph_of
from tests.needed import needs
from tests.zoo import NETWORKS

KINDS: Final = {"float16": TensorProto.FLOAT16, "bfloat16": TensorProto.BFLOAT16}
ERRORS: Final = {"float16": 6e-3, "bfloat16": 3e-2}
"""Of the largest number: a few units in the last place, 2^-11 and 2^-8."""
IN_FLOAT32: Final = {
    *("batch_norm", "layer_norm", "instance_norm", "group_norm", "global_response_norm", "local_response_norm"),
    *("softmax", "softplus", "mish", "elu", "selu"),
    *("global_avg_pool", "avg_pool", "adaptive_avg_pool", "channel_avg_pool"),
}
"""Sums over many elements, statistics, exponentials: the layer as a whole, with its weights."""
PARTLY: Final[Mapping[str, set[str]]] = {
    "attention": {"Softmax"},
    "upsample": set(),
    "window_attention": {  # scores, their biases, and cosines
        *("Transpose", "Gather", "MatMul", "Mul", "Div", "Add", "Where", "Softmax", "ReduceL2", "Max", "Min", "Exp"),
        *("Relu", "Sigmoid", "Constant"),
    },
}
"""Attention's softmax; where upsampling looks in places that it works out, the shares of the elements."""


def outcome(graph: LayerGraph, dtype: str, engine: str, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    weights = random_weights(graph)
    model = TARGET.build(TARGET.render(graph, dtype=dtype), graph, weights=weights)
    monkeypatch.setenv(ENGINE, engine)
    return TARGET.run(model, graph, random_inputs(graph, batch=2), training=False)


def error(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> float:
    return max(
        float(np.abs(found[name] - wanted[name]).max() / max(np.abs(wanted[name]).max(), 1e-3)) for name in wanted
    )


def types_of(model: ModelProto) -> dict[str, int]:
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True).graph
    values = [*inferred.input, *inferred.value_info, *inferred.output]
    found = {value.name: value.type.tensor_type.elem_type for value in values}
    assert {name for node in inferred.node for name in node.output} <= {*found}
    return found


def check_types(graph: LayerGraph, dtype: str) -> None:
    """No number is float32 but an input, an output, and what is meant to be; all are float32 or of the type."""
    source = TARGET.render(graph, dtype=dtype)
    TARGET.verify(source, graph)
    model = ModelProto.FromString(source)
    types = types_of(model)
    kind, floats = KINDS[dtype], {TensorProto.FLOAT, *KINDS.values()}
    assert {found for found in types.values() if found in floats} <= {kind, TensorProto.FLOAT}
    for path, node in graph.nodes.items():
        for name in graph.parameters_of(node):
            assert types[name] == (TensorProto.FLOAT if node.op.name in IN_FLOAT32 else kind), path
    layers = {"/" + path.replace(".", "/"): node.op.name for path, node in graph.nodes.items()}
    ends = {value.name for value in (*model.graph.input, *model.graph.output)}
    for made in model.graph.node:
        layer = next(
            (op for place, op in layers.items() if made.name == place or made.name.startswith(f"{place}/")), ""
        )
        wide = [name for name in made.output if types[name] == TensorProto.FLOAT]
        if layer in IN_FLOAT32 and made.op_type != "Cast":
            assert kind not in {types[name] for name in made.output}, made.name
        if not wide or layer in IN_FLOAT32 or {*wide} <= ends:
            continue
        if made.op_type == "Cast" or (made.op_type == "Constant" and made.attribute[0].name == "value_floats"):
            continue  # scales of `Resize` are float32 in any model
        assert layer in PARTLY, made.name
        assert not PARTLY[layer] or made.op_type in PARTLY[layer], made.name


@pytest.mark.parametrize("dtype", [*KINDS])
@pytest.mark.parametrize("op", [*CASES])
def test_every_op_is_typed_and_near_float32(op: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for case in CASES[op]:
        graph = graph_of(case, (9, 12))
        check_types(graph, dtype)
        found = outcome(graph, dtype, "reference", monkeypatch).outputs
        wanted = outcome(graph, "float32", "reference", monkeypatch).outputs
        assert {array.dtype for array in found.values()} <= {np.dtype(np.float32)}
        assert error(found, wanted) < ERRORS[dtype], case


@pytest.mark.parametrize(
    "name", ["squeeze_excitation", "vit", "unet", "input_as_a_tap", "ends_in_softmax", "no_weights"]
)
@pytest.mark.parametrize("functions", [False, True])
def test_networks(name: str, functions: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from archspec.spec import load_text

    graph = archspec.compile(load_text(NETWORKS[name]))
    dtype = "float16" if functions else "bfloat16"
    if not functions:
        check_types(graph, dtype)
    # In opset 19 GELU is written out: the reference evaluator does not find ONNX's own within functions.
    source = TARGET.render(graph, dtype=dtype, functions=functions, opset=19 if functions else None)
    TARGET.verify(source, graph)
    model = TARGET.build(source, graph, weights=random_weights(graph))
    monkeypatch.setenv(ENGINE, "reference")
    found = TARGET.run(model, graph, random_inputs(graph, batch=2), training=False).outputs
    assert error(found, outcome(graph, "float32", "reference", monkeypatch).outputs) < 0.1


def test_a_softmax_at_the_end_is_given_as_it_is_computed() -> None:
    graph = graph_of("flatten\n  - dense: {units: 4}\n  - softmax", (4, 4))
    model = ModelProto.FromString(TARGET.render(graph, dtype="float16"))
    assert [node.op_type for node in model.graph.node][-2:] == ["Softmax", "Identity"]


@pytest.mark.parametrize(
    ("engine", "dtype"),
    [
        pytest.param("onnxruntime", "float16", marks=needs("onnxruntime")),
        pytest.param("openvino", "float16", marks=needs("openvino")),
        pytest.param("openvino", "bfloat16", marks=needs("openvino")),
    ],
)
def test_engines_run_them(engine: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = archspec.compile("cifar_resnet", form="inference")
    found = outcome(graph, dtype, engine, monkeypatch).outputs
    assert TARGET.lacks("inference", dtype) == ""
    assert 0 < error(found, outcome(graph, "float32", engine, monkeypatch).outputs) < ERRORS[dtype]


@pytest.mark.parametrize("row", ["softmax", "batch_norm", "global_avg_pool"])
def test_a_layer_that_is_not_kept_in_float32_is_found(row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from archspec_onnx.ops import ROWS

    monkeypatch.setitem(ROWS, row, ROWS[row].__wrapped__)  # type: ignore[attr-defined]
    with pytest.raises(AssertionError):
        check_types(graph_of(f"{row}\n  - relu", (4, 4)), "float16")


def test_bfloat16_is_refused_where_onnx_has_none() -> None:
    with pytest.raises(BackendError, match="from opset 22 on, not in 21"):
        TARGET.render(graph_of("relu", (4, 4)), dtype="bfloat16", opset=21)
    TARGET.render(graph_of("relu", (4, 4)), dtype="float16", opset=17)


def test_large_scores_do_not_overflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products of queries and keys beyond 65,504, the largest float16, that are within it once divided."""
    graph = graph_of("to_tokens\n  - dense: {units: 256}\n  - attention: {heads: 1}", (4, 4))
    weights = {name: array * (12.0 if "dense" in name else 1.0) for name, array in random_weights(graph).items()}
    model = TARGET.build(TARGET.render(graph, dtype="float16"), graph, weights=weights)
    monkeypatch.setenv(ENGINE, "reference")
    found = TARGET.run(model, graph, random_inputs(graph, batch=2), training=False).outputs["output"]
    assert np.isfinite(found).all()
