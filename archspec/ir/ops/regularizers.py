"""Ops that are random in training and do nothing afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from archspec.ir.attributes import FloatKind, IntKind, attribute
from archspec.ir.op import Example, OpKind, ShapeError, Sign
from archspec.ir.op_registry import register
from archspec.ir.ops.base import Elementwise
from archspec.ir.tensor_type import FEATURE_MAPS, IMAGES, Accepted, TensorType
from archspec.records import record


@record
class _Dropping(Elementwise):
    """Zeroes a part of its input in training, and divides the rest by what is left."""

    rate: float = attribute(FloatKind(below=1.0), "share that is zeroed")

    random: ClassVar[bool] = True
    kind: ClassVar[OpKind] = "regularizer"
    sign: ClassVar[Sign] = "kept"

    def detail(self) -> str:
        return f" {self.rate:.3g}"


@register
@record
class Dropout(_Dropping):
    """In training, zero elements with probability `rate` and divide the rest by 1 - rate. ONNX Dropout."""

    rate: float = attribute(FloatKind(below=1.0), "probability of zeroing an element", default=0.5)

    name: ClassVar[str] = "dropout"
    example: ClassVar[Example] = Example((16,), "dropout: {rate: 0.2}")
    two_meanings: ClassVar[Mapping[str, str]] = {
        "p": "write `rate`, the share that is zeroed",
        "keep_prob": "write `rate`, the share that is zeroed: rate = 1 - keep_prob",
    }


@register
@record
class DropPath(_Dropping):
    """In training, zero whole examples with probability `rate` and divide the rest by 1 - rate.

    Stochastic depth, for the end of a residual branch: Huang et al. 2016.
    """

    rate: float = attribute(FloatKind(below=1.0), "probability of zeroing an example")

    name: ClassVar[str] = "drop_path"
    example: ClassVar[Example] = Example((16, 8, 8), "add: [[], [relu, drop_path: {rate: 0.1}]]")
    two_meanings: ClassVar[Mapping[str, str]] = {
        "p": "write `rate`, the share that is zeroed",
        "drop_prob": "write `rate`, the share that is zeroed",
        "survival_prob": "write `rate`, the share that is zeroed: rate = 1 - survival_prob",
        "keep_prob": "write `rate`, the share that is zeroed: rate = 1 - keep_prob",
    }


@register
@record
class ChannelDropout(_Dropping):
    """In training, zero whole channels of each example with probability `rate` and divide the rest by 1 - rate.

    PyTorch's Dropout2d, Keras's SpatialDropout2D: Tompson et al. 2015.
    """

    rate: float = attribute(FloatKind(below=1.0), "probability of zeroing a channel", default=0.5)

    name: ClassVar[str] = "channel_dropout"
    example: ClassVar[Example] = Example((16, 8, 8), "channel_dropout: {rate: 0.1}")
    takes: ClassVar[Accepted] = FEATURE_MAPS
    two_meanings: ClassVar[Mapping[str, str]] = {
        "p": "write `rate`, the share that is zeroed",
        "keep_prob": "write `rate`, the share that is zeroed: rate = 1 - keep_prob",
    }


@register
@record
class DropBlock(_Dropping):
    """In training, zero squares of `block` x `block` pixels, each channel's by themselves, and scale up what is left.

    About `rate` of all numbers are zeroed: a square is begun at each pixel where one fits whole, with the probability
    that gives this, and squares may overlap. The rest is divided by its share of all numbers of the batch:
    torchvision's DropBlock2d; Ghiasi et al. 2018.
    """

    rate: float = attribute(FloatKind(below=1.0), "share of the numbers that are zeroed, about")
    block: int = attribute(IntKind(least=1), "height and width of a square; odd", default=7)

    name: ClassVar[str] = "drop_block"
    example: ClassVar[Example] = Example((16, 8, 8), "drop_block: {rate: 0.1, block: 5}")
    takes: ClassVar[Accepted] = IMAGES
    two_meanings: ClassVar[Mapping[str, str]] = {
        "p": "write `rate`, the share that is zeroed",
        "drop_prob": "write `rate`, the share that is zeroed",
        "keep_prob": "write `rate`, the share that is zeroed: rate = 1 - keep_prob",
        "block_size": "write `block`",
        "eps": "leave it out: it only spares a division by zero",
    }

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        if self.block % 2 == 0:
            message = f"has blocks of {self.block}, which have no pixel in the middle"
            raise ShapeError(message, "E0411", "write an odd number", "block")
        for axis, extent in zip(inputs[0].place_names, inputs[0].places, strict=True):
            if self.block > extent:
                message = f"has blocks of {self.block} in {axis}; its input has {extent}"
                raise ShapeError(message, "E0503", "use a smaller block", "block")
        return inputs[0]

    def detail(self) -> str:
        return f"{_Dropping.detail(self)}, {self.block}x{self.block}"
