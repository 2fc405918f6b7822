"""Random weights and images that keep a network's numbers well conditioned."""

from __future__ import annotations

from typing import Any

import numpy as np

from archspec.ir.graph import LayerGraph

Array = np.ndarray[Any, Any]


def weights_for(graph: LayerGraph, dtype: str = "float64", seed: int = 0) -> dict[str, Array]:
    """Every weight of the graph: kernels scaled by their fan-in, variances positive, scales around one."""
    rng = np.random.default_rng(seed)
    found: dict[str, Array] = {}
    for name, weight in graph.all_weights.items():
        if len(weight.shape) > 1:
            array = rng.normal(0, np.prod(weight.shape[1:]) ** -0.5, weight.shape)
        elif name.endswith((".running_var", ".weight")):
            array = rng.uniform(0.5, 1.5, weight.shape)
        else:
            array = rng.normal(0, 0.1, weight.shape)
        found[name] = array.astype(dtype)
    return found


def inputs_for(graph: LayerGraph, size: int | None = None, batch: int = 4, dtype: str = "float64") -> dict[str, Array]:
    """A batch for each input, NCHW; `size` is another height and width than the spec's."""
    rng = np.random.default_rng(1)
    found: dict[str, Array] = {}
    for path in graph.inputs:
        shape = graph.nodes[path].shape
        if size is not None:
            shape = (shape[0], size, size)
        found[path] = rng.normal(size=(batch, *shape)).astype(dtype)
    return found


def distance(found: Array, wanted: Array) -> float:
    """The largest difference, as a share of the largest number wanted."""
    assert found.shape == wanted.shape
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())
