"""What the ops of several modules share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from archspec.ir.attributes import BoolKind, FloatKind, attribute
from archspec.ir.footprint import Footprint
from archspec.ir.op import Op, OpKind, ShapeError
from archspec.ir.tensor_type import ANY, Accepted, TensorType


class GraphInput(Op):
    """A tensor that is fed in. It has no attributes in the language: `input:` describes it."""

    __slots__ = ()
    name: ClassVar[str] = "input"
    kind: ClassVar[OpKind] = "input"
    takes: ClassVar[Accepted] = ANY
    least_inputs: ClassVar[int] = 0
    most_inputs: ClassVar[int | None] = 0
    view: ClassVar[bool] = True

    def footprint(self, inputs: Sequence[TensorType]) -> tuple[Footprint, ...]:
        return ()


class Placewise(Op):
    """Each place of the output is computed from the same place of the inputs: a pixel's or a token's numbers."""

    __slots__ = ()

    def footprint(self, inputs: Sequence[TensorType]) -> tuple[Footprint, ...]:
        same: Footprint = "place"
        return (same,) * len(inputs)

    def one_place(self, inputs: Sequence[bool]) -> bool:
        return all(inputs)


class Elementwise(Placewise):
    """Same type out as in."""

    __slots__ = ()
    takes: ClassVar[Accepted] = ANY

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        return inputs[0]


class Overall(Op):
    """Each place of the output is computed from all places of the input."""

    __slots__ = ()

    def footprint(self, inputs: Sequence[TensorType]) -> tuple[Footprint, ...]:
        return ("everywhere",)


def bare(shape: str) -> Any:
    """The attribute of an op whose learned numbers may have the layer's own name; `shape` is theirs then."""
    doc = f"name the learned numbers by the layer's path alone, without `.weight`; they have the shape {shape} then"
    return attribute(BoolKind(), doc, default=False)


def decays(weight: str) -> Any:
    """An attribute for the weight decay of one of the op's weights."""
    doc = f"weight decay: so many times `{weight}` is added to its gradient; Keras's L2 has half the number"
    return attribute(FloatKind(), doc, default=0.0)


_PADS: Final = (
    "write `padding`: both sides of each axis in turn, as [top, bottom, left, right], where ONNX has "
    "[top, left, bottom, right]"
)
CHANNEL_WORDS: Final = {
    "out_channels": "write `filters` (the number of output channels)",
    "channels": "write `filters` (the number of output channels); input channels are inferred",
    "in_channels": "leave it out: input channels are inferred",
    "kernel_size": "write `kernel`",
    "strides": "write `stride`",
    "same_pad": "write `padding: same`, which is TensorFlow's SAME; PyTorch's symmetric padding is a number",
    "use_bias": "write `bias`",
    "num_outputs": "write `filters`",
    "auto_pad": "write `padding: same`, which is SAME_UPPER, `same_lower`, or the sides",
    "pads": _PADS,
    "padding_mode": "write `padding: 0`, and an item `pad: {padding: ..., mode: ...}` before this one",
    "depth_multiplier": "write `groups: channels` and `filters: channels * ...`: a depthwise convolution",
    "kernel_shape": "write `kernel`",
    "output_shape": "leave it out: it follows; `output_padding` of `conv_transpose` adds elements",
}
WINDOW_WORDS: Final = {
    "kernel_shape": "write `kernel`",
    "auto_pad": "write `padding: same`, which is SAME_UPPER, `same_lower`, or the sides",
    "pads": _PADS,
    "dilation": "windows of pools have no dilation in the language: leave it out if it is 1",
    "dilations": "windows of pools have no dilation in the language: leave it out if it is 1",
    "storage_order": "leave it out: what is computed is the same",
    "divisor_override": "not in the language: write a `scale` after it, which multiplies by a number",
    "global_pooling": "write `global_avg_pool` or `global_max_pool`",
    "kernel_size": "write `kernel`",
    "pool_size": "write `kernel`",
    "strides": "write `stride`",
    "same_pad": "write `padding: same`, which is TensorFlow's SAME; PyTorch's symmetric padding is a number",
}


def check_divides(what: str, parts: int, count: int) -> None:
    """Raise where channels cannot be in so many equal parts."""
    if count % parts:
        raise ShapeError(
            f"divides its input's {int(count)} channels by {int(parts)} (`{what}`), which leaves a rest", "E0504"
        )
