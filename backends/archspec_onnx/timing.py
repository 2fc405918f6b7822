"""Models made ready to be timed on ONNX Runtime or OpenVINO, for inputs of one size, as the other engines have them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import ModelProto, helper

from archspec.bench.backend import TimedModel
from archspec.codegen.backend_errors import not_importable
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec_onnx.engines import current_engine, openvino_model

if TYPE_CHECKING:
    from archspec.codegen.backend import Arrays

    Array = np.ndarray[Any, Any]


def timed(
    model: ModelProto, graph: LayerGraph, inputs: Arrays, *, variant: str, targets: Arrays | None = None
) -> TimedModel:
    """See `TimesModels.timed`."""
    names = [*evaluated(graph).outputs]
    found = _timed_bytes(model.SerializeToString(), _fitting(model, inputs))
    return TimedModel(found.step, lambda: dict(zip(names, found.outputs().values(), strict=True)))


def _timed_bytes(model: bytes, inputs: Mapping[str, Array]) -> TimedModel:
    """An ONNX model on a batch, on the engine of this process; its outputs by the names that it has for them."""
    run = _openvino(model, inputs) if current_engine() == "openvino" else _onnxruntime(model, inputs)
    return TimedModel(run, run)


def timed_rival(
    model: bytes,
    graph: LayerGraph,
    inputs: Arrays,
    *,
    weights: Arrays,
    targets: Arrays | None,
    dtype: str,
    device: str | None,
) -> tuple[TimedModel, bool]:
    """See `TimesModels.timed_rival`: it has the weights that are in it."""
    given = ModelProto.FromString(model).graph
    held = {tensor.name for tensor in given.initializer}
    taken = [value.name for value in given.input if value.name not in held]
    by_position = dict(zip(taken, inputs.values(), strict=True))
    return _timed_bytes(model, _fitting(ModelProto.FromString(model), by_position)), False


def _fitting(model: ModelProto, inputs: Arrays) -> dict[str, Array]:
    """The batch in the types that a model takes."""
    kinds = {value.name: value.type.tensor_type.elem_type for value in model.graph.input}
    dtype = helper.tensor_dtype_to_np_dtype
    return {name: np.ascontiguousarray(array, dtype(kinds[name])) for name, array in inputs.items()}


def _onnxruntime(model: bytes, inputs: Mapping[str, Array]) -> Callable[[], Mapping[str, Array]]:
    try:
        import onnxruntime
    except Exception as error:  # whatever it raises
        raise not_importable("ONNX Runtime", error) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    for name, size in _open_sizes(model, inputs).items():
        options.add_free_dimension_override_by_name(name, size)
    session = onnxruntime.InferenceSession(model, options, providers=onnxruntime.get_available_providers())
    names = [value.name for value in session.get_outputs()]
    return lambda: dict(zip(names, session.run(names, dict(inputs)), strict=True))


def _open_sizes(model: bytes, inputs: Mapping[str, Array]) -> dict[str, int]:
    """The sizes that a model leaves open, by the names that it gives them, as a batch has them."""
    return {
        dim.dim_param: size
        for value in ModelProto.FromString(model).graph.input
        if value.name in inputs
        for dim, size in zip(value.type.tensor_type.shape.dim, inputs[value.name].shape, strict=True)
        if dim.dim_param
    }


def _openvino(model: bytes, inputs: Mapping[str, Array]) -> Callable[[], Mapping[str, Array]]:
    compiled = openvino_model(model, {name: array.shape for name, array in inputs.items()})
    request = compiled.create_infer_request()
    names = [output.any_name for output in compiled.outputs]

    def run() -> Mapping[str, Array]:
        results = request.infer(dict(inputs), share_inputs=True, share_outputs=True)
        return dict(zip(names, results.values(), strict=True))

    return run
