"""Ops that multiply by a learned matrix: convolutions and dense layers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from archspec.ir.attributes import (
    NO_PADDING,
    BoolKind,
    InitKind,
    IntKind,
    Padding,
    PaddingKind,
    Pair,
    PairKind,
    attribute,
)
from archspec.ir.initializers import FanInUniform, Initializer
from archspec.ir.op import Op, Shape, ShapeError, Weight, image, shape_text
from archspec.ir.ops.base import CHANNEL_WORDS
from archspec.ir.window import output_size, same_sides


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
    two_meanings: ClassVar[Mapping[str, str]] = CHANNEL_WORDS

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

    def resolved(self, inputs: Sequence[Shape]) -> Self:
        if self.padding.mode != "same":
            return self
        _, height, width = image(self.name, inputs[0])
        sides = same_sides((height, width), self.kernel, self.stride, self.dilation)
        return replace(self, padding=Padding("same", sides))

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
