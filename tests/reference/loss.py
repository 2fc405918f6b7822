"""The loss that `Backend.gradients` and `Backend.train` mean, in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from archspec.ir.graph import LayerGraph

Array: TypeAlias = "np.ndarray[Any, Any]"


def loss_of(values: Mapping[str, Array], graph: LayerGraph, targets: Mapping[str, Array]) -> float:
    """The loss of the tensors of a graph's nodes, by path: see `Backend.gradients`."""
    total = 0.0
    for name, path in graph.outputs.items():
        output, target = values[path], targets[name]
        if np.issubdtype(target.dtype, np.integer):
            largest = output.max(axis=1, keepdims=True)
            logs = output - largest - np.log(np.exp(output - largest).sum(axis=1, keepdims=True))
            total -= logs[np.arange(len(target)), target].mean()
        else:
            total += ((output - target) ** 2).mean()
    return float(total)
