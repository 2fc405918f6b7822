"""Arrays into tensors and back: PyTorch's layout outside, Keras's inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from archspec.ir.graph import LayerGraph
from archspec.ir.op import Shape

if TYPE_CHECKING:
    from archspec.codegen.backend import Arrays

    Array = np.ndarray[Any, Any]


def channels_last(shape: Shape) -> Shape:
    """A node's shape in the order that Keras's tensors have."""
    return (*shape[1:], shape[0]) if len(shape) == 3 else shape


def to_numpy(tensor: Any) -> Array:
    """A tensor's numbers; those of bfloat16, which NumPy lacks, as float32, which holds each of them exactly."""
    if keras.backend.standardize_dtype(tensor.dtype) == "bfloat16":
        tensor = keras.ops.cast(tensor, "float32")
    array: Array = keras.ops.convert_to_numpy(tensor)
    return array


def from_batch(tensor: Any) -> Array:
    """A batch's numbers: images NHWC as (N, C, H, W), all else as it is."""
    array = to_numpy(tensor)
    return np.ascontiguousarray(array.transpose(0, 3, 1, 2)) if array.ndim == 4 else array


def batch_view(tensor: Any) -> Array:
    """As `from_batch`, for reading: on TensorFlow the numbers are the tensor's own.

    Keras holds the tensors of all layers until a pass has ended, and a copy of each would take as much again.
    """
    if keras.backend.backend() != "tensorflow" or keras.backend.standardize_dtype(tensor.dtype) == "bfloat16":
        return from_batch(tensor)
    array: Array = np.asarray(memoryview(tensor))
    return array.transpose(0, 3, 1, 2) if array.ndim == 4 else array


def to_batch(model: Any, array: Array, dtype: str | None = None) -> Any:
    """A batch where the model is, in its dtype unless another is given: images (N, C, H, W) as NHWC."""
    if array.ndim == 4:
        array = array.transpose(0, 2, 3, 1)
    tensor = keras.ops.convert_to_tensor(np.ascontiguousarray(array), dtype=dtype or model.inputs[0].dtype)
    if keras.backend.backend() == "torch" and model.variables:
        tensor = tensor.to(model.variables[0].value.device)
    return tensor


def input_batches(model: Any, graph: LayerGraph, inputs: Arrays) -> dict[str, Any]:
    """A batch for each of the graph's inputs, by path."""
    return {path: to_batch(model, inputs[path]) for path in graph.inputs}


def outputs_by_name(result: Any, graph: LayerGraph) -> dict[str, Any]:
    """What a model gives, by the names of the graph's outputs."""
    return result if isinstance(result, dict) else {next(iter(graph.outputs)): result}
