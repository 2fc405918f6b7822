"""Pools: one number for a window, or for the whole image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from archspec.ir.attributes import NO_PADDING, BoolKind, Padding, PaddingKind, Pair, PairKind, attribute
from archspec.ir.op import Op, Shape, ShapeError, image
from archspec.ir.ops.base import WINDOW_WORDS
from archspec.ir.window import output_size, same_sides


@dataclass(frozen=True, slots=True)
class _Pool(Op):
    """A window that slides over an image."""

    kernel: Pair = attribute(PairKind(), "height and width of the window", spatial=True)
    stride: Pair | None = attribute(PairKind(), "stride; the kernel's size unless given", default=None, spatial=True)
    padding: Padding = attribute(PaddingKind(), "around the input", default=NO_PADDING, spatial=True)

    two_meanings: ClassVar[Mapping[str, str]] = WINDOW_WORDS

    @property
    def step(self) -> Pair:
        """The stride in force."""
        return self.stride or self.kernel

    @property
    def pads_count(self) -> bool:
        """Whether padding is as good as any other elements of the input."""
        return False

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        channels, height, width = image(self.name, inputs[0])
        top, bottom, left, right = self.padding.sides or (0, 0, 0, 0)
        if self.pads_count:
            top = bottom = left = right = 0
        axes = ("height", max(top, bottom), self.kernel[0]), ("width", max(left, right), self.kernel[1])
        for axis, pad, window in axes:
            if pad >= window:  # the result of a window without elements means nothing
                raise ShapeError(
                    f"{self.name} pads {pad} in {axis} with a kernel of {window}: "
                    "a window would hold nothing but padding",
                    help="pad less than the kernel covers",
                )
        return (channels, *output_size(self.name, (height, width), self.kernel, self.step, self.padding))

    def resolved(self, inputs: Sequence[Shape]) -> Self:
        if self.padding.mode != "same":
            return self
        _, height, width = image(self.name, inputs[0])
        return replace(self, padding=Padding("same", same_sides((height, width), self.kernel, self.step)))


@dataclass(frozen=True, slots=True)
class MaxPool(_Pool):
    """The largest element under a window; padding counts as minus infinity. ONNX MaxPool."""

    name: ClassVar[str] = "max_pool"


@dataclass(frozen=True, slots=True)
class AvgPool(_Pool):
    """The mean of the elements under a window. ONNX AveragePool."""

    count_padding: bool = attribute(BoolKind(), "padding counts as zeros in the mean", default=False)

    name: ClassVar[str] = "avg_pool"

    @property
    def pads_count(self) -> bool:
        return self.count_padding


@dataclass(frozen=True, slots=True)
class GlobalAvgPool(Op):
    """The mean over height and width. ONNX GlobalAveragePool."""

    keep_axes: bool = attribute(BoolKind(), "keep height and width as 1x1", default=True)

    name: ClassVar[str] = "global_avg_pool"

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        channels, _, _ = image(self.name, inputs[0])
        return (channels, 1, 1) if self.keep_axes else (channels,)
