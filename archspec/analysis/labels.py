"""What people are told of an op: a few words, as `conv 3x3, 64, /2`, and the kind that its colour goes by."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

from archspec.ir.attributes import Padding, Pair
from archspec.ir.graph import LayerGraph
from archspec.ir.op import Op
from archspec.ir.ops import (
    AdaptiveAvgPool,
    Add,
    Attention,
    AvgPool,
    BatchNorm,
    ChannelAvgPool,
    ChannelMaxPool,
    ChannelShuffle,
    ClassToken,
    Concat,
    Conv,
    ConvTranspose,
    Crop,
    Dense,
    DepthToSpace,
    Dropout,
    DropPath,
    Elu,
    Flatten,
    Gelu,
    GlobalAvgPool,
    GlobalMaxPool,
    GroupNorm,
    HardSigmoid,
    HardSwish,
    Identity,
    Input,
    InstanceNorm,
    LayerNorm,
    LeakyRelu,
    LocalResponseNorm,
    Maximum,
    MaxPool,
    Mish,
    Multiply,
    Pad,
    PadChannels,
    PositionEmbedding,
    Prelu,
    Relu,
    Relu6,
    Reshape,
    Scale,
    SelectToken,
    Selu,
    Sigmoid,
    Silu,
    SliceChannels,
    Softmax,
    Softplus,
    SpaceToDepth,
    Split,
    Tanh,
    ToImage,
    ToTokens,
    Transpose,
    Upsample,
)
from archspec.ir.wiring import Node

OpKind: TypeAlias = Literal[
    "input",
    "convolution",
    "dense",
    "norm",
    "activation",
    "pool",
    "merge",
    "attention",
    "shape",
    "regularizer",
    "other",
]
OP_KINDS: Final[tuple[OpKind, ...]] = get_args(OpKind)
"""Every kind, in the order of a legend."""

_KINDS: Final[dict[OpKind, tuple[type[Op], ...]]] = {
    "input": (Input,),
    "convolution": (Conv, ConvTranspose),
    "dense": (Dense,),
    "norm": (BatchNorm, LayerNorm, GroupNorm, InstanceNorm, LocalResponseNorm),
    "activation": (
        *(Relu, Relu6, LeakyRelu, Prelu, Elu, Selu, Silu, Gelu, Mish, Softplus, Tanh, Sigmoid),
        *(HardSigmoid, HardSwish, Softmax),
    ),
    "pool": (MaxPool, AvgPool, GlobalAvgPool, GlobalMaxPool, AdaptiveAvgPool, ChannelAvgPool, ChannelMaxPool),
    "merge": (Add, Multiply, Maximum, Concat),
    "attention": (Attention,),
    "shape": (
        *(Identity, Flatten, Reshape, ChannelShuffle, Split, SliceChannels, Pad, Crop, PadChannels, Upsample),
        *(DepthToSpace, SpaceToDepth, ToTokens, ToImage, Transpose, SelectToken),
    ),
    "regularizer": (Dropout, DropPath),
    "other": (Scale, ClassToken, PositionEmbedding),
}
_KIND_OF: Final[dict[type[Op], OpKind]] = {op: kind for kind, ops in _KINDS.items() for op in ops}


def kind_of(op: Op) -> OpKind:
    """What the op is for, one of `OP_KINDS`: pictures and tables colour it by that."""
    return _KIND_OF[type(op)]


def short_text(node: Node, graph: LayerGraph) -> str:
    """The op in a few words, with what a reader looks for first: `conv 3x3, 64, /2`.

    A convolution has its kernel, its filters, and `/2` where its stride is not 1; `x2` tells by how much a transposed
    convolution or an up-sampling enlarges. Archspec's own words and numbers alone: nothing of a spec's text is in it.
    """
    match node.op:
        case Conv() as op:
            depthwise = op.groups == graph.input_types(node)[0].channels > 1
            name = "depthwise conv" if depthwise else "conv"
            groups = "" if depthwise or op.groups == 1 else f"{op.groups} groups"
            return _joined(f"{name} {pair(op.kernel)}", str(op.filters), _stride(op.stride), groups, _spread(op))
        case ConvTranspose() as op:
            groups = "" if op.groups == 1 else f"{op.groups} groups"
            enlarged = "" if op.stride == (1, 1) else f"x{number(op.stride)}"
            return _joined(f"transposed conv {pair(op.kernel)}", str(op.filters), enlarged, groups, _spread(op))
        case MaxPool() | AvgPool() as op:
            return _joined(f"{_name(op)} {pair(op.kernel)}", _stride(op.step))
        case Reshape():
            return f"reshape to {node.type.text}"
        case op:
            return _name(op) + _key(op)


def _key(op: Op) -> str:
    """What follows the name of an op, if anything is said of it."""
    match op:
        case Dense():
            return f" {op.units}"
        case Attention():
            return f", {op.heads} heads"
        case GroupNorm() | ChannelShuffle():
            return f", {op.groups} groups"
        case LocalResponseNorm():
            return f", {op.size} channels"
        case Dropout() | DropPath():
            return f" {op.rate:.3g}"
        case LeakyRelu():
            return f" {op.slope:g}"
        case Scale(learned="none"):
            return f" {op.value:g}" + (f", {op.shift:+g}" if op.shift else "")
        case Scale():
            return ", learned by channel" if op.learned == "channel" else ", learned"
        case AdaptiveAvgPool():
            return f" to {pair(op.size)}"
        case Upsample():
            return f" x{number(op.factor)}, {op.mode}"
        case DepthToSpace() | SpaceToDepth():
            return f" {op.block}"
        case Split():
            return f", part {op.index + 1} of {op.parts}"
        case SliceChannels():
            return f" {op.start}:{'' if op.stop is None else op.stop}"
        case Pad():
            return f" {_sides(op.padding)}" + ("" if op.mode == "constant" else f", {op.mode}")
        case Crop():
            return f" {_sides(op.cropping)}"
        case PadChannels():
            return f" +{op.before + op.after}"
        case Concat(axis="tokens"):
            return " tokens"
        case ToImage():
            return f" {op.height}x{op.width}"
        case SelectToken():
            return f" {op.index}"
        case _:
            return ""


def _name(op: Op) -> str:
    return " ".join("average" if word == "avg" else word for word in op.name.split("_"))


def pair(sizes: Pair) -> str:
    """Height and width: `3x3`."""
    return f"{sizes[0]}x{sizes[1]}"


def number(sizes: Pair) -> str:
    """A pair that is mostly two equal numbers: `2`, or `2x1`."""
    return str(sizes[0]) if sizes[0] == sizes[1] else pair(sizes)


def _stride(stride: Pair) -> str:
    return "" if stride == (1, 1) else f"/{number(stride)}"


def _spread(op: Conv | ConvTranspose) -> str:
    return "" if op.dilation == (1, 1) else f"dilation {number(op.dilation)}"


def _sides(padding: Padding) -> str:
    if (both := padding.symmetric) is not None:
        return number(both)
    return "/".join(map(str, padding.sides or ()))


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
