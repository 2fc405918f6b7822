"""Blocks of pixels as channels, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from archspec.ir.attributes import IntKind, attribute
from archspec.ir.footprint import Footprint, repeated, sliding
from archspec.ir.op import Example, Op, OpKind, ShapeError, Sign
from archspec.ir.op_registry import register
from archspec.ir.ops.base import check_divides
from archspec.ir.tensor_type import IMAGES, Accepted, TensorType, image
from archspec.records import record


@register
@record
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
@record
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
