"""Layers that multiply each channel by a number and add another, and the products that can take them in.

The numbers are worked out in float64, whatever the weights' own precision is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from archspec.errors import InternalError
from archspec.ir.def_use import Node
from archspec.ir.graph import LayerGraph
from archspec.ir.initializers import Zeros
from archspec.ir.op import Op, Weight
from archspec.ir.ops.attention import InputMap
from archspec.ir.ops.linear import Conv, ConvTranspose, Dense
from archspec.ir.ops.norms import BatchNorm, GroupNorm, InstanceNorm, LayerNorm
from archspec.ir.ops.scaling import Scale, Shift

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Product: TypeAlias = Conv | ConvTranspose | Dense
"""Ops that multiply by a learned matrix and may add a learned number to each channel of their result."""
ChannelMap: TypeAlias = BatchNorm | Scale | Shift
"""Ops that compute `factor x + offset` in inference, with numbers for each channel."""
AffineNorm: TypeAlias = LayerNorm | GroupNorm | InstanceNorm
"""Norms of each example by itself, which then scale and shift each channel."""


def is_channel_map(graph: LayerGraph, node: Node) -> bool:
    """Whether a layer has a factor and an offset for each channel, the axis that products make."""
    return isinstance(node.op, ChannelMap) and graph.input_types(node)[0].channel_axis is not None


def with_bias(product: Product) -> Op:
    """The product with a bias; one that it gets begins with zeros."""
    return product if product.bias else replace(product, bias=True, bias_init=Zeros())


@dataclass(frozen=True, slots=True)
class FoldIntoPrevious:
    """The weights of a product that does the work of the channel map after it.

    `factor (w x + b) + offset` is `(factor w) x + (factor b + offset)`.
    """

    product: str
    op: Product
    map: str
    map_op: ChannelMap
    channels: tuple[int, ...] | None = None
    """For each channel of the product's result, which one of the map it is then; the same if not given."""

    def apply(self, weights: dict[str, Any]) -> None:
        """Change the product's weights, and take the map's out."""
        factor, offset = _at(self.channels, *channel_numbers(self.map, self.map_op, weights))
        weight, bias = _matrix(self.product, self.op, weights)
        filters = weight.shape[0] if not isinstance(self.op, ConvTranspose) else self.op.filters
        factor, offset = _spread(factor, filters), _spread(offset, filters)
        if isinstance(self.op, ConvTranspose):
            # (C, filters / groups, *kernel): the channels of the result that a group gives are its second axis.
            channels, each, *kernel = weight.shape
            groups = self.op.groups
            by_group = weight.reshape(groups, channels // groups, each, *kernel)
            scaled = by_group * factor.reshape(groups, 1, each, *(1 for _ in kernel))
            weights[f"{self.product}.weight"] = scaled.reshape(weight.shape)
        else:
            weights[f"{self.product}.weight"] = weight * factor.reshape(-1, *(1 for _ in weight.shape[1:]))
        weights[f"{self.product}.bias"] = bias * factor + offset


@dataclass(frozen=True, slots=True)
class FoldIntoNext:
    """The weights of a product that does the work of the channel map before it.

    `w (factor x + offset) + b` is `(w factor) x + (w offset + b)`, where nothing but what the map gives comes to the
    product: no zeros around it.
    """

    product: str
    op: Conv | Dense
    map: str
    map_op: ChannelMap | AffineNorm
    channels: tuple[int, ...] | None = None
    """For each channel that comes to the product, which one of the map it was; the same if not given."""

    def apply(self, weights: dict[str, Any]) -> None:
        """Change the product's weights, and take the map's out."""
        factor, offset = _at(self.channels, *channel_numbers(self.map, self.map_op, weights))
        weight, bias = _matrix(self.product, self.op, weights)
        groups = self.op.groups if isinstance(self.op, Conv) else 1
        filters, each, *kernel = weight.shape
        factor, offset = _spread(factor, groups * each), _spread(offset, groups * each)
        by_group = weight.reshape(groups, filters // groups, each, *kernel)
        shape = (groups, 1, each, *(1 for _ in kernel))
        axes = tuple(range(2, by_group.ndim))
        weights[f"{self.product}.weight"] = (by_group * factor.reshape(shape)).reshape(weight.shape)
        weights[f"{self.product}.bias"] = bias + (by_group * offset.reshape(shape)).sum(axis=axes).reshape(filters)


@dataclass(frozen=True, slots=True)
class FoldIntoAttention:
    """The weights of attention that scales and shifts what comes by one of its inputs, in place of the norm before it.

    Queries, keys and values are `w (factor x + offset) + b`, which is `(w factor) x + (w offset + b)`.
    """

    attention: str
    maps: tuple[InputMap, ...]
    """Those of what the norm gives."""
    norm: str
    norm_op: AffineNorm
    added: tuple[Weight, ...]
    """The biases that it gets."""

    def apply(self, weights: dict[str, Any]) -> None:
        """Change the weights of the maps, and take the norm's out."""
        import numpy as np

        factor, offset = channel_numbers(self.norm, self.norm_op, weights)
        for weight in self.added:
            weights[f"{self.attention}.{weight.name}"] = np.zeros(weight.shape)
        for one in self.maps:
            name = f"{self.attention}.{one.weight}"
            whole = np.array(weights[name], np.float64)
            rows = whole[one.rows].copy()
            whole[one.rows] = rows * factor
            weights[name] = whole
            if self.norm_op.shift:
                bias = np.array(weights[f"{self.attention}.{one.bias}"], np.float64)
                bias[one.rows] += rows @ _spread(offset, rows.shape[1])
                weights[f"{self.attention}.{one.bias}"] = bias


def _matrix(path: str, op: Product, weights: dict[str, Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A product's weight and its bias, zeros where it has none."""
    import numpy as np

    weight = np.asarray(weights[f"{path}.weight"], np.float64)
    if op.bias:
        return weight, np.asarray(weights[f"{path}.bias"], np.float64)
    return weight, np.zeros(op.units if isinstance(op, Dense) else op.filters)


def channel_numbers(
    path: str, op: ChannelMap | AffineNorm, weights: dict[str, Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The factor and the offset of a channel map, or of a norm's last part: one number, or one for each channel.

    Its weights are taken out.
    """
    import numpy as np

    own = {
        name: np.asarray(weights.pop(f"{path}.{name}"), np.float64)
        for name in ("weight", "bias", "running_mean", "running_var")
        if f"{path}.{name}" in weights
    }
    match op:
        case BatchNorm():
            factor = own.get("weight", 1.0) / np.sqrt(own["running_var"] + op.eps)
            return factor, own.get("bias", 0.0) - own["running_mean"] * factor
        case LayerNorm() | GroupNorm() | InstanceNorm():
            return np.asarray(own.get("weight", 1.0)), np.asarray(own.get("bias", 0.0))
        case Scale():
            learned = np.asarray(weights.pop(path), np.float64) if op.bare else own.get("weight", np.float64(op.value))
            return np.ravel(learned), np.atleast_1d(np.float64(op.shift))
        case Shift():
            learned = np.asarray(weights.pop(path), np.float64) if op.bare else own["weight"]
            return np.ones(1), np.ravel(learned)
    raise InternalError(f"{path} is no channel map")


def _at(
    channels: tuple[int, ...] | None, factor: NDArray[np.float64], offset: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The numbers of these channels, where there is one for each."""
    import numpy as np

    if channels is None:
        return factor, offset
    wanted = [*channels]

    def at(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        return _spread(np.ravel(numbers), max(max(wanted) + 1, np.size(numbers)))[wanted]

    return at(factor), at(offset)


def _spread(numbers: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    import numpy as np

    return np.broadcast_to(numbers, (count,))
