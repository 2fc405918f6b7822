"""Ops that change spatial sizes and compute nothing: pads and crops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
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
from archspec.ir.captions import number, sides
from archspec.ir.footprint import Footprint, shifted
from archspec.ir.op import Example, Op, OpKind, ShapeError, Sign
from archspec.ir.op_registry import register
from archspec.ir.ops.base import Overall, Placewise
from archspec.ir.tensor_type import FEATURE_MAPS, FEATURED, Accepted, TensorType
from archspec.records import record

_SIDES: Final = "write `{}`: a number, one for each axis, or both sides of each, as [top, bottom, left, right]"


@register
@record
class Pad(Op):
    """More elements around all spatial axes: a number, reflections, the edge again, or the other end's. ONNX Pad."""

    name: ClassVar[str] = "pad"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example((16, 8, 8), "pad: {padding: [0, 1, 0, 1], mode: reflect}")
    takes: ClassVar[Accepted] = FEATURE_MAPS

    padding: Padding = attribute(SidesKind(), "elements on each side", spatial=True)
    mode: str = attribute(
        WordKind(words=("constant", "reflect", "symmetric", "edge", "circular")),
        "`constant`: `value`; `reflect`: the elements inside the edge, mirrored; `symmetric`: the edge and those "
        "inside, mirrored; `edge`: the edge's own; `circular`: those of the opposite end",
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
            if self.mode in ("symmetric", "circular") and most > extent:
                raise ShapeError(
                    f"pads {most} in {axis} with elements of its input, which has {extent}",
                    help="`mode: edge` repeats as often as is wanted",
                )
        return x.with_places([size + before + after for size, (before, after) in zip(x.places, sides, strict=True)])

    def footprint(self, inputs: Sequence[TensorType]) -> tuple[Footprint, ...]:
        return (tuple(shifted(before) for before, _ in _explicit(self.padding)),)

    def detail(self) -> str:
        return f" {sides(self.padding)}" + ("" if self.mode == "constant" else f", {self.mode}")

    def never_negative(self, inputs: Sequence[bool], open: Set[str]) -> bool:
        return self.value >= 0 and "value" not in open and all(inputs)


@register
@record
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
@record
class PadToMultiple(Op):
    """Zeros after the elements of all spatial axes, until each size is a multiple of a number. ONNX Pad."""

    name: ClassVar[str] = "pad_to_multiple"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example((16, 9, 8), "pad_to_multiple: {multiple: 4}")
    sign: ClassVar[Sign] = "kept"
    takes: ClassVar[Accepted] = FEATURE_MAPS

    multiple: PerAxis = attribute(PerAxisKind(), "what divides the sizes afterwards", spatial=True)

    two_meanings: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("divisor", "size_divisor", "size_divisibility"), "write `multiple`"
    )

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        x = inputs[0]
        return x.with_places([-(-size // each) * each for size, each in zip(x.places, self.multiple, strict=True)])

    def footprint(self, inputs: Sequence[TensorType]) -> tuple[Footprint, ...]:
        return (tuple(shifted(0) for _ in inputs[0].places),)

    def detail(self) -> str:
        return f" {number(self.multiple)}"


@register
@record
class Roll(Overall):
    """Elements moved along the spatial axes; those that leave at one end come in at the other. ONNX Slice + Concat."""

    name: ClassVar[str] = "roll"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example((16, 8, 8), "roll: {shift: [-1, 2]}")
    sign: ClassVar[Sign] = "kept"
    takes: ClassVar[Accepted] = FEATURE_MAPS

    shift: PerAxis = attribute(
        PerAxisKind(least=-(2**31)), "places by which elements move down and to the right", spatial=True
    )

    two_meanings: ClassVar[Mapping[str, str]] = {
        "shifts": "write `shift`: a number, or one for each spatial axis",
        "shift_size": "write `shift`: a number, or one for each spatial axis",
        "dims": "leave it out: `shift` has a number for each spatial axis",
        "axis": "leave it out: `shift` has a number for each spatial axis",
    }

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        x = inputs[0]
        for axis, extent, by in zip(x.place_names, x.places, self.shift, strict=True):
            if abs(by) > extent:
                raise ShapeError(
                    f"moves {by} places in {axis}, its input has {extent}", help="`%` gives what is left of a turn"
                )
        return x

    def one_place(self, inputs: Sequence[bool]) -> bool:
        return all(inputs)

    def detail(self) -> str:
        return f" {number(self.shift)}"


@register
@record
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


def _explicit(padding: Padding) -> Sides:
    assert padding.sides is not None
    return padding.sides
