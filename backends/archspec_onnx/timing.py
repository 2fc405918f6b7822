"""Models made ready to be timed on their engines, for inputs of one size, as the other backends' have them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import ModelProto, helper, load

from archspec.bench.backend import TimedModel
from archspec.errors import BackendError, Diagnostic
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec_onnx.engines import INFO, current_engine, onnxruntime, onnxruntime_session, openvino_model
from archspec_onnx.source import TYPES
from archspec_onnx.stored_tensors import replace_tensors
from archspec_onnx.tensorrt import TensorrtModel

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
    engine = current_engine()
    if engine == "tensorrt-native":
        built = TensorrtModel(model, inputs)
        return TimedModel(built.step, built.outputs)
    if engine != "openvino":
        on_gpu = INFO[engine].device != "cpu"
        session = onnxruntime_session(model, engine, sizes=_open_sizes(model, inputs), whole=on_gpu)
        if on_gpu:
            return on_device(session, inputs, INFO[engine].device)
        names = [value.name for value in session.get_outputs()]
        run = _named(names, lambda: session.run(names, dict(inputs)))
    else:
        run = _openvino(model, inputs)
    return TimedModel(run, run)


def on_device(session: Any, inputs: Mapping[str, Array], device: str) -> TimedModel:
    """A session on a batch that is where it computes, as PyTorch's models have theirs: copies are not in a step."""
    value = onnxruntime().OrtValue
    binding = session.io_binding()
    for name, array in inputs.items():
        binding.bind_ortvalue_input(name, value.ortvalue_from_numpy(array, device, 0))
    names = [output.name for output in session.get_outputs()]
    for name in names:
        binding.bind_output(name, device)

    def step() -> None:
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()

    def outputs() -> Mapping[str, Array]:
        step()
        return dict(zip(names, binding.copy_outputs_to_cpu(), strict=True))

    return TimedModel(step, outputs)


def _named(names: Sequence[str], run: Callable[[], Sequence[Array]]) -> Callable[[], Mapping[str, Array]]:
    """What runs a model, and gives its outputs by name."""
    return lambda: dict(zip(names, run(), strict=True))


def timed_rival(
    model: Path,
    graph: LayerGraph,
    inputs: Arrays,
    *,
    weights: Sequence[Arrays],
    targets: Arrays | None,
    dtype: str,
    device: str | None,
) -> tuple[TimedModel, bool]:
    """See `TimesModels.timed_rival`: it is given the weights where it has tensors of all their names and shapes.

    Raises:
        BackendError: it cannot be read as an ONNX model, or has another number of inputs.
    """
    try:
        given = load(model)  # with the weights that lie in files beside it, as PyTorch's exporter writes them
    except Exception as error:  # of protobuf, of the file, of those beside it
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise _refused(f"it cannot be read as an ONNX model: {said}") from None
    held = {tensor.name: tensor for tensor in given.graph.initializer}
    taken = [value.name for value in given.graph.input if value.name not in held]
    if len(taken) != len(inputs):
        raise _refused(f"it has {len(taken)} inputs, where the network has {len(inputs)}")
    # Of a model in 8 bits they have the names and shapes, too, and are whole numbers of a scale.
    shapes = {name: tuple(tensor.dims) for name, tensor in held.items() if tensor.data_type in TYPES.values()}
    fitting = [form for form in weights if all(shapes.get(name) == array.shape for name, array in form.items())][:1]
    for form in fitting:
        replace_tensors(given, form)
    batch = _fitting(given, dict(zip(taken, inputs.values(), strict=True)))
    return _timed_bytes(given.SerializeToString(), batch), bool(fitting)


def _refused(message: str) -> BackendError:
    return BackendError(Diagnostic("E0603", message))


def _fitting(model: ModelProto, inputs: Arrays) -> dict[str, Array]:
    """The batch in the types that a model takes."""
    kinds = {value.name: value.type.tensor_type.elem_type for value in model.graph.input}
    dtype = helper.tensor_dtype_to_np_dtype
    return {name: np.ascontiguousarray(array, dtype(kinds[name])) for name, array in inputs.items()}


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

    return _named(names, lambda: [*request.infer(dict(inputs), share_inputs=True, share_outputs=True).values()])
