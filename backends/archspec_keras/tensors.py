"""Arrays into tensors and back: PyTorch's layout outside, Keras's inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from archspec.ir.graph import LayerGraph
from archspec.ir.tensor_type import TensorType
from archspec_keras.memory_layout import IDS_DTYPE, axis_order

if TYPE_CHECKING:
    from archspec.codegen.backend import Arrays

    Array = np.ndarray[Any, Any]


def to_numpy(tensor: Any) -> Array:
    """A tensor's numbers; those of bfloat16, which NumPy lacks, as float32, which holds each of them exactly."""
    if keras.backend.standardize_dtype(tensor.dtype) == "bfloat16":
        tensor = keras.ops.cast(tensor, "float32")
    array: Array = keras.ops.convert_to_numpy(tensor)
    return array


def from_batch(tensor: Any, type: TensorType) -> Array:
    """A batch's numbers in archspec's order: images NHWC as (N, C, H, W)."""
    return np.ascontiguousarray(_in_our_order(to_numpy(tensor), type))


def batch_view(tensor: Any, type: TensorType) -> Array:
    """As `from_batch`, for reading: on TensorFlow the numbers are the tensor's own.

    Keras holds the tensors of all layers until a pass has ended, and a copy of each would take as much again.
    """
    if keras.backend.backend() != "tensorflow" or keras.backend.standardize_dtype(tensor.dtype) == "bfloat16":
        return from_batch(tensor, type)
    return _in_our_order(np.asarray(memoryview(tensor)), type)


def _in_our_order(array: Array, type: TensorType) -> Array:
    places = [1 + axis for axis in axis_order(type)]
    return array.transpose(0, *(1 + places.index(axis + 1) for axis in range(type.rank)))


def to_batch(model: Any, array: Array, type: TensorType) -> Any:
    """A batch where the model is, in its dtype: images (N, C, H, W) as NHWC."""
    order = (0, *(1 + axis for axis in axis_order(type)))
    return as_tensor(model, array.transpose(order), IDS_DTYPE if type.is_ids else float_dtype(model))


def float_dtype(model: Any) -> str:
    """The dtype of a model's inputs that are no ids; where all are, that of its weights."""
    dtypes = [keras.backend.standardize_dtype(tensor.dtype) for tensor in (*model.inputs, *model.variables)]
    return str(next(filter(keras.backend.is_float_dtype, dtypes)))


def as_tensor(model: Any, array: Array, dtype: str) -> Any:
    """An array as it is, in this dtype, where the model is."""
    tensor = keras.ops.convert_to_tensor(np.ascontiguousarray(array), dtype=dtype)
    if keras.backend.backend() == "torch" and model.variables:
        tensor = tensor.to(model.variables[0].value.device)
    return tensor


def input_batches(model: Any, graph: LayerGraph, inputs: Arrays) -> dict[str, Any]:
    """A batch for each of the graph's inputs, by path."""
    return {node.path: to_batch(model, inputs[node.path], node.type) for node in graph.input_nodes}


def outputs_by_name(result: Any, graph: LayerGraph) -> dict[str, Any]:
    """What a model gives, by the names of the graph's outputs."""
    return result if isinstance(result, dict) else {next(iter(graph.outputs)): result}
