"""Pools: one number for a window, or for the whole image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from archspec.ir.attributes import NO_PADDING, BoolKind, Padding, PaddingKind, Pair, PairKind, attribute
from archspec.ir.op import IMAGES, Op, Ranks, Shape, ShapeError
from archspec.ir.ops.base import WINDOW_WORDS, Overall
from archspec.ir.reach import Reach, covering, sliding
from archspec.ir.window import output_size, same_sides, sides_of


@dataclass(frozen=True, slots=True)
class _Pool(Op):
    """A window that slides over an image."""

    ranks: ClassVar[Ranks] = IMAGES

    kernel: Pair = attribute(PairKind(), "height and width of the window", spatial=True)
    stride: Pair | None = attribute(PairKind(), "stride; the kernel's size unless given", default=None, spatial=True)
    padding: Padding = attribute(PaddingKind(), "around the input", default=NO_PADDING, spatial=True)
    ceil_mode: bool = attribute(
        BoolKind(),
        "a last window may reach beyond the padding, if it starts inside the input or the padding before it; "
        "nothing changes under `same`",
        default=False,
        spatial=True,
    )

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
        channels, height, width = inputs[0]
        top, bottom, left, right = self.padding.sides or (0, 0, 0, 0)
        if self.pads_count and not self.ceil_mode:
            top = bottom = left = right = 0
        axes = ("height", max(top, bottom), self.kernel[0]), ("width", max(left, right), self.kernel[1])
        for axis, pad, window in axes:
            if pad >= window:  # the result of a window without elements means nothing
                raise ShapeError(
                    f"pads {pad} in {axis} with a kernel of {window}: a window would hold nothing but padding",
                    help="pad less than the kernel covers",
                )
        size = output_size((height, width), self.kernel, self.step, self.padding, ceil_mode=self.ceil_mode)
        return (channels, *size)

    def resolved(self, inputs: Sequence[Shape]) -> Self:
        if self.padding.mode != "same":
            return self
        _, height, width = inputs[0]
        return replace(self, padding=Padding("same", same_sides((height, width), self.kernel, self.step)))

    def reach(self, inputs: Sequence[Shape]) -> tuple[Reach, ...]:
        _, height, width = inputs[0]
        sides = sides_of(self.padding, (height, width), self.kernel, self.step)
        return (sliding(self.kernel, self.step, sides),)


@dataclass(frozen=True, slots=True)
class MaxPool(_Pool):
    """The largest element under a window; padding counts as minus infinity. ONNX MaxPool."""

    name: ClassVar[str] = "max_pool"


@dataclass(frozen=True, slots=True)
class AvgPool(_Pool):
    """The mean of the elements under a window. ONNX AveragePool.

    With `count_padding` the padding's zeros are elements too; what a window of `ceil_mode` has beyond the padding
    never counts (ONNX; PyTorch).
    """

    count_padding: bool = attribute(BoolKind(), "padding counts as zeros in the mean", default=False)

    name: ClassVar[str] = "avg_pool"
    two_meanings: ClassVar[Mapping[str, str]] = {**WINDOW_WORDS, "count_include_pad": "write `count_padding`"}

    @property
    def pads_count(self) -> bool:
        return self.count_padding


@dataclass(frozen=True, slots=True)
class _GlobalPool(Overall):
    """One number for each channel of an image, or for each feature of a sequence of tokens."""

    ranks: ClassVar[Ranks] = Ranks(frozenset({2, 3}))
    rank_help: ClassVar[Mapping[int, str]] = {1: "leave it out, or put it before the `flatten`"}

    keep_axes: bool = attribute(BoolKind(), "keep height and width as 1x1, or one token", default=True)

    two_meanings: ClassVar[Mapping[str, str]] = {"keepdims": "write `keep_axes`", "keepdim": "write `keep_axes`"}

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        shape = inputs[0]
        if len(shape) == 3:
            return (shape[0], 1, 1) if self.keep_axes else (shape[0],)
        return (1, shape[1]) if self.keep_axes else (shape[1],)


@dataclass(frozen=True, slots=True)
class GlobalAvgPool(_GlobalPool):
    """The mean over height and width, or over all tokens. ONNX GlobalAveragePool."""

    name: ClassVar[str] = "global_avg_pool"


@dataclass(frozen=True, slots=True)
class GlobalMaxPool(_GlobalPool):
    """The largest element of height and width, or of all tokens. ONNX GlobalMaxPool."""

    name: ClassVar[str] = "global_max_pool"


@dataclass(frozen=True, slots=True)
class AdaptiveAvgPool(Op):
    """The mean of each of height x width windows that cover the image, whatever its size: PyTorch's AdaptiveAvgPool2d.

    Window i of n over H rows is rows floor(i * H / n) to ceil((i + 1) * H / n), the last left out; columns likewise.
    """

    size: Pair = attribute(PairKind(), "height and width of the output", spatial=True)

    name: ClassVar[str] = "adaptive_avg_pool"
    ranks: ClassVar[Ranks] = IMAGES
    two_meanings: ClassVar[Mapping[str, str]] = {"output_size": "write `size`"}

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        channels, _, _ = inputs[0]
        return (channels, *self.size)

    def reach(self, inputs: Sequence[Shape]) -> tuple[Reach, ...]:
        _, height, width = inputs[0]
        return (covering((height, width), self.size),)
