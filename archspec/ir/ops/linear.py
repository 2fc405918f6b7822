"""Ops that multiply by a learned matrix: convolutions and dense layers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Self

from archspec.ir.attributes import (
    BoolKind,
    FloatKind,
    InitKind,
    IntKind,
    Padding,
    PaddingKind,
    PerAxis,
    PerAxisKind,
    WordKind,
    attribute,
)
from archspec.ir.captions import extents, joined, unless_one
from archspec.ir.convolution_arithmetic import crop, output_size, sides_of
from archspec.ir.footprint import Footprint, sliding, spreading
from archspec.ir.initializers import FanInUniform, Initializer, Ones
from archspec.ir.op import Example, Op, OpKind, ShapeError, Weight
from archspec.ir.op_registry import register
from archspec.ir.ops.base import CHANNEL_WORDS, Placewise, decays
from archspec.ir.tensor_type import FEATURE_MAPS, FEATURES, SPATIAL, TOKENS, Accepted, Axes, TensorType
from archspec.records import record


@record
class Convolution(Op):
    """What slides filters along all spatial axes: (C, H, W) to (filters, H', W')."""

    filters: int = attribute(IntKind(least=1), "number of output channels")
    kernel: PerAxis = attribute(PerAxisKind(), "size of the kernel along each axis", spatial=True)
    stride: PerAxis = attribute(PerAxisKind(), "stride", default=1, spatial=True)
    padding: Padding = attribute(PaddingKind(), "zeros around the input", default=0, spatial=True)
    dilation: PerAxis = attribute(PerAxisKind(), "distance between kernel elements", default=1, spatial=True)
    groups: int = attribute(IntKind(least=1), "independent groups of channels", default=1)
    bias: bool = attribute(BoolKind(), "add a learned number to each output channel", default=True)
    init: Initializer = attribute(InitKind(), "initial weight", default=FanInUniform())
    bias_init: Initializer = attribute(InitKind(of_bias=True), "initial bias", default=FanInUniform())
    weight_decay: float = decays("weight")
    bias_decay: float = decays("bias")

    kind: ClassVar[OpKind] = "convolution"
    short: ClassVar[str] = "conv"
    """What captions call it."""
    takes: ClassVar[Accepted] = FEATURE_MAPS
    weighted: ClassVar[bool] = True
    two_meanings: ClassVar[Mapping[str, str]] = CHANNEL_WORDS

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        x = inputs[0]
        _check_groups(self.groups, x.channels, self.filters)
        size = output_size(x.places, self.kernel, self.stride, self.padding, self.dilation, x.place_names)
        return x.with_sizes((self.filters, *size))

    def resolved(self, inputs: Sequence[TensorType]) -> Self:
        if not self.padding.is_same:
            return self
        sides = sides_of(self.padding, inputs[0].places, self.kernel, self.stride, self.dilation)
        return replace(self, padding=replace(self.padding, sides=sides))

    def footprint(self, inputs: Sequence[TensorType]) -> tuple[Footprint, ...]:
        sides = sides_of(self.padding, inputs[0].places, self.kernel, self.stride, self.dilation)
        return (sliding(self.kernel, self.stride, sides, self.dilation),)

    def weights(self, inputs: Sequence[TensorType]) -> tuple[Weight, ...]:
        shape = (self.filters, inputs[0].channels // self.groups, *self.kernel)
        weight = Weight("weight", shape, self.init, decay=self.weight_decay)
        bias = Weight("bias", (self.filters,), self.bias_init, fan_shape=weight.shape, decay=self.bias_decay)
        return (weight, bias) if self.bias else (weight,)

    def macs(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        return outputs[0].count * (inputs[0].channels // self.groups) * math.prod(self.kernel)

    def caption(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> str:
        depthwise = self.groups == inputs[0].channels > 1
        groups = "" if depthwise or self.groups == 1 else f"{self.groups} groups"
        spread = unless_one(self.dilation, "dilation {}")
        name = f"{'depthwise ' if depthwise else ''}{self.short} {extents(self.kernel)}"
        return joined(name, str(self.filters), unless_one(self.stride, "/{}"), groups, spread)

    def table_text(self, inputs: Sequence[TensorType], *, strides: bool, inner: bool) -> str:
        arriving = inputs[0].channels
        depthwise = self.groups == arriving > 1
        groups = f"C={self.groups}" if 1 < self.groups < arriving else ""
        stride = unless_one(self.stride, "stride {}") if strides else ""
        spread = unless_one(self.dilation, "dilation {}")
        name = f"{extents(self.kernel)} dw" if depthwise else extents(self.kernel)
        return joined(name, str(self.filters), groups, spread, stride)

    def one_place(self, inputs: Sequence[bool]) -> bool:
        padding = self.padding.symmetric
        return set(self.kernel) == {1} and padding is not None and not any(padding) and inputs[0]


@register
class Conv(Convolution):
    """Convolution (cross-correlation) along all spatial axes: (C, H, W) to (filters, H', W'). ONNX Conv."""

    __slots__ = ()

    name: ClassVar[str] = "conv"
    example: ClassVar[Example] = Example(
        (16, 8, 8), "conv: {filters: 32, kernel: 3, stride: 2, padding: 1, init: {kaiming_normal: fan_out}}"
    )


@register
@record
class StandardizedConv(Convolution):
    """Convolution by filters of mean 0 and variance 1: (C, H, W) to (filters, H', W'). Qiao et al. 2019.

    Each filter w is used as (w - mean) / sqrt(variance + eps), both over all its numbers; the weight is w. ONNX
    ReduceMean, Sub, Mul, Sqrt, Div and Conv.
    """

    eps: float = attribute(FloatKind(), "added to the variance", default=1e-6)

    name: ClassVar[str] = "standardized_conv"
    short: ClassVar[str] = "standardized conv"
    example: ClassVar[Example] = Example(
        (16, 8, 8), "standardized_conv: {filters: 32, kernel: 3, padding: 1, bias: false}"
    )


@register
@record
class ScaledStandardizedConv(Convolution):
    """Convolution by filters of mean 0 and a learned deviation: (C, H, W) to (filters, H', W'). Brock et al. 2021.

    Each filter w of n numbers is used as gain * gamma / sqrt(n) * (w - mean) / sqrt(variance + eps): what comes out
    varies as what arrives does, so that NF-ResNets and NFNets need no norm. The weights are w and `gain`, one number
    for each filter. The ScaledStdConv2d of timm. ONNX ReduceMean, Sub, Mul, Sqrt, Div and Conv.
    """

    eps: float = attribute(FloatKind(), "added to the variance", default=1e-6)
    gamma: float = attribute(
        FloatKind(), "what makes up for the activation before it: 1.7139588594436646 for ReLU", default=1.0
    )
    gain_init: Initializer = attribute(InitKind(by_fan=False), "initial gain", default=Ones())

    name: ClassVar[str] = "scaled_standardized_conv"
    short: ClassVar[str] = "scaled standardized conv"
    example: ClassVar[Example] = Example(
        (16, 8, 8), "scaled_standardized_conv: {filters: 32, kernel: 3, padding: 1, gamma: 1.7139588594436646}"
    )

    def weights(self, inputs: Sequence[TensorType]) -> tuple[Weight, ...]:
        found = Convolution.weights(self, inputs)  # `super` knows the class before its slots
        return (*found, Weight("gain", (self.filters, *(1 for _ in found[0].shape[1:])), self.gain_init))


@register
@record
class ConvTranspose(Op):
    """Transposed convolution, the gradient of one: (C, H, W) to (filters, H', W'). ONNX ConvTranspose.

    H' = (H - 1) * stride + dilation * (kernel - 1) + 1 + output_padding - padding, or, with `padding: same`,
    H' = H * stride. The weight has the shape (C, filters / groups, kernel); for its initial values and the bias's,
    fan_in is filters / groups * kernel size and fan_out is C * kernel size, as in PyTorch.
    """

    filters: int = attribute(IntKind(least=1), "number of output channels")
    kernel: PerAxis = attribute(PerAxisKind(), "size of the kernel along each axis", spatial=True)
    stride: PerAxis = attribute(PerAxisKind(), "distance between input elements in the output", default=1, spatial=True)
    padding: Padding = attribute(
        PaddingKind(), "elements of the output that are left out at its sides", default=0, spatial=True
    )
    output_padding: PerAxis = attribute(
        PerAxisKind(least=0),
        "elements that the output has in addition at the end of each axis; less than the stride or the dilation",
        default=0,
        spatial=True,
    )
    dilation: PerAxis = attribute(PerAxisKind(), "distance between kernel elements", default=1, spatial=True)
    groups: int = attribute(IntKind(least=1), "independent groups of channels", default=1)
    bias: bool = attribute(BoolKind(), "add a learned number to each output channel", default=True)
    init: Initializer = attribute(InitKind(), "initial weight", default=FanInUniform())
    bias_init: Initializer = attribute(InitKind(of_bias=True), "initial bias", default=FanInUniform())
    weight_decay: float = decays("weight")
    bias_decay: float = decays("bias")

    name: ClassVar[str] = "conv_transpose"
    kind: ClassVar[OpKind] = "convolution"
    example: ClassVar[Example] = Example((16, 8, 8), "conv_transpose: {filters: 8, kernel: 4, stride: 2, padding: 1}")
    takes: ClassVar[Accepted] = FEATURE_MAPS
    weighted: ClassVar[bool] = True
    two_meanings: ClassVar[Mapping[str, str]] = CHANNEL_WORDS

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        x = inputs[0]
        _check_groups(self.groups, x.channels, self.filters)
        for axis, more, step, spread in zip(
            x.place_names, self.output_padding, self.stride, self.dilation, strict=True
        ):
            if more and self.padding.is_same:
                rule = self.padding.mode
                raise ShapeError(
                    f"has `padding: {rule}`, which leaves `output_padding` no say: "
                    "the output is stride times the input",
                    help="leave `output_padding` out, or give the padding in numbers",
                )
            if more >= max(step, spread):
                raise ShapeError(
                    f"has an output_padding of {more} in {axis}, with a stride of {step} and a dilation of {spread}",
                    help="it must be less than the stride or the dilation",
                )
        found: list[int] = []
        left_out = crop(self.kernel, self.stride, self.padding, self.output_padding, self.dilation)
        axes = zip(x.place_names, x.places, left_out, self.kernel, self.stride, self.dilation, strict=True)
        for axis, extent, (before, after), window, step, spread in axes:
            full = (extent - 1) * step + spread * (window - 1) + 1
            if full <= before + after:
                raise ShapeError(
                    f"has padding that leaves out {before + after} in {axis}, of {full} that there are",
                    "E0503",
                    "pad less",
                )
            found.append(full - before - after)
        return x.with_sizes((self.filters, *found))

    def resolved(self, inputs: Sequence[TensorType]) -> Self:
        if not self.padding.is_same:
            return self
        ends = crop(self.kernel, self.stride, self.padding, self.output_padding, self.dilation)
        sides = tuple((before, max(after, 0)) for before, after in ends)
        return replace(self, padding=replace(self.padding, sides=sides))

    def footprint(self, inputs: Sequence[TensorType]) -> tuple[Footprint, ...]:
        ends = crop(self.kernel, self.stride, self.padding, self.output_padding, self.dilation)
        return (spreading(self.kernel, self.stride, tuple(before for before, _ in ends), self.dilation),)

    def weights(self, inputs: Sequence[TensorType]) -> tuple[Weight, ...]:
        shape = (inputs[0].channels, self.filters // self.groups, *self.kernel)
        weight = Weight("weight", shape, self.init, decay=self.weight_decay)
        bias = Weight("bias", (self.filters,), self.bias_init, fan_shape=weight.shape, decay=self.bias_decay)
        return (weight, bias) if self.bias else (weight,)

    def macs(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        return inputs[0].count * (self.filters // self.groups) * math.prod(self.kernel)

    def caption(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> str:
        groups = "" if self.groups == 1 else f"{self.groups} groups"
        spread = unless_one(self.dilation, "dilation {}")
        enlarged = unless_one(self.stride, "x{}")
        return joined(f"transposed conv {extents(self.kernel)}", str(self.filters), enlarged, groups, spread)

    def table_text(self, inputs: Sequence[TensorType], *, strides: bool, inner: bool) -> str:
        groups = "" if self.groups == 1 else f"C={self.groups}"
        name = f"{extents(self.kernel)} transposed"
        return joined(name, str(self.filters), groups, unless_one(self.stride, "stride {}"))

    def structural(self) -> tuple[str, ...]:
        return "kernel", "stride", "padding", "output_padding", "dilation"


def _check_groups(groups: int, channels: int, filters: int) -> None:
    for what, count in (("input", channels), ("output", filters)):
        if count % groups:
            raise ShapeError(
                f"has {groups} groups, which do not divide the {count} {what} channels",
                "E0504",
                "choose a number of groups that divides both input and output channels",
            )


@register
@record
class Dense(Placewise):
    """Fully connected layer over the last axis: (..., F) to (..., units). ONNX Gemm / MatMul + Add.

    With `axis: channels` it is one over the channels of each place of a feature map, (C, H, W) to (units, H, W): a 1x1
    convolution whose weight is a matrix.
    """

    units: int = attribute(IntKind(least=1), "number of output features")
    axis: str = attribute(
        WordKind(words=("features", "channels")),
        "what it goes over: the features, which are the last axis, or the channels of a feature map",
        default="features",
    )
    bias: bool = attribute(BoolKind(), "add a learned number to each output", default=True)
    init: Initializer = attribute(InitKind(), "initial weight", default=FanInUniform())
    bias_init: Initializer = attribute(InitKind(of_bias=True), "initial bias", default=FanInUniform())
    weight_decay: float = decays("weight")
    bias_decay: float = decays("bias")

    name: ClassVar[str] = "dense"
    kind: ClassVar[OpKind] = "dense"
    example: ClassVar[Example] = Example((16,), "dense: {units: 10, init: {normal: 0.01}, bias_init: zeros}")
    takes: ClassVar[Accepted] = Accepted(frozenset({FEATURES, TOKENS}), unnamed=True)
    type_help: ClassVar[Mapping[Axes, str]] = dict.fromkeys(
        SPATIAL,
        "put `flatten` or `global_avg_pool` with `keep_axes: false` before it, or write `axis: channels`",
    )
    weighted: ClassVar[bool] = True
    two_meanings: ClassVar[Mapping[str, str]] = {
        "out_features": "write `units`",
        "filters": "write `units`",
        "num_outputs": "write `units`",
        "num_output": "write `units`",
        "features": "write `units`",
        "in_features": "leave it out: input features are inferred",
        "use_bias": "write `bias`",
    }

    def accepted(self) -> Accepted:
        return FEATURE_MAPS if self.axis == "channels" else self.takes

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        sizes = inputs[0].sizes
        given = (self.units, *sizes[1:]) if self.axis == "channels" else (*sizes[:-1], self.units)
        return inputs[0].with_sizes(given)

    def structural(self) -> tuple[str, ...]:
        return ("axis",)

    def weights(self, inputs: Sequence[TensorType]) -> tuple[Weight, ...]:
        weight = Weight("weight", (self.units, self._width(inputs[0])), self.init, decay=self.weight_decay)
        bias = Weight("bias", (self.units,), self.bias_init, fan_shape=weight.shape, decay=self.bias_decay)
        return (weight, bias) if self.bias else (weight,)

    def macs(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        return outputs[0].count * self._width(inputs[0])

    def _width(self, type: TensorType) -> int:
        return type.channels if self.axis == "channels" else type.sizes[-1]

    def detail(self) -> str:
        return f" {self.units}"

    def table_text(self, inputs: Sequence[TensorType], *, strides: bool, inner: bool) -> str:
        return f"{self.units}-d fc"
