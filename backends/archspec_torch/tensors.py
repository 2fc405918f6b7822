"""Arrays as tensors, and tensors as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from archspec.ir.graph import LayerGraph

if TYPE_CHECKING:
    from archspec.codegen.backend import Arrays


def to_tensors(model: nn.Module, graph: LayerGraph, inputs: Arrays) -> list[Tensor]:
    """A batch for each input, in the graph's order, where the model is and in its dtype; ids stay whole numbers."""
    tensors = [torch.from_numpy(np.ascontiguousarray(inputs[path])) for path in graph.inputs]
    # A batch norm that learns nothing has buffers alone; the first of others may be a count of batches.
    held = (tensor for tensor in (*model.parameters(), *model.buffers()) if tensor.is_floating_point())
    first = next(held, tensors[0])
    pairs = zip(tensors, graph.input_nodes, strict=True)
    return [tensor.to(first.device) if node.type.is_ids else tensor.to(first) for tensor, node in pairs]


def zeros_like_inputs(graph: LayerGraph, batch: int, device: torch.device) -> list[Tensor]:
    """A batch of zeros for each input, in the graph's order."""
    return [
        torch.zeros(batch, *node.shape, dtype=torch.int64 if node.type.is_ids else None, device=device)
        for node in graph.input_nodes
    ]


def to_numpy(tensor: Tensor) -> np.ndarray[Any, Any]:
    """A copy of the tensor as it is now."""
    tensor = tensor.detach().cpu()
    # NumPy has no bfloat16; float32 holds each of its values exactly.
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).contiguous().numpy().copy()


def outputs_of(result: Any, graph: LayerGraph) -> dict[str, Tensor]:
    """What a model gave, by the outputs' names."""
    if isinstance(result, dict):
        return result
    return {next(iter(graph.outputs)): result}
