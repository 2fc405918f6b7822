"""Ops that change spatial sizes: pads, crops, enlargements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import ClassVar, Final

from archspec.ir.attributes import (
    FloatKind,
    IntKind,
    Padding,
    PerAxis,
    PerAxisKind,
    Sides,
    SidesKind,
    WordKind,
    attribute,
)
from archspec.ir.captions import extents, number, sides
from archspec.ir.footprint import Footprint, interpolated, repeated, shifted, sliding
from archspec.ir.op import Example, Op, OpKind, ShapeError, Sign
from archspec.ir.op_registry import register
from archspec.ir.ops.base import Placewise, check_divides
from archspec.ir.tensor_type import (
    FEATURE_MAPS,
    FEATURED,
    IMAGE,
    IMAGES,
    SIGNAL,
    VOLUME,
    Accepted,
    Axes,
    TensorType,
    image,
)

_SIDES: Final = "write `{}`: a number, one for each axis, or both sides of each, as [top, bottom, left, right]"
_LINEAR: Final[Mapping[Axes, str]] = {SIGNAL: "linear", IMAGE: "bilinear", VOLUME: "trilinear"}


@register
@dataclass(frozen=True, slots=True)
class Pad(Op):
    """More elements around all spatial axes: a number, a reflection without the edge, or the edge again. ONNX Pad."""

    name: ClassVar[str] = "pad"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example((16, 8, 8), "pad: {padding: [0, 1, 0, 1], mode: reflect}")
    takes: ClassVar[Accepted] = FEATURE_MAPS

    padding: Padding = attribute(SidesKind(), "elements on each side", spatial=True)
    mode: str = attribute(
        WordKind(words=("constant", "reflect", "edge")),
        "`constant`: `value`; `reflect`: the elements inside the edge, mirrored; `edge`: the edge's own",
        default="constant",
    )
    value: float = attribute(FloatKind(least=float("-inf")), "what `constant` pads with", default=0.0)

    two_meanings: ClassVar[Mapping[str, str]] = {
        "pad": _SIDES.format("padding"),
        "pads": _SIDES.format("padding"),
    }

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        x, sides = inputs[0], _explicit(self.padding)
        if self.mode != "constant" and self.value != 0:
            raise ShapeError(f"has a value ({self.value:g}), which mode {self.mode} does not take")
        for axis, extent, most in zip(x.place_names, x.places, map(max, sides), strict=True):
            if self.mode == "reflect" and most >= extent:
                raise ShapeError(
                    f"reflects {most} in {axis}, its input has {extent}",
                    help="a reflection has no edge, so it is one less than the input at most; `mode: edge` repeats",
                )
        return x.with_places([size + before + after for size, (before, after) in zip(x.places, sides, strict=True)])

    def footprint(self, inputs: Sequence[TensorType]) -> tuple[Footprint, ...]:
        return (tuple(shifted(before) for before, _ in _explicit(self.padding)),)

    def detail(self) -> str:
        return f" {sides(self.padding)}" + ("" if self.mode == "constant" else f", {self.mode}")

    def never_negative(self, inputs: Sequence[bool], open: Set[str]) -> bool:
        return self.value >= 0 and "value" not in open and all(inputs)


@register
@dataclass(frozen=True, slots=True)
class Crop(Op):
    """All but the outermost elements along the spatial axes. ONNX Slice."""

    name: ClassVar[str] = "crop"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example((16, 8, 8), "crop: {cropping: [1, 2]}")
    sign: ClassVar[Sign] = "kept"
    takes: ClassVar[Accepted] = FEATURE_MAPS
    view: ClassVar[bool] = True

    cropping: Padding = attribute(SidesKind(), "elements to leave out on each side", spatial=True)

    two_meanings: ClassVar[Mapping[str, str]] = {
        "padding": _SIDES.format("cropping"),
    }

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        x, left_out = inputs[0], [before + after for before, after in _explicit(self.cropping)]
        for axis, extent, most in zip(x.place_names, x.places, left_out, strict=True):
            if most >= extent:
                raise ShapeError(f"takes {most} of {extent} in {axis}, which leaves nothing")
        return x.with_places([extent - most for extent, most in zip(x.places, left_out, strict=True)])

    def footprint(self, inputs: Sequence[TensorType]) -> tuple[Footprint, ...]:
        return (tuple(shifted(-before) for before, _ in _explicit(self.cropping)),)

    def detail(self) -> str:
        return f" {sides(self.cropping)}"


@register
@dataclass(frozen=True, slots=True)
class PadChannels(Placewise):
    """More channels or features, all zero. ONNX Pad; He et al. 2016, shortcut A."""

    name: ClassVar[str] = "pad_channels"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example((16, 8, 8), "pad_channels: {before: 8, after: 8}")
    sign: ClassVar[Sign] = "kept"
    takes: ClassVar[Accepted] = FEATURED

    before: int = attribute(IntKind(least=0), "channels of zeros before the input's", default=0)
    after: int = attribute(IntKind(least=0), "channels of zeros after the input's", default=0)

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        return inputs[0].with_channels(inputs[0].channels + self.before + self.after)

    def detail(self) -> str:
        return f" +{self.before + self.after}"


@register
@dataclass(frozen=True, slots=True)
class Upsample(Op):
    """All spatial axes enlarged by whole factors. ONNX Resize (half_pixel; TensorFlow's `half_pixel_centers`).

    A new element's center lies where it does in the old tensor (PyTorch: `align_corners=False`); linear weights go by
    the distance to the centers of the nearest two along each axis, and beyond the outermost ones nothing changes.
    """

    name: ClassVar[str] = "upsample"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example((16, 8, 8), "upsample: {factor: 2, mode: bilinear}")
    sign: ClassVar[Sign] = "kept"
    resamples: ClassVar[bool] = True
    takes: ClassVar[Accepted] = FEATURE_MAPS

    factor: PerAxis = attribute(
        PerAxisKind(
            no_fraction="`pad` or `crop` after it adds or takes away single elements; no other size is in the language"
        ),
        "how many times as large each axis becomes",
        spatial=True,
    )
    mode: str = attribute(
        WordKind(words=("nearest", "linear", "bilinear", "trilinear")),
        "`nearest`: each element repeated; in between along all axes: `linear` for signals, `bilinear` for images, "
        "`trilinear` for volumes",
        default="nearest",
    )

    two_meanings: ClassVar[Mapping[str, str]] = {
        "scale": "write `factor`, a whole number or one for each axis",
        "scale_factor": "write `factor`, a whole number or one for each axis",
        **dict.fromkeys(
            ("size", "sizes"),
            "write `factor`, by which all spatial axes are multiplied, or a list with one for each; a size that no "
            "whole factor gives is not in the language",
        ),
        "height": "write `factor`, by which all spatial axes are multiplied, or a list with one for each",
        "width": "write `factor`, by which all spatial axes are multiplied, or a list with one for each",
        "scales": "write `factor`, a whole number or one for each axis, without ONNX's for batch and channels",
        "interpolation": "write `mode`",
        "coordinate_transformation_mode": "leave it out if it is half_pixel; no other is in the language",
        "align_corners": "leave it out if it is false; to align corners, not centers, is not in the language: "
        "without it the network is another one",
        "antialias": "leave it out: what is upsampled is only enlarged",
        "crop_to_aspect_ratio": "leave it out if it is false; it is not in the language",
        "pad_to_aspect_ratio": "leave it out if it is false; it is not in the language",
        "fill_mode": "leave it out: beyond the outermost elements nothing changes",
        "fill_value": "leave it out: beyond the outermost elements nothing changes",
        "recompute_scale_factor": "leave it out: what is computed is the same",
    }

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        x = inputs[0]
        if self.mode not in ("nearest", fitting := _LINEAR[x.axes]):
            raise ShapeError(
                f"has the mode {self.mode}; its input has {x.places_text}",
                "E0411",
                f"write `mode: {fitting}`",
                "mode",
            )
        return x.with_places([extent * times for extent, times in zip(x.places, self.factor, strict=True)])

    def footprint(self, inputs: Sequence[TensorType]) -> tuple[Footprint, ...]:
        return (repeated(self.factor) if self.mode == "nearest" else interpolated(self.factor),)

    def detail(self) -> str:
        return f" x{number(self.factor)}, {self.mode}"

    def table_text(self, inputs: Sequence[TensorType], *, strides: bool, inner: bool) -> str:
        return f"{extents(self.factor)} upsample"


@register
@dataclass(frozen=True, slots=True)
class DepthToSpace(Op):
    """Channels as blocks of pixels: (C b b, H, W) to (C, H b, W b). ONNX DepthToSpace, mode CRD; Shi et al. 2016.

    The b b channels of a block lie next to each other, as PyTorch's PixelShuffle has it. TensorFlow's `depth_to_space`
    (ONNX mode DCR) has those that become one output channel C apart.
    """

    name: ClassVar[str] = "depth_to_space"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example((16, 8, 8), "depth_to_space: {block: 2}")
    sign: ClassVar[Sign] = "kept"
    resamples: ClassVar[bool] = True
    takes: ClassVar[Accepted] = IMAGES

    block: int = attribute(IntKind(least=1), "height and width of a block", spatial=True)

    two_meanings: ClassVar[Mapping[str, str]] = {
        "block_size": "write `block`; for TensorFlow's order of channels, put `channel_shuffle` of block * block "
        "groups before it",
        "upscale_factor": "write `block`",
    }

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        x = inputs[0]
        height, width = x.places
        check_divides("block * block", self.block * self.block, x.channels)
        return image(x.channels // (self.block * self.block), height * self.block, width * self.block)

    def footprint(self, inputs: Sequence[TensorType]) -> tuple[Footprint, ...]:
        return (repeated((self.block, self.block)),)

    def detail(self) -> str:
        return f" {self.block}"

    def table_text(self, inputs: Sequence[TensorType], *, strides: bool, inner: bool) -> str:
        return f"depth to space, {self.block}"


@register
@dataclass(frozen=True, slots=True)
class SpaceToDepth(Op):
    """Blocks of pixels as channels: (C, H b, W b) to (C b b, H, W). The inverse of depth_to_space.

    The b b channels of a block lie next to each other, as PyTorch's PixelUnshuffle has it. ONNX's SpaceToDepth and
    TensorFlow's `space_to_depth` have those of one place in all blocks next to each other.
    """

    name: ClassVar[str] = "space_to_depth"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example((16, 8, 8), "space_to_depth: {block: 2}")
    sign: ClassVar[Sign] = "kept"
    resamples: ClassVar[bool] = True
    takes: ClassVar[Accepted] = IMAGES

    block: int = attribute(IntKind(least=1), "height and width of a block", spatial=True)

    two_meanings: ClassVar[Mapping[str, str]] = {
        "block_size": "write `block`; for TensorFlow's order of channels, put `channel_shuffle` of as many groups as "
        "it has input channels after it",
        "downscale_factor": "write `block`",
    }

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        x = inputs[0]
        height, width = x.places
        for axis, extent in (("height", height), ("width", width)):
            if extent % self.block:
                raise ShapeError(
                    f"needs a {axis} that is a multiple of its block ({self.block}), this is {extent}",
                    help="`pad` or `crop` the image before it",
                )
        return image(x.channels * (self.block * self.block), height // self.block, width // self.block)

    def footprint(self, inputs: Sequence[TensorType]) -> tuple[Footprint, ...]:
        block = (self.block, self.block)
        return (sliding(block, block, ((0, 0), (0, 0)), (1, 1)),)

    def detail(self) -> str:
        return f" {self.block}"

    def table_text(self, inputs: Sequence[TensorType], *, strides: bool, inner: bool) -> str:
        return f"space to depth, {self.block}"


def _explicit(padding: Padding) -> Sides:
    assert padding.sides is not None
    return padding.sides
