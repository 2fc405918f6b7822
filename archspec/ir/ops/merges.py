"""Ops that join branches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from archspec.ir.op import Op, Shape, ShapeError, channel_axis, shape_text


@dataclass(frozen=True, slots=True)
class Pointwise(Op):
    """A merge of tensors of one shape."""

    least_inputs: ClassVar[int] = 2
    most_inputs: ClassVar[int | None] = None

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        for index, shape in enumerate(inputs[1:], start=2):
            if shape != inputs[0]:
                raise ShapeError(
                    f"{self.name} needs equal shapes; branch 1 gives {shape_text(inputs[0])}, "
                    f"branch {index} gives {shape_text(shape)}",
                    "E0502",
                )
        return inputs[0]


@dataclass(frozen=True, slots=True)
class Add(Pointwise):
    """The elementwise sum of its branches. ONNX Add / Sum."""

    name: ClassVar[str] = "add"


@dataclass(frozen=True, slots=True)
class Multiply(Pointwise):
    """The elementwise product of its branches; a (C, 1, 1) branch scales whole channels. ONNX Mul."""

    name: ClassVar[str] = "multiply"

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        full = max(inputs, key=math.prod)
        for index, shape in enumerate(inputs, start=1):
            per_channel = len(full) == 3 and shape == (full[0], 1, 1)
            if shape != full and not per_channel:
                raise ShapeError(
                    f"multiply needs equal shapes, or one number a channel; branch {index} gives "
                    f"{shape_text(shape)} where another gives {shape_text(full)}",
                    "E0502",
                )
        return full


@dataclass(frozen=True, slots=True)
class Concat(Op):
    """Its branches one after the other along the channels, or the features of tokens. ONNX Concat."""

    name: ClassVar[str] = "concat"
    least_inputs: ClassVar[int] = 2
    most_inputs: ClassVar[int | None] = None

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        first, axis = inputs[0], channel_axis(inputs[0])
        total = first[axis]
        for index, shape in enumerate(inputs[1:], start=2):
            if len(shape) != len(first) or (shape[:axis], shape[axis + 1 :]) != (first[:axis], first[axis + 1 :]):
                raise ShapeError(
                    f"concat needs shapes that differ in channels alone; branch 1 gives {shape_text(first)}, "
                    f"branch {index} gives {shape_text(shape)}",
                    "E0502",
                )
            total = total + shape[axis]
        return (*first[:axis], total, *first[axis + 1 :])
