"""Running generated source: building the model, weights in and out, one forward pass."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

import keras
import numpy as np
from keras.src.backend.common import global_state

from archspec.codegen.backend import Outcome, check_dtype, no_device
from archspec.codegen.execute import execute
from archspec.errors import BackendError, Diagnostic, InternalError
from archspec.ir.graph import LayerGraph, Node
from archspec.ir.op import Shape
from archspec.storage import whole_file
from archspec_keras.names import function_name
from archspec_keras.variables import kept_weights

if TYPE_CHECKING:
    from archspec.codegen.backend import Arrays

    Array = np.ndarray[Any, Any]


_NOTED: Final = "uninitialized_variables"
"""The name of Keras's list of variables without values."""


@contextmanager
def _settings(dtype: str | None, device: str | None = None) -> Iterator[None]:
    """Keras's global settings for the time that a model is built: they are put back afterwards."""
    if dtype is not None:
        check_dtype(dtype)
    floatx, layout = keras.config.floatx(), keras.config.image_data_format()
    policy = keras.config.dtype_policy()
    with ExitStack() as stack:
        if device is not None:
            stack.enter_context(_device(device))
        try:
            keras.config.set_image_data_format("channels_last")
            if dtype is not None:
                _allow(dtype)
                # Variables and inputs go by floatx, layers by the policy.
                keras.config.set_floatx(dtype)
                keras.config.set_dtype_policy(dtype)
            yield
        finally:
            keras.config.set_floatx(floatx)
            keras.config.set_dtype_policy(policy)
            keras.config.set_image_data_format(layout)


def _device(name: str) -> Any:
    """The context that puts what is made in it on a device."""
    try:
        with keras.device(name):
            keras.ops.zeros(1)  # a device that is known need not be there
    except Exception as error:  # each of Keras's backends raises something else
        raise no_device(name, error, "choose `cpu`, or one that Keras's backend finds, such as `gpu:0`") from None
    return keras.device(name)


def _allow(dtype: str) -> None:
    """JAX makes float32 of float64, silently, unless it is told for the whole process."""
    if dtype == "float64" and keras.backend.backend() == "jax":
        import jax

        config: Any = jax.config
        config.update("jax_enable_x64", True)


def _construct(source: str, graph: LayerGraph) -> Any:
    module = execute(source, "keras", graph.name)
    try:
        return getattr(module, function_name(graph))()
    except Exception as error:  # each of Keras's backends raises something else where memory ends
        if not _lacks_memory(error):
            raise
        message = f"{graph.name} takes more memory than there is: it has {graph.parameters:,} parameters"
        help = "make it smaller, or use a machine with more memory; `build --no-verify` only writes the source"
        raise BackendError(Diagnostic("E0803", message, help=help)) from error


def _lacks_memory(error: Exception) -> bool:
    """Each of Keras's backends raises something else, some of them a `RuntimeError`."""
    text = f"{type(error).__name__} {error}".lower().replace("_", "").replace(" ", "")
    return any(sign in text for sign in ("memoryerror", "resourceexhausted", "outofmemory", "allocatememory"))


def verify(source: str, graph: LayerGraph) -> None:
    """Compare the model's variables and outputs with the graph; see `Backend.verify`."""
    state = random.getstate()  # Keras draws its seeds from it
    try:
        with _settings("float32"), _no_drawing(), _no_values():
            model = _construct(source, graph)
    except BackendError:
        raise
    except Exception as error:  # whatever else generated source raises is a fault of ours
        raise InternalError(f"Keras source of {graph.name} cannot be run: {error}") from error
    finally:
        random.setstate(state)
    variables = kept_weights(model, graph)
    differing = variables.keys() ^ graph.all_weights.keys()
    if differing:
        raise InternalError(f"Keras source of {graph.name}: it or the graph lacks {', '.join(sorted(differing)[:5])}")
    trained = {id(variable) for variable in model.trainable_variables}
    for name, kept in variables.items():
        weight = graph.all_weights[name]
        if kept.shape != weight.shape:
            shapes = " and ".join(str(tuple(variable.shape)) for variable in kept.variables)
            raise InternalError(f"Keras source of {graph.name}: {name} has shape {shapes}, the graph {weight.shape}")
        if any((id(variable) in trained) is not weight.trainable for variable in kept.variables):
            raise InternalError(f"Keras source of {graph.name}: {name} is trained or not, unlike in the graph")
        if not all(math.isclose(_decay(variable), weight.decay) for variable in kept.variables):
            raise InternalError(f"Keras source of {graph.name}: {name} has another weight decay than in the graph")
    for name, tensor in _outputs(model.output, graph).items():
        shape = graph.nodes[graph.outputs[name]].shape
        if tuple(tensor.shape) != (None, *_channels_last(shape)):
            raise InternalError(
                f"Keras source of {graph.name}: {name} has shape {tuple(tensor.shape)}, the graph {shape}"
            )


