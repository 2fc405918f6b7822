"""The op set. Each op is defined here once, with ONNX's meaning; backends hold one row for each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from archspec.ir.attributes import (
    NO_PADDING,
    BoolKind,
    FloatKind,
    InitKind,
    IntKind,
    Padding,
    PaddingKind,
    Pair,
    PairKind,
    WordKind,
    attribute,
)
from archspec.ir.initializers import FanInUniform, Initializer, Ones, Zeros
from archspec.ir.op import Op, Shape, ShapeError, Weight, image, shape_text
from archspec.ir.window import output_size

_CHANNEL_WORDS: Final = {
    "out_channels": "write `filters` (the number of output channels)",
    "channels": "write `filters` (the number of output channels); input channels are inferred",
    "in_channels": "leave it out: input channels are inferred",
    "kernel_size": "write `kernel`",
    "strides": "write `stride`",
    "same_pad": "write `padding: same`, which is TensorFlow's SAME; PyTorch's symmetric padding is a number",
    "use_bias": "write `bias`",
}
_WINDOW_WORDS: Final = {
    "kernel_size": "write `kernel`",
    "pool_size": "write `kernel`",
    "strides": "write `stride`",
    "same_pad": "write `padding: same`, which is TensorFlow's SAME; PyTorch's symmetric padding is a number",
}


@dataclass(frozen=True, slots=True)
class Input(Op):
    """A tensor that is fed in. It has no attributes in the language: `input:` describes it."""

    name: ClassVar[str] = "input"
    least_inputs: ClassVar[int] = 0
    most_inputs: ClassVar[int | None] = 0


@dataclass(frozen=True, slots=True)
class Conv(Op):
    """2-D convolution (cross-correlation): (C, H, W) to (filters, H', W'). ONNX Conv."""

    filters: int = attribute(IntKind(least=1), "number of output channels")
    kernel: Pair = attribute(PairKind(), "height and width of the kernel", spatial=True)
    stride: Pair = attribute(PairKind(), "vertical and horizontal stride", default=(1, 1), spatial=True)
    padding: Padding = attribute(PaddingKind(), "zeros around the input", default=NO_PADDING, spatial=True)
    dilation: Pair = attribute(PairKind(), "distance between kernel elements", default=(1, 1), spatial=True)
    groups: int = attribute(IntKind(least=1), "independent groups of channels", default=1)
    bias: bool = attribute(BoolKind(), "add a learned number to each output channel", default=True)
    init: Initializer = attribute(InitKind(), "initial weight", default=FanInUniform())
    bias_init: Initializer = attribute(InitKind(), "initial bias", default=FanInUniform())

    name: ClassVar[str] = "conv"
    weighted: ClassVar[bool] = True
    two_meanings: ClassVar[Mapping[str, str]] = _CHANNEL_WORDS

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        channels, height, width = image(self.name, inputs[0])
        for what, count in (("input", channels), ("output", self.filters)):
            if count % self.groups:
                raise ShapeError(
                    f"{self.groups} groups do not divide the {count} {what} channels",
                    "E0504",
                    "choose a number of groups that divides both input and output channels",
                )
        size = output_size(self.name, (height, width), self.kernel, self.stride, self.padding, self.dilation)
        return (self.filters, *size)

    def weights(self, inputs: Sequence[Shape]) -> tuple[Weight, ...]:
        weight = Weight("weight", (self.filters, inputs[0][0] // self.groups, *self.kernel), self.init)
        return (weight, Weight("bias", (self.filters,), self.bias_init)) if self.bias else (weight,)

    def macs(self, inputs: Sequence[Shape], output: Shape) -> int:
        return math.prod(output) * (inputs[0][0] // self.groups) * math.prod(self.kernel)


@dataclass(frozen=True, slots=True)
class Dense(Op):
    """Fully connected layer over the last axis: (..., F) to (..., units). ONNX Gemm / MatMul + Add."""

    units: int = attribute(IntKind(least=1), "number of output features")
    bias: bool = attribute(BoolKind(), "add a learned number to each output", default=True)
    init: Initializer = attribute(InitKind(), "initial weight", default=FanInUniform())
    bias_init: Initializer = attribute(InitKind(), "initial bias", default=FanInUniform())

    name: ClassVar[str] = "dense"
    weighted: ClassVar[bool] = True
    two_meanings: ClassVar[Mapping[str, str]] = {
        "out_features": "write `units`",
        "filters": "write `units`",
        "use_bias": "write `bias`",
    }

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        if len(inputs[0]) == 3:
            raise ShapeError(
                f"dense works on features, its input is an image of shape {shape_text(inputs[0])}",
                help="put `flatten` or `global_avg_pool` with `keep_axes: false` before it",
            )
        return (*inputs[0][:-1], self.units)

    def weights(self, inputs: Sequence[Shape]) -> tuple[Weight, ...]:
        weight = Weight("weight", (self.units, inputs[0][-1]), self.init)
        return (weight, Weight("bias", (self.units,), self.bias_init)) if self.bias else (weight,)

    def macs(self, inputs: Sequence[Shape], output: Shape) -> int:
        return math.prod(output) * inputs[0][-1]


@dataclass(frozen=True, slots=True)
class BatchNorm(Op):
    """Batch normalization over channels. ONNX BatchNormalization; Ioffe and Szegedy 2015."""

    eps: float = attribute(FloatKind(), "added to the variance", default=1e-5)
    decay: float = attribute(
        FloatKind(most=1.0), "share of the old running statistics that a training step keeps", default=0.9
    )
    variance: str = attribute(
        WordKind(words=("unbiased", "biased")),
        "running variance: `unbiased` (n - 1, as PyTorch keeps it) or `biased` (n, as Keras does)",
        default="unbiased",
    )

    name: ClassVar[str] = "batch_norm"
    two_meanings: ClassVar[Mapping[str, str]] = {
        "momentum": "`momentum` is the new value's share in PyTorch and the old one's in Keras; write `decay`, "
        "the old one's share: decay = 1 - momentum (PyTorch), decay = momentum (Keras)",
        "epsilon": "write `eps`",
    }

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        return inputs[0]

    def weights(self, inputs: Sequence[Shape]) -> tuple[Weight, ...]:
        shape = (inputs[0][0],)
        return (
            Weight("weight", shape, Ones()),
            Weight("bias", shape, Zeros()),
            Weight("running_mean", shape, Zeros(), trainable=False),
            Weight("running_var", shape, Ones(), trainable=False),
        )


@dataclass(frozen=True, slots=True)
class _Elementwise(Op):
    """Same shape out as in."""

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        return inputs[0]


@dataclass(frozen=True, slots=True)
class Identity(_Elementwise):
    """Its input, unchanged. ONNX Identity."""

    name: ClassVar[str] = "identity"


@dataclass(frozen=True, slots=True)
class Relu(_Elementwise):
    """max(x, 0). ONNX Relu."""

    name: ClassVar[str] = "relu"


@dataclass(frozen=True, slots=True)
class Sigmoid(_Elementwise):
    """1 / (1 + exp(-x)). ONNX Sigmoid."""

    name: ClassVar[str] = "sigmoid"


@dataclass(frozen=True, slots=True)
class Softmax(_Elementwise):
    """Softmax over channels or features (the first axis after the batch for images, the last otherwise)."""

    name: ClassVar[str] = "softmax"


@dataclass(frozen=True, slots=True)
class Dropout(_Elementwise):
    """In training, zero elements with probability `rate` and divide the rest by 1 - rate. ONNX Dropout."""

    rate: float = attribute(FloatKind(most=1.0), "probability of zeroing an element", default=0.5)

    name: ClassVar[str] = "dropout"
    two_meanings: ClassVar[Mapping[str, str]] = {
        "p": "write `rate`, the share that is zeroed",
        "keep_prob": "write `rate`, the share that is zeroed: rate = 1 - keep_prob",
    }


def _pooled(op: MaxPool | AvgPool, shape: Shape) -> Shape:
    """The shape after a pool; every window must hold something besides padding, or its result means nothing."""
    channels, height, width = image(op.name, shape)
    top, bottom, left, right = op.padding.sides or (0, 0, 0, 0)
    if isinstance(op, AvgPool) and op.count_padding:
        top = bottom = left = right = 0  # zeros that count are as good as any other elements
    for axis, pad, window in (("height", max(top, bottom), op.kernel[0]), ("width", max(left, right), op.kernel[1])):
        if pad >= window:
            raise ShapeError(
                f"{op.name} pads {pad} in {axis} with a kernel of {window}: a window would hold nothing but padding",
                help="pad less than the kernel covers",
            )
    return (channels, *output_size(op.name, (height, width), op.kernel, op.step, op.padding))


@dataclass(frozen=True, slots=True)
class MaxPool(Op):
    """The largest element under a window; padding counts as minus infinity. ONNX MaxPool."""

    kernel: Pair = attribute(PairKind(), "height and width of the window", spatial=True)
    stride: Pair | None = attribute(PairKind(), "stride; the kernel's size unless given", default=None, spatial=True)
    padding: Padding = attribute(PaddingKind(), "minus infinity around the input", default=NO_PADDING, spatial=True)

    name: ClassVar[str] = "max_pool"
    two_meanings: ClassVar[Mapping[str, str]] = _WINDOW_WORDS

    @property
    def step(self) -> Pair:
        """The stride in force."""
        return self.stride or self.kernel

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        return _pooled(self, inputs[0])


@dataclass(frozen=True, slots=True)
class AvgPool(Op):
    """The mean of the elements under a window. ONNX AveragePool."""

    kernel: Pair = attribute(PairKind(), "height and width of the window", spatial=True)
    stride: Pair | None = attribute(PairKind(), "stride; the kernel's size unless given", default=None, spatial=True)
    padding: Padding = attribute(PaddingKind(), "around the input", default=NO_PADDING, spatial=True)
    count_padding: bool = attribute(BoolKind(), "padding counts as zeros in the mean", default=False)

    name: ClassVar[str] = "avg_pool"
    two_meanings: ClassVar[Mapping[str, str]] = _WINDOW_WORDS

    @property
    def step(self) -> Pair:
        """The stride in force."""
        return self.stride or self.kernel

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        return _pooled(self, inputs[0])


@dataclass(frozen=True, slots=True)
class GlobalAvgPool(Op):
    """The mean over height and width. ONNX GlobalAveragePool."""

    keep_axes: bool = attribute(BoolKind(), "keep height and width as 1x1", default=True)

    name: ClassVar[str] = "global_avg_pool"

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        channels, _, _ = image(self.name, inputs[0])
        return (channels, 1, 1) if self.keep_axes else (channels,)


@dataclass(frozen=True, slots=True)
class Flatten(Op):
    """All axes but the batch in one, in the order channels, height, width. ONNX Flatten."""

    name: ClassVar[str] = "flatten"

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        size = inputs[0][0]  # multiplied one by one, so that a size that carries an expression keeps it
        for extent in inputs[0][1:]:
            size = size * extent
        return (size,)


@dataclass(frozen=True, slots=True)
class _Pointwise(Op):
    """A merge of tensors of one shape."""

    least_inputs: ClassVar[int] = 2
    most_inputs: ClassVar[int | None] = None

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        for index, shape in enumerate(inputs[1:], start=2):
            if shape != inputs[0]:
                raise ShapeError(
                    f"{self.name} needs equal shapes; branch 1 gives {shape_text(inputs[0])}, "
                    f"branch {index} gives {shape_text(shape)}",
                    "E0502",
                )
        return inputs[0]


@dataclass(frozen=True, slots=True)
class Add(_Pointwise):
    """The elementwise sum of its branches. ONNX Add / Sum."""

    name: ClassVar[str] = "add"


@dataclass(frozen=True, slots=True)
class Multiply(_Pointwise):
    """The elementwise product of its branches; a (C, 1, 1) branch scales whole channels. ONNX Mul."""

    name: ClassVar[str] = "multiply"

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        full = max(inputs, key=math.prod)
        for index, shape in enumerate(inputs, start=1):
            per_channel = len(full) == 3 and shape == (full[0], 1, 1)
            if shape != full and not per_channel:
                raise ShapeError(
                    f"multiply needs equal shapes, or one number a channel; branch {index} gives "
                    f"{shape_text(shape)} where another gives {shape_text(full)}",
                    "E0502",
                )
        return full


@dataclass(frozen=True, slots=True)
class Concat(Op):
    """Its branches one after the other along the channels. ONNX Concat, axis 1."""

    name: ClassVar[str] = "concat"
    least_inputs: ClassVar[int] = 2
    most_inputs: ClassVar[int | None] = None

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        channels, rest = inputs[0][0], inputs[0][1:]
        for index, shape in enumerate(inputs[1:], start=2):
            if shape[1:] != rest:
                raise ShapeError(
                    f"concat needs equal heights and widths; branch 1 gives {shape_text(inputs[0])}, "
                    f"branch {index} gives {shape_text(shape)}",
                    "E0502",
                )
            channels = channels + shape[0]
        return (channels, *rest)


OPS: Final[dict[str, type[Op]]] = {
    op.name: op
    for op in (
        Conv,
        Dense,
        BatchNorm,
        Identity,
        Relu,
        Sigmoid,
        Softmax,
        Dropout,
        MaxPool,
        AvgPool,
        GlobalAvgPool,
        Flatten,
        Add,
        Multiply,
        Concat,
    )
}
"""Every op that a spec can name, by its name."""
