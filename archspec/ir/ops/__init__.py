"""The op set. Each op is defined here once, with ONNX's meaning; backends hold one row for each.

The modules group the ops by what they do: `linear`, `norms`, `activations`, `regularizers`, `pools`,
`reductions`, `shapes`, `merges`, `tokens`. An op is found by its name in `OPS`.
"""

from typing import Final

from archspec.ir.op import Op
from archspec.ir.ops.activations import (
    Elu,
    Gelu,
    HardSigmoid,
    HardSwish,
    LeakyRelu,
    Mish,
    Prelu,
    Relu,
    Relu6,
    Scale,
    Selu,
    Sigmoid,
    Silu,
    Softmax,
    Softplus,
    Tanh,
)
from archspec.ir.ops.base import Input
from archspec.ir.ops.linear import Conv, ConvTranspose, Dense
from archspec.ir.ops.merges import Add, Concat, Maximum, Multiply
from archspec.ir.ops.norms import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, LocalResponseNorm
from archspec.ir.ops.pools import AdaptiveAvgPool, AvgPool, GlobalAvgPool, GlobalMaxPool, MaxPool
from archspec.ir.ops.reductions import ChannelAvgPool, ChannelMaxPool
from archspec.ir.ops.regularizers import Dropout, DropPath
from archspec.ir.ops.shapes import (
    ChannelShuffle,
    Crop,
    DepthToSpace,
    Flatten,
    Identity,
    Pad,
    PadChannels,
    Reshape,
    SliceChannels,
    SpaceToDepth,
    Split,
    Upsample,
)
from archspec.ir.ops.tokens import (
    Attention,
    ClassToken,
    PositionEmbedding,
    SelectToken,
    ToImage,
    ToTokens,
    Transpose,
)

OPS: Final[dict[str, type[Op]]] = {
    op.name: op
    for op in (
        *(Conv, ConvTranspose, Dense),
        *(BatchNorm, LayerNorm, GroupNorm, InstanceNorm, LocalResponseNorm),
        *(Relu, Relu6, LeakyRelu, Prelu, Elu, Selu, Silu, Gelu, Mish, Softplus, Tanh, Sigmoid, HardSigmoid, HardSwish),
        *(Softmax, Scale),
        *(Dropout, DropPath),
        *(MaxPool, AvgPool, GlobalAvgPool, GlobalMaxPool, AdaptiveAvgPool),
        *(ChannelAvgPool, ChannelMaxPool),
        *(Identity, Flatten, Reshape, ChannelShuffle, Split, SliceChannels),
        *(Pad, Crop, PadChannels, Upsample, DepthToSpace, SpaceToDepth),
        *(Add, Multiply, Maximum, Concat),
        *(ToTokens, ToImage, Transpose, Attention, ClassToken, PositionEmbedding, SelectToken),
    )
}
"""Every op that a spec can name, by its name; grouped, in the order of the documentation."""

__all__ = [
    "OPS",
    "AdaptiveAvgPool",
    "Add",
    "Attention",
    "AvgPool",
    "BatchNorm",
    "ChannelAvgPool",
    "ChannelMaxPool",
    "ChannelShuffle",
    "ClassToken",
    "Concat",
    "Conv",
    "ConvTranspose",
    "Crop",
    "Dense",
    "DepthToSpace",
    "DropPath",
    "Dropout",
    "Elu",
    "Flatten",
    "Gelu",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "GroupNorm",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "Input",
    "InstanceNorm",
    "LayerNorm",
    "LeakyRelu",
    "LocalResponseNorm",
    "MaxPool",
    "Maximum",
    "Mish",
    "Multiply",
    "Pad",
    "PadChannels",
    "PositionEmbedding",
    "Prelu",
    "Relu",
    "Relu6",
    "Reshape",
    "Scale",
    "SelectToken",
    "Selu",
    "Sigmoid",
    "Silu",
    "SliceChannels",
    "Softmax",
    "Softplus",
    "SpaceToDepth",
    "Split",
    "Tanh",
    "ToImage",
    "ToTokens",
    "Transpose",
    "Upsample",
]
