"""The op set. Each op is defined here once, with ONNX's meaning; backends hold one row for each.

The modules group the ops by what they do: `linear`, `norms`, `activations`, `regularizers`, `pools`, `reductions`,
`shapes`, `rearrange`, `resizing`, `interpolation`, `blocks`, `merges`, `tokens`, `attention`, `windows`. An op is found
by its name in `OPS`; those of other packages are, too.
"""

from typing import Final

from archspec.ir.op_registry import OPS

# In the order of the documentation, which is that of registration.
# isort: off
from archspec.ir.ops.base import GraphInput
from archspec.ir.ops.linear import Conv, ConvTranspose, Dense
from archspec.ir.ops.norms import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, LocalResponseNorm
from archspec.ir.ops.activations import (
    Clamp,
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
from archspec.ir.ops.regularizers import ChannelDropout, DropBlock, Dropout, DropPath
from archspec.ir.ops.pools import (
    AdaptiveAvgPool,
    AdaptiveMaxPool,
    AvgPool,
    BlurPool,
    GlobalAvgPool,
    GlobalMaxPool,
    MaxPool,
)
from archspec.ir.ops.reductions import ChannelAvgPool, ChannelMaxPool
from archspec.ir.ops.rearrange import Rearrange
from archspec.ir.ops.shapes import ChannelShuffle, Flatten, Identity, Reshape, SliceChannels, Split
from archspec.ir.ops.resizing import Crop, Pad, PadChannels, PadToMultiple, Roll
from archspec.ir.ops.interpolation import Upsample
from archspec.ir.ops.blocks import DepthToSpace, SpaceToDepth
from archspec.ir.ops.merges import Add, Concat, Matmul, Maximum, Minimum, Multiply
from archspec.ir.ops.tokens import (
    ClassToken,
    Embedding,
    PositionEmbedding,
    SelectToken,
    ToImage,
    ToSignal,
    ToTokens,
    Transpose,
)
from archspec.ir.ops.attention import Attention
from archspec.ir.ops.windows import WindowAttention
# isort: on

CORE: Final = OPS.registered
"""The names of archspec's own ops. No block may have one; a block may have the name of another package's op."""

__all__ = [
    "CORE",
    "OPS",
    "AdaptiveAvgPool",
    "AdaptiveMaxPool",
    "Add",
    "Attention",
    "AvgPool",
    "BatchNorm",
    "BlurPool",
    "ChannelAvgPool",
    "ChannelDropout",
    "ChannelMaxPool",
    "ChannelShuffle",
    "Clamp",
    "ClassToken",
    "Concat",
    "Conv",
    "ConvTranspose",
    "Crop",
    "Dense",
    "DepthToSpace",
    "DropBlock",
    "DropPath",
    "Dropout",
    "Elu",
    "Embedding",
    "Flatten",
    "Gelu",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "GraphInput",
    "GroupNorm",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "InstanceNorm",
    "LayerNorm",
    "LeakyRelu",
    "LocalResponseNorm",
    "Matmul",
    "MaxPool",
    "Maximum",
    "Minimum",
    "Mish",
    "Multiply",
    "Pad",
    "PadChannels",
    "PadToMultiple",
    "PositionEmbedding",
    "Prelu",
    "Rearrange",
    "Relu",
    "Relu6",
    "Reshape",
    "Roll",
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
    "ToSignal",
    "ToTokens",
    "Transpose",
    "Upsample",
    "WindowAttention",
]
