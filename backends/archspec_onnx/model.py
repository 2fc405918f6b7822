"""Models: their bytes, weights in and out, what they hold against the graph, one forward pass."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx
from onnx import ModelProto, ValueInfoProto, helper, numpy_helper

from archspec.codegen.backend import Outcome
from archspec.codegen.backend_errors import check_dtype, no_device
from archspec.digests import BLANK, KEY, filled, with_digest
from archspec.errors import BackendError, Diagnostic, InternalError, OutputError
from archspec.initialization import draw
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec_onnx.engines import current_engine, onnxruntime_session, openvino_model
from archspec_onnx.names import names_of
from archspec_onnx.opsets import OPSET
from archspec_onnx.quantization import quantized as quantized
from archspec_onnx.quantization import watched as watched
from archspec_onnx.source import DTYPE_KEY, TYPES, write
from archspec_onnx.stored_tensors import replace_tensors, stored
from archspec_onnx.tensorrt import TensorrtModel
from archspec_onnx.timing import timed as timed
from archspec_onnx.timing import timed_rival as timed_rival

if TYPE_CHECKING:
    from archspec.codegen.backend import Arrays

    Array = np.ndarray[Any, Any]

_SEAL: Final = b"\x72\x23\x0a\x0f" + KEY.encode() + b"\x12\x10" + BLANK.encode()
"""An entry of ModelProto.metadata_props (field 14) whose key is `KEY` and whose value has 16 letters.

Protobuf takes fields in any order, so it may stand at the end of the file, after all that the digest is of.
"""
MOST: Final = 2**31 - 2**26
"""Bytes of weights inside a model; protobuf reads no file of 2 GiB, and there is more than weights in it."""
_ALIGNMENT: Final = 64


def render(graph: LayerGraph, *, dtype: str, functions: bool, training: bool, opset: int = OPSET) -> bytes:
    """See `OnnxBackend.render`."""
    form = graph if training else evaluated(graph)
    model = write(form, dtype=dtype, functions=functions, training=training, opset=opset)
    return filled(model.SerializeToString(deterministic=True) + _SEAL)


def read(source: bytes) -> ModelProto:
    """The model of these bytes, without their digest."""
    model: ModelProto = ModelProto.FromString(source)
    kept = [entry for entry in model.metadata_props if entry.key != KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    return model


def verify(source: bytes, graph: LayerGraph) -> None:
    """The checker's own checks, and every name and shape against the graph; see `BuildsModels.verify`."""
    graph = evaluated(graph)
    try:
        model = read(source)
        onnx.checker.check_model(model, full_check=True)
        _check_shapes(model, graph)
    except Exception as error:  # whatever ONNX says of it is a fault of ours
        raise InternalError(f"ONNX model of {graph.name} is not valid: {error}") from error
    weights = {value.name: _sizes(value) for value in model.graph.input if value.name not in graph.inputs}
    wanted = {name: weight.shape for name, weight in graph.all_weights.items()}
    for name in weights.keys() | wanted.keys():
        if weights.get(name) != wanted.get(name):
            raise InternalError(
                f"ONNX model of {graph.name}: {name} has shape {weights.get(name)}, the graph {wanted.get(name)}"
            )
    if [value.name for value in model.graph.output] != [*names_of(graph).outputs]:
        raise InternalError(f"ONNX model of {graph.name} has other outputs than the graph")


def _check_shapes(model: ModelProto, graph: LayerGraph) -> None:
    """Let ONNX infer all shapes for a batch of 2 of the graph's own sizes: it raises where it finds another."""
    found = ModelProto()
    found.CopyFrom(model)
    shapes = {name: graph.types[path].sizes for path, name in names_of(graph).values.items()}
    for value in (*found.graph.input, *found.graph.value_info, *found.graph.output):
        if value.name in shapes:
            sizes = (2, *shapes[value.name])
            value.CopyFrom(helper.make_tensor_value_info(value.name, value.type.tensor_type.elem_type, sizes))
    onnx.shape_inference.infer_shapes(found, check_type=True, strict_mode=True, data_prop=True)


def _sizes(value: ValueInfoProto) -> tuple[int | None, ...]:
    return tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in value.type.tensor_type.shape.dim)


