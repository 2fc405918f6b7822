"""What is known of a tensor before any number is: it spares padding and permuting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from archspec.ir.attributes import Padding
from archspec.ir.graph import LayerGraph
from archspec.ir.ops import (
    AdaptiveAvgPool,
    Add,
    BatchNorm,
    ChannelAvgPool,
    ChannelMaxPool,
    ChannelShuffle,
    Concat,
    Conv,
    GlobalAvgPool,
    GlobalMaxPool,
    GroupNorm,
    Identity,
    LayerNorm,
    LocalResponseNorm,
    Maximum,
    Multiply,
    Pad,
    PadChannels,
    Reshape,
    Scale,
    SliceChannels,
    Split,
)
from archspec.ir.ops.base import Elementwise
from archspec_keras.names import layer_name

_NOT_NEGATIVE: Final = frozenset({"relu", "relu6", "sigmoid", "hard_sigmoid", "softmax", "softplus"})
"""Ops that never give a negative number."""

_KEEP_SIGN: Final = frozenset(
    {
        *("leaky_relu", "prelu", "elu", "selu", "silu", "gelu", "mish", "tanh", "hard_swish"),
        *("max_pool", "avg_pool", "global_avg_pool", "global_max_pool", "adaptive_avg_pool"),
        *("identity", "flatten", "dropout", "drop_path", "local_response_norm"),
        *("channel_avg_pool", "channel_max_pool", "reshape", "channel_shuffle", "split", "slice_channels", "crop"),
        *("pad_channels", "upsample", "depth_to_space", "space_to_depth"),
        *("add", "multiply", "maximum", "concat"),
        *("to_tokens", "to_image", "transpose", "select_token"),
    }
)
"""Ops that give a negative number only where they are given one."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a graph's tensors: found once, since every definition asks, and there may be many."""

    never_negative: frozenset[str]
    single_pixel: frozenset[str]
    names: frozenset[str]
    """What the graph's own layers are called, which no layer may be called that is added to them."""

    @classmethod
    def of(cls, graph: LayerGraph) -> Facts:
        """The facts of a graph."""
        return cls(never_negative(graph), single_pixel(graph), frozenset(map(layer_name, graph.nodes)))


def never_negative(graph: LayerGraph) -> frozenset[str]:
    """The nodes that cannot give a negative number."""
    found: set[str] = set()
    for path, node in graph.nodes.items():
        keeps = node.op.name in _KEEP_SIGN
        if isinstance(node.op, Scale):
            # A param may be another in generated code.
            keeps = node.op.learned == "none" and node.op.value >= 0 and node.op.shift >= 0 and not node.exprs
        if isinstance(node.op, Pad):
            keeps = node.op.value >= 0 and "value" not in node.exprs
        given = found.issuperset(node.inputs)
        if isinstance(node.op, Maximum):  # one such branch is enough
            given = not found.isdisjoint(node.inputs)
        if node.op.name in _NOT_NEGATIVE or (keeps and given):
            found.add(path)
    return frozenset(found)


def single_pixel(graph: LayerGraph) -> frozenset[str]:
    """The nodes that give images of 1x1 whatever the size of the input."""
    found: set[str] = set()
    for path, node in graph.nodes.items():
        match node.op:
            case GlobalAvgPool(keep_axes=True) | GlobalMaxPool(keep_axes=True) | AdaptiveAvgPool(size=(1, 1)):
                found.add(path)
            case Conv(kernel=(1, 1), padding=Padding(sides=(0, 0, 0, 0))):
                found.update([path] if node.inputs[0] in found else [])
            case Elementwise() | Identity() | BatchNorm() | LayerNorm() | GroupNorm() | LocalResponseNorm():
                found.update([path] if node.inputs[0] in found else [])
            case ChannelShuffle() | Split() | SliceChannels() | PadChannels() | ChannelAvgPool() | ChannelMaxPool():
                found.update([path] if node.inputs[0] in found else [])
            case Reshape(shape=(_, 1, 1)):
                found.add(path)
            case Add() | Multiply() | Maximum() | Concat():
                found.update([path] if found.issuperset(node.inputs) else [])
            case _:
                pass
    return frozenset(found)
