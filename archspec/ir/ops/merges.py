"""Ops that join branches."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

from archspec.ir.attributes import WordKind, attribute
from archspec.ir.op import ANY, FEATURED, TOKENS, Ranks, Shape, ShapeError, channel_axis, shape_text, without_channels
from archspec.ir.ops.base import Placewise
from archspec.ir.reach import Reach, only, shifted


@dataclass(frozen=True, slots=True)
class Pointwise(Placewise):
    """A merge of tensors of one shape."""

    ranks: ClassVar[Ranks] = ANY

    least_inputs: ClassVar[int] = 2
    most_inputs: ClassVar[int | None] = None

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        for index, shape in enumerate(inputs[1:], start=2):
            if shape != inputs[0]:
                raise ShapeError(
                    f"needs equal shapes; branch 1 gives {shape_text(inputs[0])}, "
                    f"branch {index} gives {shape_text(shape)}",
                    "E0502",
                )
        return inputs[0]


@dataclass(frozen=True, slots=True)
class Add(Pointwise):
    """The elementwise sum of its branches. ONNX Add / Sum."""

    name: ClassVar[str] = "add"


@dataclass(frozen=True, slots=True)
class Maximum(Pointwise):
    """The elementwise maximum of its branches. ONNX Max; Goodfellow et al. 2013 (maxout)."""

    name: ClassVar[str] = "maximum"


@dataclass(frozen=True, slots=True)
class Multiply(Pointwise):
    """The elementwise product of its branches. ONNX Mul.

    A (C, 1, 1) branch scales whole channels of a (C, H, W) one, a (1, H, W) branch whole pixels; a (1, F) branch
    scales features of all tokens (T, F), a (T, 1) branch whole tokens.
    """

    name: ClassVar[str] = "multiply"

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        full = max(inputs, key=math.prod)
        allowed, words = [full], "equal shapes"
        if len(full) > 1 and len(full) in FEATURED:
            axis = channel_axis(full)
            scales = tuple(extent if index == axis else 1 for index, extent in enumerate(full))
            places = (*full[:axis], 1, *full[axis + 1 :])
            allowed += [scales, places]
            words += f", one number a channel ({shape_text(scales)}) or one a place ({shape_text(places)})"
        for index, shape in enumerate(inputs, start=1):
            if shape not in allowed:
                raise ShapeError(
                    f"needs {words}; branch {index} gives {shape_text(shape)} where another gives {shape_text(full)}",
                    "E0502",
                )
        return full

    def reach(self, inputs: Sequence[Shape]) -> tuple[Reach, ...]:
        full = without_channels(self.infer_shape(inputs))
        return tuple("place" if without_channels(shape) == full else (only(0),) * len(full) for shape in inputs)


@dataclass(frozen=True, slots=True)
class Concat(Placewise):
    """Its branches one after the other along the channels, or the features of tokens. ONNX Concat.

    `axis: tokens` joins sequences instead: (T, F) and (T', F) to (T + T', F).
    """

    name: ClassVar[str] = "concat"
    ranks: ClassVar[Ranks] = FEATURED
    rank_help: ClassVar[Mapping[int, str]] = {3: "`to_tokens` makes tokens of an image's pixels"}
    two_meanings: ClassVar[Mapping[str, str]] = {"dim": "write `axis: channels`, the default, or `axis: tokens`"}
    least_inputs: ClassVar[int] = 2
    most_inputs: ClassVar[int | None] = None

    axis: str = attribute(
        WordKind(words=("channels", "tokens")), "what is joined: channels (or features), or tokens", default="channels"
    )

    def taken_ranks(self) -> Ranks:
        return TOKENS if self.axis == "tokens" else self.ranks

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        first, axis = inputs[0], channel_axis(inputs[0])
        if self.axis == "tokens":
            axis = 0
        total = first[axis]
        for index, shape in enumerate(inputs[1:], start=2):
            if len(shape) != len(first) or (shape[:axis], shape[axis + 1 :]) != (first[:axis], first[axis + 1 :]):
                raise ShapeError(
                    f"needs shapes that differ in {self.axis} alone; branch 1 gives {shape_text(first)}, "
                    f"branch {index} gives {shape_text(shape)}",
                    "E0502",
                )
            total = total + shape[axis]
        return (*first[:axis], total, *first[axis + 1 :])

    def reach(self, inputs: Sequence[Shape]) -> tuple[Reach, ...]:
        if self.axis != "tokens":
            return Placewise.reach(self, inputs)
        before = accumulate((shape[0] for shape in inputs[:-1]), initial=0)
        return tuple((shifted(count),) for count in before)
