"""Weights and inputs to compare models on: random, batch-norm statistics included, and well scaled."""

from __future__ import annotations

from math import prod, sqrt
from typing import TYPE_CHECKING, Any

from archspec.ir.graph import LayerGraph

if TYPE_CHECKING:
    import numpy as np

    Arrays = dict[str, np.ndarray[Any, Any]]


def random_weights(graph: LayerGraph, seed: int = 0) -> Arrays:
    """Weights for every tensor of a network, float64 with values that float32 holds exactly.

    Convolutions and dense layers are normal with variance 2 / fan_in, so that activations neither vanish nor
    overflow; scales and learned slopes lie between 0.25 and 0.75, running variances between 0.5 and 1.5. No two layers
    share values: a swapped pair of tensors changes the result.

    Shifts lean positive, so that most units are active. With shifts around zero every unit sits at the edge of its
    ReLU, and a deep network in training mode multiplies rounding errors many times over: what would be measured is
    the network's conditioning and not the frameworks' difference (docs/parity.md has figures).
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    found: Arrays = {}
    for name, weight in graph.all_weights.items():
        kind = name.rpartition(".")[2]
        if kind.endswith("weight") and len(weight.shape) > 1:
            array = rng.standard_normal(weight.shape) * sqrt(2 / prod(weight.shape[1:]))
        elif kind == "weight":
            array = rng.uniform(0.25, 0.75, weight.shape)
        elif kind == "running_var":
            array = rng.uniform(0.5, 1.5, weight.shape)
        elif kind.endswith("bias"):
            array = 0.25 + rng.standard_normal(weight.shape) * 0.25
        else:
            array = rng.standard_normal(weight.shape) * 0.1
        found[name] = array.astype(np.float32).astype(np.float64)
    return found


def random_inputs(graph: LayerGraph, batch: int = 2, seed: int = 1) -> Arrays:
    """A batch of standard normal inputs, NCHW, float64 with values that float32 holds exactly."""
    import numpy as np

    rng = np.random.default_rng(seed)
    return {
        path: rng.standard_normal((batch, *graph.nodes[path].shape)).astype(np.float32).astype(np.float64)
        for path in graph.inputs
    }
