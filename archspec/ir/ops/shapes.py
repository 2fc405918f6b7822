"""Ops that move numbers and compute none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from archspec.ir.op import Op, Shape
from archspec.ir.ops.base import Elementwise


@dataclass(frozen=True, slots=True)
class Identity(Elementwise):
    """Its input, unchanged. ONNX Identity."""

    name: ClassVar[str] = "identity"
    view: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Flatten(Op):
    """All axes but the batch in one, in the order channels, height, width. ONNX Flatten."""

    name: ClassVar[str] = "flatten"
    view: ClassVar[bool] = True

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        size = inputs[0][0]  # multiplied one by one, so that a size that carries an expression keeps it
        for extent in inputs[0][1:]:
            size = size * extent
        return (size,)
