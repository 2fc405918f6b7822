"""What is rounded to int8 in a network, and how.

`q = round(x / scale) + zero_point`, within the range of 8 bits (Jacob et al. 2018). Convolutions and dense layers have
weights of int8, with a scale for each channel of the result, symmetric; so their bias is of int32. What comes to them,
and to the layers that pass numbers on between them, is rounded too, with one scale for a tensor: to uint8, or, where
ranges are symmetric, to int8.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from archspec.errors import BackendError, Diagnostic, did_you_mean
from archspec.ir.graph import LayerGraph
from archspec.ir.ops.linear import Conv, Dense

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]

HIGHEST: Final = 127
"""Of int8; -127 is used as the lowest, so that what is symmetric stays so."""
_LEVELS: Final = 255
"""Of uint8, above 0."""
_TAKERS: Final = frozenset({"add", "concat", "global_avg_pool", "avg_pool", "adaptive_avg_pool"})
"""Ops without weights that int8 kernels have, beside those that only pass numbers on."""
_PASSING: Final = frozenset({"max_pool", "flatten", "reshape", "channel_shuffle", "identity", "global_max_pool"})
"""Ops whose results have no other numbers than their inputs: they keep the scale."""


@dataclass(frozen=True, slots=True)
class TensorScale:
    """How a tensor is rounded: to int8 where it is symmetric, else to uint8."""

    scale: float
    zero_point: int = 0
    symmetric: bool = False

    @classmethod
    def of_range(cls, low: float, high: float, *, symmetric: bool) -> TensorScale:
        """For numbers between two; 0 is always among them, and stays 0."""
        low, high = min(low, 0.0), max(high, 0.0)
        if symmetric:
            return cls(max(-low, high) / HIGHEST or 1.0, symmetric=True)
        scale = (high - low) / _LEVELS or 1.0
        return cls(scale, round(-low / scale))


@dataclass(frozen=True, slots=True)
class Quantization:
    """The scales of a network."""

    tensors: Mapping[str, TensorScale]
    """By the names of the graph's tensors."""
    weights: Mapping[str, NDArray[np.float32]]
    """The scales of weights by canonical name, one for each channel of the layer's result."""


def quantized_layers(graph: LayerGraph, keep: Collection[str] = ()) -> list[str]:
    """The paths of the convolutions and dense layers that compute in int8.

    Args:
        graph: the network.
        keep: paths of layers, or of what they are in (`layer1`, `layer1.0`), that stay in float32.

    Raises:
        BackendError: one of these is not there; the nearest name is given.
    """
    known = {
        ".".join(parts[:end]) for path in graph.nodes for parts in [path.split(".")] for end in range(1, len(parts) + 1)
    }
    for path in keep:
        if path not in known:
            help = did_you_mean(path, known) or "archspec summary shows the paths of layers"
            raise BackendError(Diagnostic("E0408", f"{graph.name} has no layer `{path}`", help=help))
    found = [path for path, node in graph.nodes.items() if isinstance(node.op, Conv | Dense)]
    kept = {path for path in found if _is_kept(path, keep)}
    weights = {path: {*graph.parameters_of(graph.nodes[path])} for path in found}
    lent = {name for path in kept for name in weights[path]}
    return [path for path in found if path not in kept and lent.isdisjoint(weights[path])]


def rounded_tensors(graph: LayerGraph, layers: Collection[str], keep: Collection[str] = ()) -> dict[str, str]:
    """The tensors that are rounded, each with the one whose scale it has: its own, or what a layer passed on.

    Args:
        graph: the network.
        layers: those that compute in int8.
        keep: as for `quantized_layers`: what comes to a layer without weights that is kept is not rounded for it.
    """
    found: dict[str, str] = {}
    for path, node in graph.nodes.items():
        takes = path in layers or (node.op.name in _TAKERS | _PASSING and not _is_kept(path, keep))
        if takes and not any(graph.types[name].is_ids for name in node.inputs):
            found |= {name: name for name in node.inputs}
    near = _near(graph, layers)
    found = {name: name for name in graph.types if name in found and name in near}
    for path, node in graph.nodes.items():
        if node.op.name in _PASSING and path in found and node.inputs[0] in found:
            found[path] = found[node.inputs[0]]
    return found


def _near(graph: LayerGraph, layers: Collection[str]) -> set[str]:
    """What comes to layers with weights of int8, and what comes of it through others that compute in 8 bits.

    Elsewhere rounding would lose digits, and save nothing.
    """
    near = {name for path in layers for name in (path, *graph.nodes[path].inputs)}
    for path, node in graph.nodes.items():  # in the order of computation
        takes = node.op.name in _TAKERS | _PASSING or node.op.kind == "activation"
        if takes and near.intersection(node.inputs):
            near.add(path)
    return near


def _is_kept(path: str, keep: Collection[str]) -> bool:
    """Whether a layer, or what it is in, is among those that stay in float32."""
    return any(path == name or path.startswith(f"{name}.") for name in keep)


def weight_scales(weight: Array) -> NDArray[np.float32]:
    """A scale for each channel of the result, which is the first axis of a convolution's or a dense layer's weight."""
    import numpy as np

    largest = np.abs(np.asarray(weight, np.float64)).reshape(len(weight), -1).max(axis=1)
    return np.where(largest > 0, largest / HIGHEST, 1.0).astype(np.float32)


def to_int8(weight: Array, scales: NDArray[np.float32]) -> NDArray[np.int8]:
    """A weight in whole numbers."""
    import numpy as np

    by_channel = scales.astype(np.float64).reshape(-1, *(1,) * (weight.ndim - 1))
    return np.clip(np.rint(np.asarray(weight, np.float64) / by_channel), -HIGHEST, HIGHEST).astype(np.int8)
