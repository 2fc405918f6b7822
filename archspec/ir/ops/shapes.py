"""Ops that move numbers and compute none, or only what stands between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from archspec.ir.attributes import (
    FloatKind,
    IndexKind,
    IntKind,
    Padding,
    PairKind,
    ShapeKind,
    SidesKind,
    WordKind,
    attribute,
)
from archspec.ir.op import ANY, FEATURED, IMAGES, Op, Ranks, Shape, ShapeError, channel_axis, channels, shape_text
from archspec.ir.ops.base import Elementwise, Overall, Placewise
from archspec.ir.reach import Reach, interpolated, repeated, shifted, sliding


@dataclass(frozen=True, slots=True)
class Identity(Elementwise):
    """Its input, unchanged. ONNX Identity."""

    name: ClassVar[str] = "identity"
    view: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Flatten(Overall):
    """All axes but the batch in one, in the order channels, height, width. ONNX Flatten."""

    name: ClassVar[str] = "flatten"
    ranks: ClassVar[Ranks] = ANY
    two_meanings: ClassVar[Mapping[str, str]] = {
        "start_dim": "leave it out: all axes but the batch become one",
        "end_dim": "leave it out: all axes but the batch become one",
        "axis": "leave it out: all axes but the batch become one",
    }
    view: ClassVar[bool] = True

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        return (_product(inputs[0]),)


@dataclass(frozen=True, slots=True)
class Reshape(Overall):
    """Its numbers in another shape, read and written in the order channels, height, width. ONNX Reshape.

    Three sizes make an image, two tokens (T, F), one features.
    """

    name: ClassVar[str] = "reshape"
    ranks: ClassVar[Ranks] = ANY
    two_meanings: ClassVar[Mapping[str, str]] = {
        "target_shape": "write `shape`",
        "newshape": "write `shape`",
        "size": "write `shape`",
        "unflattened_size": "write `shape`, with all sizes but the batch",
        "dim": "write `shape`, with all sizes but the batch",
    }
    view: ClassVar[bool] = True

    shape: tuple[int, ...] = attribute(
        ShapeKind(),
        "the sizes without the batch: channels, height, width, or tokens, features, or features; "
        "one may be -1 and is worked out",
        spatial=True,
    )

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        count, known = _product(inputs[0]), _product([extent for extent in self.shape if extent != -1])
        sizes = ", ".join(str(int(extent)) for extent in self.shape)
        wanted = f"makes [{sizes}] of {shape_text(inputs[0])}, which has {int(count):,} numbers; it"
        if -1 not in self.shape:
            if count != known:
                raise ShapeError(f"{wanted} needs {int(known):,}", help="one size may be -1: it is worked out")
            return self.shape
        if count % known:
            raise ShapeError(f"{wanted} needs a multiple of {int(known):,}")
        return tuple(count // known if extent == -1 else extent for extent in self.shape)


@dataclass(frozen=True, slots=True)
class ChannelShuffle(Placewise):
    """Channel k of each group in turn: (g, C / g) to (C / g, g). ONNX Reshape + Transpose; Zhang et al. 2018."""

    name: ClassVar[str] = "channel_shuffle"
    ranks: ClassVar[Ranks] = IMAGES

    groups: int = attribute(IntKind(least=1), "groups of channels that are mixed")

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        _divides("groups", self.groups, inputs[0][0])
        return inputs[0]


@dataclass(frozen=True, slots=True)
class Split(Placewise):
    """One of several equal parts of the channels, or of the features of tokens. ONNX Split."""

    name: ClassVar[str] = "split"
    ranks: ClassVar[Ranks] = FEATURED
    view: ClassVar[bool] = True

    parts: int = attribute(IntKind(least=1), "number of equal parts")
    index: int = attribute(IntKind(least=0), "which of them, counted from 0")

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        _divides("parts", self.parts, channels(inputs[0]))
        if self.index >= self.parts:
            raise ShapeError(f"has {self.parts} parts and no part {self.index}", help="the first is 0")
        return _with_channels(inputs[0], channels(inputs[0]) // self.parts)


@dataclass(frozen=True, slots=True)
class SliceChannels(Placewise):
    """The channels from `start` to before `stop`, or the features of tokens. ONNX Slice."""

    name: ClassVar[str] = "slice_channels"
    ranks: ClassVar[Ranks] = FEATURED
    view: ClassVar[bool] = True

    start: int = attribute(IndexKind(), "the first channel; negative numbers count from the end", default=0)
    stop: int | None = attribute(
        IndexKind(), "the channel before which it ends; negative numbers count from the end", default=None
    )

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        total, start, stop = channels(inputs[0]), self.start, self.stop
        if start < -total or start > total or (stop is not None and not -total <= stop <= total):
            end = "the end" if stop is None else stop
            raise ShapeError(f"takes {start} to {end}; its input has {total} channels")
        # What counts from the same end is subtracted as it is: the channels that arrive do not matter.
        if start < 0:
            size = start * -1 if stop is None else stop - start if stop < 0 else stop - (total + start)
        else:
            size = total - start if stop is None else total - (start - stop) if stop < 0 else stop - start
        if size <= 0:
            end = "the end" if stop is None else stop
            raise ShapeError(f"takes {start} to {end} of {total} channels, which leaves none")
        return _with_channels(inputs[0], size)


@dataclass(frozen=True, slots=True)
class Pad(Op):
    """More elements around an image: a number, its reflection without the edge, or its edge again. ONNX Pad."""

    name: ClassVar[str] = "pad"
    ranks: ClassVar[Ranks] = IMAGES

    padding: Padding = attribute(SidesKind(), "elements on each side", spatial=True)
    mode: str = attribute(
        WordKind(words=("constant", "reflect", "edge")),
        "`constant`: `value`; `reflect`: the elements inside the edge, mirrored; `edge`: the edge's own",
        default="constant",
    )
    value: float = attribute(FloatKind(least=float("-inf")), "what `constant` pads with", default=0.0)

    two_meanings: ClassVar[Mapping[str, str]] = {
        "pad": "write `padding`: a number, a pair (vertical, horizontal) or four sides (top, bottom, left, right)",
        "pads": "write `padding`: a number, a pair (vertical, horizontal) or four sides (top, bottom, left, right)",
    }

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        count, height, width = inputs[0]
        top, bottom, left, right = _sides(self.padding)
        if self.mode != "constant" and self.value != 0:
            raise ShapeError(f"has a value ({self.value:g}), which mode {self.mode} does not take")
        for axis, extent, most in (("height", height, max(top, bottom)), ("width", width, max(left, right))):
            if self.mode == "reflect" and most >= extent:
                raise ShapeError(
                    f"reflects {most} in {axis}, its input has {extent}",
                    help="a reflection has no edge, so it is one less than the input at most; `mode: edge` repeats",
                )
        return count, height + top + bottom, width + left + right

    def reach(self, inputs: Sequence[Shape]) -> tuple[Reach, ...]:
        top, _, left, _ = _sides(self.padding)
        return ((shifted(top), shifted(left)),)


@dataclass(frozen=True, slots=True)
class Crop(Op):
    """An image without its outermost elements. ONNX Slice."""

    name: ClassVar[str] = "crop"
    ranks: ClassVar[Ranks] = IMAGES
    view: ClassVar[bool] = True

    cropping: Padding = attribute(SidesKind(), "elements to leave out on each side", spatial=True)

    two_meanings: ClassVar[Mapping[str, str]] = {
        "padding": "write `cropping`: a number, a pair (vertical, horizontal) or four sides (top, bottom, left, right)",
    }

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        count, height, width = inputs[0]
        top, bottom, left, right = _sides(self.cropping)
        for axis, extent, most in (("height", height, top + bottom), ("width", width, left + right)):
            if most >= extent:
                raise ShapeError(f"takes {most} of {extent} in {axis}, which leaves nothing")
        return count, height - top - bottom, width - left - right

    def reach(self, inputs: Sequence[Shape]) -> tuple[Reach, ...]:
        top, _, left, _ = _sides(self.cropping)
        return ((shifted(-top), shifted(-left)),)


@dataclass(frozen=True, slots=True)
class PadChannels(Placewise):
    """More channels or features, all zero. ONNX Pad; He et al. 2016, shortcut A."""

    name: ClassVar[str] = "pad_channels"
    ranks: ClassVar[Ranks] = FEATURED

    before: int = attribute(IntKind(least=0), "channels of zeros before the input's", default=0)
    after: int = attribute(IntKind(least=0), "channels of zeros after the input's", default=0)

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        return _with_channels(inputs[0], channels(inputs[0]) + self.before + self.after)


@dataclass(frozen=True, slots=True)
class Upsample(Op):
    """An image enlarged by whole factors. ONNX Resize (half_pixel; TensorFlow's `half_pixel_centers`).

    A new pixel's centre lies where it does in the old image (PyTorch: `align_corners=False`); bilinear weights go by
    the distance to the centres of the nearest two rows and columns, and beyond the outermost ones nothing changes.
    """

    name: ClassVar[str] = "upsample"
    ranks: ClassVar[Ranks] = IMAGES

    factor: tuple[int, int] = attribute(
        PairKind(
            no_fraction="`pad` or `crop` after it adds or takes away single pixels; no other size is in the language"
        ),
        "vertical and horizontal factor",
        spatial=True,
    )
    mode: str = attribute(
        WordKind(words=("nearest", "bilinear")),
        "`nearest`: each element repeated; `bilinear`: in between",
        default="nearest",
    )

    two_meanings: ClassVar[Mapping[str, str]] = {
        "scale": "write `factor`, a whole number or a pair",
        "scale_factor": "write `factor`, a whole number or a pair",
        **dict.fromkeys(
            ("size", "sizes"),
            "write `factor`, by which height and width are multiplied; a size that no whole factor gives is not in the "
            "language",
        ),
        "height": "write `factor`, by which height and width are multiplied",
        "width": "write `factor`, by which height and width are multiplied",
        "scales": "write `factor`, a whole number or a pair, where ONNX has four numbers",
        "interpolation": "write `mode`",
        "coordinate_transformation_mode": "leave it out if it is half_pixel; no other is in the language",
        "align_corners": "leave it out if it is false; to align corners, not centers, is not in the language: "
        "without it the network is another one",
        "antialias": "leave it out: images are only enlarged",
        "crop_to_aspect_ratio": "leave it out if it is false; it is not in the language",
        "pad_to_aspect_ratio": "leave it out if it is false; it is not in the language",
        "fill_mode": "leave it out: beyond the outermost pixels nothing changes",
        "fill_value": "leave it out: beyond the outermost pixels nothing changes",
        "recompute_scale_factor": "leave it out: what is computed is the same",
    }

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        count, height, width = inputs[0]
        return count, height * self.factor[0], width * self.factor[1]

    def reach(self, inputs: Sequence[Shape]) -> tuple[Reach, ...]:
        return (interpolated(self.factor) if self.mode == "bilinear" else repeated(self.factor),)


@dataclass(frozen=True, slots=True)
class DepthToSpace(Op):
    """Channels as blocks of pixels: (C b b, H, W) to (C, H b, W b). ONNX DepthToSpace, mode CRD; Shi et al. 2016.

    The b b channels of a block lie next to each other, as PyTorch's PixelShuffle has it. TensorFlow's `depth_to_space`
    (ONNX mode DCR) has those that become one output channel C apart.
    """

    name: ClassVar[str] = "depth_to_space"
    ranks: ClassVar[Ranks] = IMAGES

    block: int = attribute(IntKind(least=1), "height and width of a block", spatial=True)

    two_meanings: ClassVar[Mapping[str, str]] = {
        "block_size": "write `block`; for TensorFlow's order of channels, put `channel_shuffle` of block * block "
        "groups before it",
        "upscale_factor": "write `block`",
    }

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        count, height, width = inputs[0]
        _divides("block * block", self.block * self.block, count)
        return count // (self.block * self.block), height * self.block, width * self.block

    def reach(self, inputs: Sequence[Shape]) -> tuple[Reach, ...]:
        return (repeated((self.block, self.block)),)


@dataclass(frozen=True, slots=True)
class SpaceToDepth(Op):
    """Blocks of pixels as channels: (C, H b, W b) to (C b b, H, W). The inverse of depth_to_space.

    The b b channels of a block lie next to each other, as PyTorch's PixelUnshuffle has it. ONNX's SpaceToDepth and
    TensorFlow's `space_to_depth` have those of one place in all blocks next to each other.
    """

    name: ClassVar[str] = "space_to_depth"
    ranks: ClassVar[Ranks] = IMAGES

    block: int = attribute(IntKind(least=1), "height and width of a block", spatial=True)

    two_meanings: ClassVar[Mapping[str, str]] = {
        "block_size": "write `block`; for TensorFlow's order of channels, put `channel_shuffle` of as many groups as "
        "it has input channels after it",
        "downscale_factor": "write `block`",
    }

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        count, height, width = inputs[0]
        for axis, extent in (("height", height), ("width", width)):
            if extent % self.block:
                raise ShapeError(
                    f"needs a {axis} that is a multiple of its block ({self.block}), this is {extent}",
                    help="`pad` or `crop` the image before it",
                )
        return count * (self.block * self.block), height // self.block, width // self.block

    def reach(self, inputs: Sequence[Shape]) -> tuple[Reach, ...]:
        block = (self.block, self.block)
        return (sliding(block, block, (0, 0, 0, 0)),)


def _product(sizes: Sequence[int]) -> int:
    """How many numbers there are: multiplied one by one, so that a size that carries an expression keeps it."""
    if not sizes:
        return 1
    found = sizes[0]
    for size in sizes[1:]:
        found = found * size
    return found


def _with_channels(shape: Shape, count: int) -> Shape:
    """The shape with another number of channels or features."""
    axis = channel_axis(shape)
    return (*shape[:axis], count, *shape[axis + 1 :])


def _divides(what: str, parts: int, count: int) -> None:
    if count % parts:
        raise ShapeError(
            f"divides its input's {int(count)} channels by {int(parts)} (`{what}`), which leaves a rest", "E0504"
        )


def _sides(padding: Padding) -> tuple[int, int, int, int]:
    assert padding.sides is not None
    return padding.sides