def _decay(variable: Any) -> float:
    """The weight decay of a variable: what its regularizer adds to the loss has twice the factor as its gradient."""
    return 0.0 if variable.regularizer is None else 2 * float(variable.regularizer.l2)


@contextmanager
def _no_drawing() -> Iterator[None]:
    """Kernels are zeros instead of random numbers, which would only take time."""

    def zeros(self: object, shape: Shape, dtype: str | None = None) -> Any:
        return keras.ops.zeros(shape, dtype)

    own = keras.initializers
    kinds = (own.VarianceScaling, own.RandomNormal, own.RandomUniform, own.TruncatedNormal)
    with ExitStack() as stack:
        for kind in kinds:
            stack.enter_context(mock.patch.object(kind, "__call__", zeros))
        yield


@contextmanager
def _no_values() -> Iterator[None]:
    """Variables get a shape and no values: a spec may ask for more than there is memory.

    Keras has this for functions that JAX traces. It notes such variables, and would make their values when the next
    of these scopes ends: those that were made here are struck from its list.
    """
    noted = list(global_state.get_global_attribute(_NOTED) or ())
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        global_state.set_global_attribute(_NOTED, noted)


def _channels_last(shape: Shape) -> Shape:
    return (*shape[1:], shape[0]) if len(shape) == 3 else shape


def _outputs(result: Any, graph: LayerGraph) -> dict[str, Any]:
    return result if isinstance(result, dict) else {next(iter(graph.outputs)): result}


def build(
    source: str,
    graph: LayerGraph,
    *,
    weights: Arrays | None = None,
    device: str | None = None,
    dtype: str | None = None,
) -> Any:
    """The model with its weights drawn once, or loaded; see `Backend.build`.

    In float64 all of the computation is of that precision on TensorFlow only: Keras's own batch norm and mean
    compute in float32 on JAX and PyTorch (`keras.backend.result_type` gives no float64 there).
    """
    with _settings(dtype, device), ExitStack() as stack:
        if weights is not None:
            stack.enter_context(_no_drawing())
        model = _construct(source, graph)
        if weights is not None:
            load_weights(model, graph, weights)
    return model


def load_weights(model: Any, graph: LayerGraph, weights: Arrays) -> None:
    """Assign canonical weights to the model's variables; see `Backend.load_weights`."""
    for name, kept in kept_weights(model, graph).items():
        kept.assign(np.asarray(weights[name]))


def export_weights(model: Any, graph: LayerGraph) -> Arrays:
    """Canonical weights of the model; see `Backend.export_weights`."""
    return {name: kept.array(_to_numpy) for name, kept in kept_weights(model, graph).items()}


def _to_numpy(tensor: Any) -> Array:
    # NumPy has no bfloat16; float32 holds each of its values exactly.
    if keras.backend.standardize_dtype(tensor.dtype) == "bfloat16":
        tensor = keras.ops.cast(tensor, "float32")
    array: Array = keras.ops.convert_to_numpy(tensor)
    return array


def save_weights(model: Any, path: Path) -> None:
    """Write the weights as Keras does; see `Backend.save_weights`."""
    with whole_file(path) as temporary:
        inner = temporary.with_name(f"{temporary.name}.weights.h5")  # Keras accepts no other ending
        try:
            model.save_weights(inner)
            inner.replace(temporary)
        finally:
            inner.unlink(missing_ok=True)


def run(model: Any, graph: LayerGraph, inputs: Arrays, *, training: bool) -> Outcome:
    """One forward pass; see `Backend.run`.

    Outside of a compiled function every backend of Keras updates moving statistics in place, JAX too.
    """
    with ExitStack() as stack:
        if keras.backend.backend() == "torch":
            import torch

            stack.enter_context(torch.no_grad())
        tensors = [_tensor(model, node, inputs[path]) for path, node in _input_nodes(graph)]
        # Called past the check of the input's size: the layers themselves take any that the network allows.
        result = model.call(tensors[0] if len(tensors) == 1 else tensors, training=training)
    outputs = {name: _channels_first(_to_numpy(tensor)) for name, tensor in _outputs(result, graph).items()}
    statistics = {
        name: array for name, array in export_weights(model, graph).items() if not graph.all_weights[name].trainable
    }
    return Outcome(outputs, statistics)


def _input_nodes(graph: LayerGraph) -> list[tuple[str, Node]]:
    return [(path, graph.nodes[path]) for path in graph.inputs]


def _tensor(model: Any, node: Node, array: Array) -> Any:
    if len(node.shape) == 3:
        array = array.transpose(0, 2, 3, 1)
    tensor = keras.ops.convert_to_tensor(np.ascontiguousarray(array), dtype=model.inputs[0].dtype)
    if keras.backend.backend() == "torch" and model.variables:
        tensor = tensor.to(model.variables[0].value.device)
    return tensor


def _channels_first(array: Array) -> Array:
    return np.ascontiguousarray(array.transpose(0, 3, 1, 2)) if array.ndim == 4 else array
