"""Pools: one number for a window, or for all places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Self

from archspec.ir.attributes import BoolKind, IntKind, Padding, PaddingKind, PerAxis, PerAxisKind, attribute
from archspec.ir.captions import extents, joined, unless_one
from archspec.ir.convolution_arithmetic import output_size, sides_of
from archspec.ir.footprint import Footprint, covering, sliding
from archspec.ir.op import Example, Op, OpKind, ShapeError, Sign
from archspec.ir.op_registry import register
from archspec.ir.ops.base import WINDOW_WORDS, Overall
from archspec.ir.tensor_type import (
    FEATURE_MAPS,
    FEATURES,
    SPATIAL,
    TOKENS,
    Accepted,
    Axes,
    TensorType,
    features,
)
from archspec.records import record


@record
class _WindowPool(Op):
    """A window that slides along all spatial axes."""

    takes: ClassVar[Accepted] = FEATURE_MAPS

    kernel: PerAxis = attribute(PerAxisKind(), "size of the window along each axis", spatial=True)
    stride: PerAxis | None = attribute(PerAxisKind(), "stride; the kernel's unless given", default=None, spatial=True)
    padding: Padding = attribute(PaddingKind(), "around the input", default=0, spatial=True)
    ceil_mode: bool = attribute(
        BoolKind(),
        "a last window may reach beyond the padding, if it starts inside the input or the padding before it; "
        "nothing changes under `same`",
        default=False,
        spatial=True,
    )

    two_meanings: ClassVar[Mapping[str, str]] = WINDOW_WORDS

    @property
    def step(self) -> PerAxis:
        """The stride in force."""
        return self.stride or self.kernel

    @property
    def pads_count(self) -> bool:
        """Whether padding is as good as any other elements of the input."""
        return False

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        x, all_count = inputs[0], self.pads_count and not self.ceil_mode
        for axis, pad, window in zip(x.place_names, self._largest_sides, self.kernel, strict=True):
            if pad >= window and not all_count:  # the result of a window without elements means nothing
                raise ShapeError(
                    f"pads {pad} in {axis} with a kernel of {window}: a window would hold nothing but padding",
                    help="pad less than the kernel covers",
                )
        ones = (1,) * len(self.kernel)
        size = output_size(
            x.places, self.kernel, self.step, self.padding, ones, x.place_names, ceil_mode=self.ceil_mode
        )
        return x.with_places(size)

    @property
    def _largest_sides(self) -> PerAxis:
        """The padding on the side of each axis that has more."""
        return tuple(map(max, self.padding.sides or ((0, 0),) * len(self.kernel)))

    def resolved(self, inputs: Sequence[TensorType]) -> Self:
        if not self.padding.is_same:
            return self
        sides = sides_of(self.padding, inputs[0].places, self.kernel, self.step, (1,) * len(self.kernel))
        return replace(self, padding=replace(self.padding, sides=sides))

    def footprint(self, inputs: Sequence[TensorType]) -> tuple[Footprint, ...]:
        ones = (1,) * len(self.kernel)
        sides = sides_of(self.padding, inputs[0].places, self.kernel, self.step, ones)
        return (sliding(self.kernel, self.step, sides, ones),)

    def structural(self) -> tuple[str, ...]:
        if self.ceil_mode:
            return "kernel", "stride", "padding"
        # Frameworks' own pools take no padding of more than half the window.
        halves = all(side * 2 <= window for side, window in zip(self._largest_sides, self.kernel, strict=True))
        return () if halves else ("kernel", "padding")

    def detail(self) -> str:
        return joined(f" {extents(self.kernel)}", unless_one(self.step, "/{}"))

    def table_text(self, inputs: Sequence[TensorType], *, strides: bool, inner: bool) -> str:
        if inner and set(self.kernel) == {1}:
            return ""  # it only takes every other pixel, for a shortcut
        kind = "average pool" if self.name == "avg_pool" else "max pool"
        return joined(f"{extents(self.kernel)} {kind}", unless_one(self.step, "stride {}") if strides else "")


@register
class MaxPool(_WindowPool):
    """The largest element under a window; padding counts as minus infinity. ONNX MaxPool."""

    __slots__ = ()
    name: ClassVar[str] = "max_pool"
    kind: ClassVar[OpKind] = "pool"
    example: ClassVar[Example] = Example((16, 8, 8), "max_pool: {kernel: 3, stride: 2, padding: 1}")
    sign: ClassVar[Sign] = "kept"
    resamples: ClassVar[bool] = True


@register
@record
class AvgPool(_WindowPool):
    """The mean of the elements under a window. ONNX AveragePool.

    With `count_padding` the padding's zeros are elements too; what a window of `ceil_mode` has beyond the padding
    never counts (ONNX; PyTorch).
    """

    count_padding: bool = attribute(BoolKind(), "padding counts as zeros in the mean", default=False)

    name: ClassVar[str] = "avg_pool"
    kind: ClassVar[OpKind] = "pool"
    example: ClassVar[Example] = Example((16, 8, 8), "avg_pool: {kernel: 3, stride: 2, ceil_mode: true}")
    sign: ClassVar[Sign] = "kept"
    resamples: ClassVar[bool] = True
    two_meanings: ClassVar[Mapping[str, str]] = {**WINDOW_WORDS, "count_include_pad": "write `count_padding`"}

    @property
    def pads_count(self) -> bool:
        return self.count_padding


@record
class _GlobalPool(Overall):
    """One number for each channel of all places, or for each feature of a sequence of tokens."""

    takes: ClassVar[Accepted] = Accepted(frozenset({TOKENS, *SPATIAL}))
    type_help: ClassVar[Mapping[Axes, str]] = {FEATURES: "leave it out, or put it before the `flatten`"}

    keep_axes: bool = attribute(BoolKind(), "keep the spatial axes, each of size 1, or one token", default=True)

    two_meanings: ClassVar[Mapping[str, str]] = {"keepdims": "write `keep_axes`", "keepdim": "write `keep_axes`"}

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        x = inputs[0]
        return x.with_places((1,) * len(x.places)) if self.keep_axes else features(x.channels)

    def one_place(self, inputs: Sequence[bool]) -> bool:
        return self.keep_axes

    def table_text(self, inputs: Sequence[TensorType], *, strides: bool, inner: bool) -> str:
        return "" if inner else f"global {'average' if self.name == 'global_avg_pool' else 'max'} pool"


@register
class GlobalAvgPool(_GlobalPool):
    """The mean over all spatial axes, or over all tokens. ONNX GlobalAveragePool."""

    __slots__ = ()
    name: ClassVar[str] = "global_avg_pool"
    kind: ClassVar[OpKind] = "pool"
    example: ClassVar[Example] = Example((16, 8, 8), "global_avg_pool")
    sign: ClassVar[Sign] = "kept"
    resamples: ClassVar[bool] = True


@register
class GlobalMaxPool(_GlobalPool):
    """The largest element along all spatial axes, or of all tokens. ONNX GlobalMaxPool."""

    __slots__ = ()
    name: ClassVar[str] = "global_max_pool"
    kind: ClassVar[OpKind] = "pool"
    example: ClassVar[Example] = Example((16, 8, 8), "global_max_pool: {keep_axes: false}")
    sign: ClassVar[Sign] = "kept"
    resamples: ClassVar[bool] = True


@record
class AdaptivePool(Op):
    """So many windows that cover each axis, whatever its size."""

    size: PerAxis = attribute(PerAxisKind(), "sizes of the output along the spatial axes", spatial=True)

    takes: ClassVar[Accepted] = FEATURE_MAPS
    two_meanings: ClassVar[Mapping[str, str]] = {"output_size": "write `size`"}

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        return inputs[0].with_places(self.size)

    def footprint(self, inputs: Sequence[TensorType]) -> tuple[Footprint, ...]:
        return (covering(inputs[0].places, self.size),)

    def one_place(self, inputs: Sequence[bool]) -> bool:
        return set(self.size) == {1}

    def detail(self) -> str:
        return f" to {extents(self.size)}"

    def table_text(self, inputs: Sequence[TensorType], *, strides: bool, inner: bool) -> str:
        kind = "average" if self.name == "adaptive_avg_pool" else "max"
        return f"adaptive {kind} pool to {extents(self.size)}"


@register
class AdaptiveAvgPool(AdaptivePool):
    """The mean of each of so many windows that cover each axis, whatever its size: PyTorch's AdaptiveAvgPool2d.

    Window i of n over H rows is rows floor(i * H / n) to ceil((i + 1) * H / n), the last left out; other axes likewise.
    """

    __slots__ = ()
    name: ClassVar[str] = "adaptive_avg_pool"
    kind: ClassVar[OpKind] = "pool"
    example: ClassVar[Example] = Example((16, 8, 8), "adaptive_avg_pool: {size: [3, 2]}")
    sign: ClassVar[Sign] = "kept"
    resamples: ClassVar[bool] = True


@register
class AdaptiveMaxPool(AdaptivePool):
    """The largest element of each of so many windows that cover each axis: PyTorch's AdaptiveMaxPool2d.

    The windows are those of `adaptive_avg_pool`.
    """

    __slots__ = ()
    name: ClassVar[str] = "adaptive_max_pool"
    kind: ClassVar[OpKind] = "pool"
    example: ClassVar[Example] = Example((16, 8, 8), "adaptive_max_pool: {size: [3, 2]}")
    sign: ClassVar[Sign] = "kept"
    resamples: ClassVar[bool] = True


@register
@record
class BlurPool(Op):
    """A binomial filter over each channel, so that a stride does not alias: [1, 2, 1] / 4 along each axis for 3.

    Zhang 2019. There is no padding: `pad` before it has the mode that is wanted, as in `pad: {padding: 1, mode:
    reflect}`, which is timm's BlurPool2d of 3.
    """

    kernel: int = attribute(IntKind(least=2), "size of the filter along each axis", default=3, spatial=True)
    stride: PerAxis = attribute(PerAxisKind(), "stride", default=2, spatial=True)

    name: ClassVar[str] = "blur_pool"
    kind: ClassVar[OpKind] = "pool"
    example: ClassVar[Example] = Example((16, 8, 8), "blur_pool: {kernel: 3, stride: 2}")
    sign: ClassVar[Sign] = "kept"
    resamples: ClassVar[bool] = True
    takes: ClassVar[Accepted] = FEATURE_MAPS
    two_meanings: ClassVar[Mapping[str, str]] = {
        **WINDOW_WORDS,
        **dict.fromkeys(("filt_size", "filter_size", "blur_size"), "write `kernel`"),
        **dict.fromkeys(
            ("padding", "pad_mode", "pad_type", "pad_off"),
            "write an item before this one, as `pad: {padding: 1, mode: reflect}`",
        ),
        "channels": "leave it out: channels are inferred",
    }

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        x, ones = inputs[0], (1,) * len(inputs[0].places)
        kernel = tuple(self.kernel for _ in ones)
        none = Padding("explicit", tuple((0, 0) for _ in ones))
        return x.with_places(output_size(x.places, kernel, self.stride, none, ones, x.place_names))

    def footprint(self, inputs: Sequence[TensorType]) -> tuple[Footprint, ...]:
        ones = (1,) * len(self.stride)
        return (sliding((self.kernel,) * len(ones), self.stride, ((0, 0),) * len(ones), ones),)

    def structural(self) -> tuple[str, ...]:
        return ("kernel",)

    def detail(self) -> str:
        return joined(f" {extents((self.kernel,) * len(self.stride))}", unless_one(self.stride, "/{}"))

    def table_text(self, inputs: Sequence[TensorType], *, strides: bool, inner: bool) -> str:
        kind = f"{extents((self.kernel,) * len(self.stride))} blur pool"
        return joined(kind, unless_one(self.stride, "stride {}") if strides else "")
