"""Models: read from ONNX, weights in and out, their two files, one forward pass."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from archspec.codegen.backend import Outcome
from archspec.codegen.backend_errors import no_device
from archspec.digests import with_digest
from archspec.errors import BackendError, Diagnostic, InternalError, OutputError
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec_onnx import model as onnx_model
from archspec_onnx.engines import openvino_model
from archspec_onnx.names import names_of
from archspec_onnx.openvino_import import openvino

if TYPE_CHECKING:
    from archspec.codegen.backend import Arrays

    Array = np.ndarray[Any, Any]


def verify(source: bytes, graph: LayerGraph) -> None:
    """What ONNX's own checks find; `build` holds what OpenVINO made of it against the graph."""
    onnx_model.verify(source, graph)


def build(
    source: bytes,
    graph: LayerGraph,
    *,
    weights: Arrays | None = None,
    device: str | None = None,
    dtype: str | None = None,
) -> Any:
    """An `openvino.Model` with its weights inside; see `BuildsModels.build`.

    It is what OpenVINO reads, before it is optimized: so the weights keep their names. Compiling optimizes it.

    Raises:
        BackendError: OpenVINO does not read it.
    """
    if device is not None and device.lower() != "cpu":
        raise no_device(device, RuntimeError("a device is chosen where a model is compiled"), "leave it out")
    written = onnx_model.build(source, graph, weights=weights, dtype=dtype)
    try:
        model = openvino.Core().read_model(written.SerializeToString())
    except RuntimeError as error:
        said = str(error).strip().splitlines()[-1]
        message = f"OpenVINO does not read the model of {graph.name}: {said}"
        raise BackendError(Diagnostic("E0601", message, help="build it with --backend onnx")) from None
    _name_all(model)
    _check(model, graph)
    return model


def _name_all(model: Any) -> None:
    """Name what has no name of its own by its place: OpenVINO counts all nodes that a process has made."""
    for number, node in enumerate(model.get_ordered_ops()):
        if node.get_friendly_name() == node.get_name():
            node.set_friendly_name(f"{node.get_type_name()}_{number}")


def _check(model: Any, graph: LayerGraph) -> None:
    """See that the model has the graph's inputs, outputs and weights, and that shapes fit.

    Raises:
        InternalError: it has others.
    """
    graph = evaluated(graph)
    names = names_of(graph)
    wanted = [(path, graph.types[path].sizes) for path in graph.inputs]
    wanted += [
        (name, graph.types[path].sizes) for name, path in zip(names.outputs, graph.outputs.values(), strict=True)
    ]
    ends = [*model.inputs, *model.outputs]
    if len(ends) != len(wanted):
        raise InternalError(f"OpenVINO model of {graph.name} has {len(ends)} inputs and outputs, not {len(wanted)}")
    for end, (name, sizes) in zip(ends, wanted, strict=True):
        shape = openvino.PartialShape([-1, *sizes])
        if name not in end.names or not end.partial_shape.compatible(shape):
            found = f"{', '.join(sorted(end.names))} of shape {end.partial_shape}"
            raise InternalError(f"OpenVINO model of {graph.name} has {found}, the graph {name} of {shape}")
    if (held := _constants(model, graph).keys()) != graph.all_weights.keys():
        other = ", ".join(sorted(held ^ graph.all_weights.keys()))
        raise InternalError(f"OpenVINO model of {graph.name} has other weights than the graph: {other}")


def _constants(model: Any, graph: LayerGraph) -> dict[str, Any]:
    """The constants that are weights, by canonical name."""
    return {
        node.get_friendly_name(): node
        for node in model.get_ops()
        if node.get_type_name() == "Constant" and node.get_friendly_name() in graph.all_weights
    }


def load_weights(model: Any, graph: LayerGraph, weights: Arrays) -> None:
    """Put canonical weights into the model; see `ExchangesWeights.load_weights`."""
    for name, old in _constants(model, graph).items():
        kind = old.get_element_type()
        tensor = openvino.Tensor(kind, old.shape)
        tensor.data[:] = _as_held(weights[name], kind)
        new = openvino.op.Constant(tensor)
        new.set_friendly_name(name)
        old.output(0).replace(new.output(0))


def export_weights(model: Any, graph: LayerGraph) -> Arrays:
    """Canonical weights of the model; see `ExchangesWeights.export_weights`."""
    return {name: _from_held(node.data, node.get_element_type()) for name, node in _constants(model, graph).items()}


def _as_held(array: Array, kind: Any) -> Array:
    """An array as NumPy sees a tensor of this type: it has no bfloat16, whose bits it takes for float16's."""
    if kind != openvino.Type.bf16:
        found: Array = array.astype(kind.to_dtype())
        return found
    from ml_dtypes import bfloat16  # which ONNX needs

    bits: Array = array.astype(bfloat16).view(np.float16)
    return bits


def _from_held(array: Array, kind: Any) -> Array:
    """The numbers of a tensor, those of bfloat16 in float32."""
    if kind != openvino.Type.bf16:
        return array.copy()
    from ml_dtypes import bfloat16

    found: Array = array.view(bfloat16).astype(np.float32)
    return found


def packed(model: Any, name: str) -> Mapping[str, bytes]:
    """The files that hold a model; see `OpenVinoBackend.packed`."""
    if not name.endswith(".xml"):
        message = f"{name} is no name for an OpenVINO model, whose files are told by their suffixes"
        raise OutputError(Diagnostic("E0605", message, help="let it end in .xml; the weights' file then ends in .bin"))
    with tempfile.TemporaryDirectory(prefix="archspec-openvino-") as folder:
        layers, weights = Path(folder) / "model.xml", Path(folder) / "model.bin"
        openvino.serialize(model, str(layers), str(weights))
        return {
            name: with_digest(layers.read_bytes(), ".xml"),
            f"{name.removesuffix('.xml')}.bin": with_digest(weights.read_bytes(), ".bin"),
        }


def run_forward(model: Any, graph: LayerGraph, inputs: Arrays, *, training: bool, nodes: bool = False) -> Outcome:
    """One forward pass in inference; see `RunsModels.run`.

    Raises:
        BackendError: in training mode, which it has not.
    """
    if training:
        raise BackendError(Diagnostic("E0601", "an OpenVINO model has no training mode"))
    graph = evaluated(graph)
    values = names_of(graph).values
    paths: dict[str, str] = {}
    asked = model
    if nodes:
        asked = model.clone()
        known = {name for node in asked.get_ops() for output in node.outputs() for name in output.names}
        paths = {path: name for path, name in values.items() if name in known and path not in graph.inputs}
        given = {name for output in asked.outputs for name in output.names}
        asked.add_outputs([name for name in paths.values() if name not in given])
    compiled = openvino_model(asked)
    feeds = {
        node.path: np.ascontiguousarray(inputs[node.path], model.input(node.path).element_type.to_dtype())
        for node in graph.input_nodes
    }
    results = compiled(feeds)
    arrays = {name: array for output, array in results.items() for name in output.names}
    found = {path: arrays[name] for path, name in paths.items()}
    if nodes:
        found |= {path: np.asarray(inputs[path]) for path in graph.inputs}
    outputs = dict(zip(graph.outputs, results.values(), strict=False))
    held = export_weights(model, graph)
    buffers = {name: held[name] for name, weight in graph.all_weights.items() if not weight.trainable}
    return Outcome(outputs, buffers, found)
