"""Arrays as the tensors that a model holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper


def stored(name: str, array: np.ndarray[Any, Any], kind: int) -> TensorProto:
    """An array as a tensor of an element type of ONNX's."""
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    return numpy_helper.from_array(np.ascontiguousarray(array, dtype), name)


def replace_tensors(model: ModelProto, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Put arrays into a model in place of the tensors of the same names, in the types that these have."""
    for tensor in model.graph.initializer:
        if tensor.name in arrays:
            new = stored(tensor.name, arrays[tensor.name], tensor.data_type)
            if tensor.raw_data != new.raw_data:  # what a message held before stays in memory for as long as it lives
                tensor.CopyFrom(new)
