"""`archspec quantize`: models in int8 that runtimes take, and what they lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archspec.errors import BackendError, TrainingDataError
from archspec.quantization.measurement import quantize
from tests.commands.conftest import Run, run
from tests.needed import lazily, needs
from tests.quantization.networks import SPEC, examples, file_of_weights, made, network, pictures, weights_of

__all__ = ["run"]

pytestmark = needs("onnx", "onnxruntime", "PIL")
onnx: Any = lazily("onnx")


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("method", ["minmax", "percentile", "entropy"])
def test_a_model_in_int8_is_near_to_float32(tmp_path: Path, method: Any, symmetric: bool) -> None:
    found = made(network(), tmp_path, method=method, symmetric=symmetric)
    onnx.checker.check_model(found.model, full_check=True)
    assert found.layers == ("stem", "unit.one", "unit.two", "fc")
    assert found.agreement is not None
    assert found.agreement >= 0.9
    assert 0 < found.difference < 0.05
    assert min(found.ratios.values()) > 25
    kinds = {tensor.name: tensor.data_type for tensor in found.model.graph.initializer}
    assert {kinds[f"{path}.weight"] for path in found.layers} == {onnx.TensorProto.INT8}
    assert {kinds[f"{path}.bias"] for path in found.layers} == {onnx.TensorProto.INT32}
    zeros = [
        onnx.numpy_helper.to_array(node.attribute[0].t)
        for node in found.model.graph.node
        if node.name.endswith("/zero_point")
    ]
    assert {zero.dtype.name for zero in zeros} == {"int8" if symmetric else "uint8"}
    assert not symmetric or not any(zeros)


def test_convolutions_by_standardized_filters_are_quantized_as_they_are_then(tmp_path: Path) -> None:
    """As BiT has them: the filters stay the same after training, and so do their scales."""
    text = SPEC.replace("- conv: {name: stem,", "- standardized_conv: {name: stem,")
    found = made(network(text.replace("- conv: {name: two,", "- standardized_conv: {name: two,")), tmp_path)
    assert found.layers == ("stem", "unit.one", "unit.two", "fc")
    assert min(found.ratios.values()) > 25
    kinds = {tensor.name: tensor.data_type for tensor in found.model.graph.initializer}
    assert {kinds[f"{path}.weight"] for path in found.layers} == {onnx.TensorProto.INT8}


def test_onnx_runtime_makes_int8_kernels_of_it(tmp_path: Path) -> None:
    import onnxruntime

    found = made(network(), tmp_path)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    onnxruntime.InferenceSession(found.model.SerializeToString(), options)
    kinds = [node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node]
    assert kinds.count("QLinearConv") == 3
    assert "Conv" not in kinds


@pytest.mark.parametrize(("keep", "left"), [(["unit"], ("stem", "fc")), (["stem", "fc"], ("unit.one", "unit.two"))])
def test_layers_that_are_kept(tmp_path: Path, keep: list[str], left: tuple[str, ...]) -> None:
    found = made(network(), tmp_path, keep=keep)
    assert found.layers == left
    kinds = {tensor.name: tensor.data_type for tensor in found.model.graph.initializer}
    assert {name.rpartition(".")[0] for name, kind in kinds.items() if kind == onnx.TensorProto.INT8} == {*left}


def test_weights_that_are_used_twice_stay_where_one_use_is_kept(tmp_path: Path) -> None:
    text = """
archspec: 1
name: twice
input: {shape: [6]}
layers:
  - dense: {name: first, units: 6}
  - relu
  - reuse: {item: first, name: again}
  - dense: {name: last, units: 3}
"""
    graph = network(text)
    found = made(graph, tmp_path)
    assert found.layers == ("first", "again", "last")
    assert found.difference < 0.1
    assert made(graph, tmp_path, keep=["again"]).layers == ("last",)


def test_a_passed_on_tensor_keeps_its_scale(tmp_path: Path) -> None:
    graph = network()
    found = made(graph, tmp_path).quantization.tensors
    assert found["max_pool"] == found["relu"]


def test_a_path_that_is_not_there_is_said_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"no layer `unit\.on`[\s\S]*did you mean `unit\.one`"):
        made(network(), tmp_path, keep=["unit.on"])


def test_nothing_to_quantize_is_said(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="no convolution and no dense layer"):
        made(network("archspec: 1\nname: n\ninput: {shape: [3]}\nlayers: [relu]\n"), tmp_path)
    with pytest.raises(BackendError, match=r"leave layers out of --keep"):
        made(network(), tmp_path, keep=["stem", "unit", "fc"])


def test_numbers_that_are_not_finite_are_said(tmp_path: Path) -> None:
    graph = network()
    weights = {**weights_of(graph)}
    weights["unit.one.bias"] = np.full_like(weights["unit.one.bias"], np.inf)
    with pytest.raises(TrainingDataError, match="not finite"):
        quantize(graph, examples(graph, tmp_path), weights=weights)


def test_the_command_writes_a_model_and_says_what_it_lost(run: Run, tmp_path: Path) -> None:
    spec, weights = file_of_weights(tmp_path)
    folder = pictures(tmp_path / "pictures")
    command = ("quantize", str(spec), "--weights", str(weights), "--images", str(folder))
    code, out, _ = run(*command)
    assert code == 0
    assert "6 pictures, mean 0.485, 0.456, 0.406, deviation 0.229, 0.224, 0.225" in out
    assert "of the classes are those of float32" in out
    assert "signal to noise, dB" in out
    path = tmp_path / "generated" / "onnx" / "small_int8.onnx"
    onnx.checker.check_model(path, full_check=True)
    code, out, _ = run(*command, "--format", "json", "--keep", "unit", "-o", "other.onnx", "--most", "4")
    found = json.loads(out)
    assert (found["examples"], [*found["decibels"]]) == (4, ["stem", "fc"])
    path.write_bytes(b"mine")
    code, _, err = run(*command)
    assert (code, "E0604" in err) == (1, True)


@pytest.mark.parametrize("fault", ["scale", "zero point", "channel", "bias"])
def test_a_planted_fault_shows(tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import archspec_onnx.quantization as module

    right = made(network(), tmp_path).difference
    match fault:
        case "channel":
            monkeypatch.setattr(module, "to_int8", lambda weight, scales: np.full(weight.shape, 3, np.int8))
        case "bias":
            monkeypatch.setattr(module, "_INT32", 3)
        case _:
            rounding = module._rounding

            def wrong(name: str, quantization: Any, path: str) -> Any:
                nodes = rounding(name, quantization, path)
                place = 0 if fault == "scale" else 1
                tensor = nodes[place].attribute[0].t
                if fault == "scale":
                    tensor.float_data[0] *= 0.3
                else:
                    tensor.int32_data[0] = min(tensor.int32_data[0] + 40, 255)
                return nodes

            monkeypatch.setattr(module, "_rounding", wrong)
    assert made(network(), tmp_path).difference > 3 * right