def build(
    source: bytes,
    graph: LayerGraph,
    *,
    weights: Arrays | None = None,
    device: str | None = None,
    dtype: str | None = None,
) -> ModelProto:
    """The model with its weights inside; see `BuildsModels.build`.

    Raises:
        BackendError: the source is of another dtype.
    """
    if device not in (None, "cpu"):
        raise no_device(str(device), RuntimeError("it is for the runtime to choose"), "leave it out")
    graph, model = evaluated(graph), read(source)
    written = _dtype(model)
    if dtype is not None and dtype != written:
        check_dtype(dtype)
        message = f"the model was written in {written}: it cannot be built in {dtype}"
        raise BackendError(Diagnostic("E0411", message, help=f"generate it with dtype={dtype!r}"))
    inputs = [value for value in model.graph.input if value.name not in graph.all_weights]
    kinds = _kinds(model)
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    arrays: Arrays = draw(graph, 0) if weights is None else weights
    model.graph.initializer.extend(stored(name, arrays[name], kinds[name]) for name in graph.all_weights)
    return model


def _kinds(model: ModelProto) -> dict[str, int]:
    """The element types of a model's inputs, weights among them where it does not hold them."""
    return {value.name: value.type.tensor_type.elem_type for value in model.graph.input}


def _dtype(model: ModelProto) -> str:
    """The precision of a model: of ids it has none, but a network of ids has weights."""
    for entry in model.metadata_props:
        if entry.key == DTYPE_KEY and entry.value in TYPES:
            return str(entry.value)
    found = {value.type.tensor_type.elem_type for value in (*model.graph.input, *model.graph.output)}
    return next(name for name, kind in TYPES.items() if kind in found)


def _opset(model: ModelProto) -> int:
    """The version of ONNX's own operators that a model is written in."""
    return next((entry.version for entry in model.opset_import if not entry.domain), OPSET)


def load_weights(model: ModelProto, graph: LayerGraph, weights: Arrays) -> None:
    """Put canonical weights into the model; see `ExchangesWeights.load_weights`."""
    replace_tensors(model, {name: weights[name] for name in graph.all_weights})


def export_weights(model: ModelProto, graph: LayerGraph) -> Arrays:
    """Canonical weights of the model; see `ExchangesWeights.export_weights`."""
    return {tensor.name: _array(numpy_helper.to_array(tensor)) for tensor in model.graph.initializer}


def _array(array: Array) -> Array:
    # NumPy has no bfloat16; float32 holds each of its values exactly.
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array.copy()


def packed(model: ModelProto, name: str, *, external: bool = False) -> Mapping[str, bytes]:
    """The files that hold a model, by name; see `PacksModels.packed`.

    Raises:
        OutputError: it is too large for one file.
    """
    files: dict[str, bytes] = {}
    if external:
        model, files[f"{name}.data"] = _apart(model, f"{name}.data")
    size = sum(len(tensor.raw_data) for tensor in model.graph.initializer)
    if size > MOST:
        message = f"the weights of {name} take {size / 2**30:.1f} GiB, and an ONNX file ends at 2 GiB"
        raise OutputError(Diagnostic("E0605", message, help="keep its weights beside it: --external-data"))
    return {name: filled(model.SerializeToString(deterministic=True) + _SEAL), **files}


def _apart(model: ModelProto, location: str) -> tuple[ModelProto, bytes]:
    """The model without its weights' numbers, and these as the file at `location`."""
    found = ModelProto()
    found.CopyFrom(model)
    data = bytearray()
    for tensor in found.graph.initializer:
        data += bytes(-len(data) % _ALIGNMENT)
        onnx.external_data_helper.set_external_data(tensor, location, len(data), len(tensor.raw_data))
        data += tensor.raw_data
        tensor.ClearField("raw_data")
    whole = with_digest(bytes(data), ".data")
    digest = hashlib.sha256(whole).hexdigest()
    found.metadata_props.append(onnx.StringStringEntryProto(key="archspec.weights", value=f"sha256:{digest}"))
    return found, whole


