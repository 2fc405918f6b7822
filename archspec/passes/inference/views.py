"""Layers that only order numbers anew, and which channel of what stands before them is which behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archspec.errors import InternalError
from archspec.ir.def_use import Node
from archspec.ir.graph import LayerGraph
from archspec.ir.op import Op
from archspec.ir.ops.shapes import Flatten, Reshape
from archspec.ir.ops.tokens import ToImage, ToSignal, ToTokens, Transpose
from archspec.ir.tensor_type import TensorType

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Passage:
    """The way of a tensor through layers that only order its numbers anew, each of which alone takes what arrives."""

    start: TensorType
    views: tuple[Node, ...]
    taker: Node
    """Who takes what comes out."""

    def channels_behind(self, end: TensorType) -> tuple[int, ...] | None:
        """For each channel of the tensor that enters, which channel all its numbers are in that come out.

        None where they are in several.
        """
        return _function(self._moved(_channels(self.start)), _channels(end))

    def channels_before(self, end: TensorType) -> tuple[int, ...] | None:
        """For each channel that comes out, which channel all its numbers were in; None where they were in several."""
        return _function(_channels(end), self._moved(_channels(self.start)))

    def _moved(self, array: Array) -> Array:
        for view in self.views:
            array = _viewed(view.op, array, view.type)
        return array


def passage(graph: LayerGraph, uses: Mapping[str, Node], path: str) -> Passage | None:
    """The way of a layer's tensor to who takes it; None where several do, or it is an output.

    Args:
        graph: the network.
        uses: who alone takes a tensor, by its name.
        path: the layer.
    """
    views: list[Node] = []
    taker = uses.get(path)
    while taker is not None and isinstance(taker.op, Flatten | Reshape | ToTokens | ToImage | ToSignal | Transpose):
        views.append(taker)
        taker = uses.get(taker.path)
    return None if taker is None else Passage(graph.types[path], tuple(views), taker)


def _viewed(op: Op, array: Array, type: TensorType) -> Array:
    """What an op makes of an array of all numbers but the batch, which are read channels first."""
    match op:
        case Flatten() | Reshape():
            return array.reshape(type.sizes)
        case ToTokens():
            return array.reshape(len(array), -1).T
        case ToImage():
            return array.T.reshape(type.sizes)
        case ToSignal() | Transpose():
            return array.T
    raise InternalError(f"{op.name} is no view")


def _channels(type: TensorType) -> Array:
    """The channel of each number of a tensor."""
    import numpy as np

    axis = type.channel_axis
    assert axis is not None
    shape = [1] * len(type.sizes)
    shape[axis] = type.sizes[axis]
    return np.broadcast_to(np.arange(type.sizes[axis]).reshape(shape), type.sizes)


def _function(keys: Array, values: Array) -> tuple[int, ...] | None:
    """For each key its value; None where it has several."""
    import numpy as np

    found: Any = np.zeros(int(keys.max()) + 1, np.intp)
    found[keys.reshape(-1)] = values.reshape(-1)
    return tuple(found.tolist()) if bool((found[keys] == values).all()) else None
