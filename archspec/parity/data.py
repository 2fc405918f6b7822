"""What models are compared on: weights, inputs, targets. All are random, well scaled, and exact in float32."""

from __future__ import annotations

from math import prod, sqrt
from typing import TYPE_CHECKING, Any, TypeAlias

from archspec.ir.graph import LayerGraph

if TYPE_CHECKING:
    import numpy as np

    Arrays: TypeAlias = dict[str, np.ndarray[Any, Any]]


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
        found[name] = _exact(array)
    return found


def random_inputs(graph: LayerGraph, batch: int = 2, seed: int = 1) -> Arrays:
    """A batch of standard normal inputs, NCHW, float64 with values that float32 holds exactly; of ids any, int64."""
    import numpy as np

    rng = np.random.default_rng(seed)
    found: Arrays = {}
    for node in graph.input_nodes:
        shape = (batch, *node.shape)
        vocabulary = node.type.vocabulary
        found[node.path] = (
            _exact(rng.standard_normal(shape)) if vocabulary is None else rng.integers(vocabulary, size=shape)
        )
    return found


def random_targets(graph: LayerGraph, batch: int = 2, seed: int = 2) -> Arrays:
    """What a loss holds the outputs against, by their names.

    A vector of several numbers has a label, (N,) of int64: its loss is the cross-entropy. Any other output has a
    standard normal tensor of its own shape: its loss is the mean squared error.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    found: Arrays = {}
    for name, path in graph.outputs.items():
        shape = graph.types[path].sizes
        if len(shape) == 1 and shape[0] > 1:
            found[name] = rng.integers(shape[0], size=batch)
        else:
            found[name] = _exact(rng.standard_normal((batch, *shape)))
    return found


def _exact(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    import numpy as np

    return array.astype(np.float32).astype(np.float64)