def run_forward(
    model: ModelProto, graph: LayerGraph, inputs: Arrays, *, training: bool, nodes: bool = False
) -> Outcome:
    """One forward pass on the engine of this process; see `RunsModels.run`.

    A model has no training mode: for that, another one is written, and the statistics that it gives are put into this
    one. A model with functions gives the tensors of those nodes that stand in no block.

    Raises:
        BackendError: in training, the model does not compute what its graph says, or gives less.
    """
    if training and graph.training_outputs:
        message = f"an ONNX model gives no outputs of training alone, as {graph.name} has: {graph.training_outputs[0]}"
        raise BackendError(Diagnostic("E0601", message, help="compare it by --check inference"))
    graph = evaluated(graph)
    weights = {**export_weights(model, graph)}
    buffers = [name for name, weight in graph.all_weights.items() if not weight.trainable]
    asked = model
    if training:
        _check_unedited(model, graph)
        asked = read(render(graph, dtype=_dtype(model), functions=False, training=True, opset=_opset(model)))
    elif current_engine() == "reference":  # it would copy the weights that a model holds, which may be gigabytes
        asked = _without_weights(model)
    kinds = {name: helper.tensor_dtype_to_np_dtype(kind) for name, kind in _kinds(asked).items()}
    feeds = {node.path: np.ascontiguousarray(inputs[node.path], kinds[node.path]) for node in graph.input_nodes}
    if asked is not model:
        feeds |= {name: np.ascontiguousarray(array, kinds[name]) for name, array in weights.items()}
    names = names_of(graph)
    outputs = [value.name for value in asked.graph.output]
    paths = {}
    if nodes:
        asked = _with_values(asked)
        given = {value.name for value in (*asked.graph.output, *asked.graph.input)}
        paths = {path: name for path, name in names.values.items() if name in given}
    results = {**feeds, **_results(asked, feeds)}
    if training:
        weights |= {name: results[f"{name}.after"] for name in buffers}
        load_weights(model, graph, weights)
    return Outcome(
        {name: _array(results[value]) for name, value in zip(graph.outputs, outputs, strict=False)},
        {name: _array(weights[name]) for name in buffers},
        {path: _array(results[name]) for path, name in paths.items()},
    )


def _check_unedited(model: ModelProto, graph: LayerGraph) -> None:
    """See that a model computes what is written for its graph: another one is written of it for training.

    Raises:
        BackendError: it does not.
    """
    written = write(graph, dtype=_dtype(model), functions=bool(model.functions), opset=_opset(model))
    if [*model.graph.node] != [*written.graph.node] or [*model.functions] != [*written.functions]:
        message = f"the ONNX model of {graph.name} is not what its spec gives: it can be run in inference only"
        help = "an ONNX model has no training mode, and another is written for it; compare yours by --check inference"
        raise BackendError(Diagnostic("E0601", message, help=help))


def _without_weights(model: ModelProto) -> ModelProto:
    """The model with its weights as inputs, as it was rendered."""
    found = ModelProto()
    for copied, given in ((found, model), (found.graph, model.graph)):
        for descriptor, value in given.ListFields():
            if descriptor.name in ("graph", "initializer"):
                continue
            if descriptor.is_repeated:
                getattr(copied, descriptor.name).extend(value)
            else:
                setattr(copied, descriptor.name, value)
    found.graph.input.extend(
        helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims) for tensor in model.graph.initializer
    )
    return found


def _with_values(model: ModelProto) -> ModelProto:
    """The model with all tensors that have a layer's name as outputs."""
    found = ModelProto()
    found.CopyFrom(model)
    found.graph.output.extend(model.graph.value_info)
    return found


def _results(model: ModelProto, feeds: dict[str, Array]) -> dict[str, Array]:
    names = [value.name for value in model.graph.output]
    return dict(zip(names, _engine_results(model, names, feeds), strict=True))


def _engine_results(model: ModelProto, names: Sequence[str], feeds: dict[str, Array]) -> Sequence[Array]:
    if current_engine() == "reference":
        from archspec_onnx.reference import evaluate

        return evaluate(model, feeds)
    if current_engine() == "openvino":
        return [*openvino_model(model.SerializeToString())(feeds).values()]
    if current_engine() == "tensorrt-native":
        with TensorrtModel(model.SerializeToString(), feeds) as built:
            given = built.outputs()
        return [given[name] for name in names]
    # It runs once: waiting is all that its threads would do.
    session = onnxruntime_session(model.SerializeToString(), current_engine(), spins=False)
    found: Sequence[Array] = session.run(names, feeds)
    return found
