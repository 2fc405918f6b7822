"""Ops that join branches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from itertools import accumulate
from typing import ClassVar

from archspec.ir.attributes import WordKind, attribute
from archspec.ir.footprint import Footprint, only, shifted
from archspec.ir.op import Example, Op, OpKind, ShapeError, Sign
from archspec.ir.op_registry import register
from archspec.ir.ops.base import Placewise
from archspec.ir.tensor_type import (
    ANY,
    FEATURED,
    FEATURES,
    SEQUENCES,
    SPATIAL,
    Accepted,
    Axes,
    TensorType,
    tokens,
)
from archspec.records import record


class Pointwise(Placewise):
    """A merge of tensors of one shape."""

    __slots__ = ()
    takes: ClassVar[Accepted] = ANY

    least_inputs: ClassVar[int] = 2
    most_inputs: ClassVar[int | None] = None

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        for index, other in enumerate(inputs[1:], start=2):
            if other != inputs[0]:
                raise ShapeError(
                    f"needs equal shapes; branch 1 gives {inputs[0].text}, branch {index} gives {other.text}",
                    "E0502",
                )
        return inputs[0]


@register
class Add(Pointwise):
    """The elementwise sum of its branches. ONNX Add / Sum."""

    __slots__ = ()
    name: ClassVar[str] = "add"
    kind: ClassVar[OpKind] = "merge"
    example: ClassVar[Example] = Example(
        (16, 8, 8), "add: [[], [{conv: {filters: channels, kernel: 3, padding: 1}}, batch_norm]]"
    )
    sign: ClassVar[Sign] = "kept"


@register
class Subtract(Pointwise):
    """The first of its two branches less the second, element by element. ONNX Sub."""

    __slots__ = ()
    name: ClassVar[str] = "subtract"
    kind: ClassVar[OpKind] = "merge"
    example: ClassVar[Example] = Example((16, 8, 8), "subtract: [avg_pool: {kernel: 3, stride: 1, padding: 1}, []]")
    most_inputs: ClassVar[int | None] = 2


@register
class Maximum(Pointwise):
    """The elementwise maximum of its branches. ONNX Max; Goodfellow et al. 2013 (maxout)."""

    __slots__ = ()
    name: ClassVar[str] = "maximum"
    kind: ClassVar[OpKind] = "merge"
    example: ClassVar[Example] = Example(
        (16, 8, 8), "maximum: [conv: {filters: 8, kernel: 1}, conv: {filters: 8, kernel: 1}]"
    )
    sign: ClassVar[Sign] = "kept"

    def never_negative(self, inputs: Sequence[bool], open: Set[str]) -> bool:
        return any(inputs)  # one such branch is enough


@register
class Minimum(Pointwise):
    """The elementwise minimum of its branches. ONNX Min."""

    __slots__ = ()
    name: ClassVar[str] = "minimum"
    kind: ClassVar[OpKind] = "merge"
    example: ClassVar[Example] = Example(
        (16, 8, 8), "minimum: [conv: {filters: 8, kernel: 1}, conv: {filters: 8, kernel: 1}]"
    )
    sign: ClassVar[Sign] = "kept"


class Factors(Pointwise):
    """A merge of tensors of one shape, and of such as have one number for each channel of it, or for each place."""

    __slots__ = ()
    sign: ClassVar[Sign] = "kept"

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        full = max(inputs, key=lambda type: type.count)
        allowed, words = [full], "equal shapes"
        if full.rank > 1 and full.channel_axis is not None:
            scales, places = full.with_places((1,) * len(full.places)), full.with_channels(1)
            allowed += [scales, places]
            words += f", one number a channel ({scales.text}) or one a place ({places.text})"
        for index, type in enumerate(inputs, start=1):
            if type not in allowed:
                raise ShapeError(
                    f"needs {words}; branch {index} gives {type.text} where another gives {full.text}",
                    "E0502",
                )
        return full

    def footprint(self, inputs: Sequence[TensorType]) -> tuple[Footprint, ...]:
        full = self.infer_type(inputs).places
        return tuple("place" if type.places == full else (only(0),) * len(full) for type in inputs)


@register
class Multiply(Factors):
    """The elementwise product of its branches. ONNX Mul.

    A (C, 1, 1) branch scales whole channels of a (C, H, W) one, a (1, H, W) branch whole pixels; a (1, F) branch
    scales features of all tokens (T, F), a (T, 1) branch whole tokens.
    """

    __slots__ = ()
    name: ClassVar[str] = "multiply"
    kind: ClassVar[OpKind] = "merge"
    example: ClassVar[Example] = Example((16, 8, 8), "multiply: [[], [global_avg_pool, sigmoid]]")


@register
class Divide(Factors):
    """The first of its two branches divided by the second, element by element. ONNX Div.

    Either may have one number for each channel of the other, or for each place, as a branch of `multiply` may. What is
    divided by 0 is infinite, or no number; 0 / 0 is none.
    """

    __slots__ = ()
    name: ClassVar[str] = "divide"
    kind: ClassVar[OpKind] = "merge"
    example: ClassVar[Example] = Example((16, 8, 8), "divide: [[], [global_avg_pool, softplus]]")
    most_inputs: ClassVar[int | None] = 2


@register
@record
class Matmul(Op):
    """The matrix product of two sequences, each example's by itself: (T, U) and (U, F) to (T, F). ONNX MatMul.

    The features of the first are summed with the tokens of the second, or, by `axis: features`, with its features:
    (T, F) and (U, F) to (T, U), the products of all tokens with all.
    """

    name: ClassVar[str] = "matmul"
    kind: ClassVar[OpKind] = "merge"
    example: ClassVar[Example] = Example((64, 16), "matmul: {branches: [[], [dense: {units: 16}]], axis: features}")
    sign: ClassVar[Sign] = "kept"
    takes: ClassVar[Accepted] = SEQUENCES
    type_help: ClassVar[Mapping[Axes, str]] = {
        FEATURES: "leave out the `flatten` or pooling before it",
        **dict.fromkeys(SPATIAL, "put `to_tokens` before it"),
    }
    two_meanings: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("transpose_b", "adj_b", "adjoint_b", "transB"), "write `axis: features`: the features of both are summed"
        ),
        **dict.fromkeys(("transpose_a", "adj_a", "adjoint_a", "transA"), "put `transpose` at the end of branch 1"),
        "axes": "write `axis: tokens`, the default, or `axis: features`: the axis of branch 2 that is summed",
    }
    least_inputs: ClassVar[int] = 2
    most_inputs: ClassVar[int | None] = 2

    axis: str = attribute(
        WordKind(words=("tokens", "features")),
        "which axis of the second is summed with the features of the first",
        default="tokens",
    )

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        first, second = inputs
        summed, left = second.sizes if self.axis == "tokens" else reversed(second.sizes)
        if first.channels != summed:
            raise ShapeError(
                f"sums {int(first.channels)} features of branch 1 with {int(summed)} {self.axis} of branch 2: "
                f"{first.text} and {second.text}",
                "E0502",
                "`transpose` swaps the tokens and features of a branch, `axis: features` sums the features of both",
            )
        return tokens(first.sizes[0], left)

    def footprint(self, inputs: Sequence[TensorType]) -> tuple[Footprint, ...]:
        return ("place", "everywhere")

    def macs(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        return outputs[0].count * inputs[0].channels


@register
@record
class Concat(Placewise):
    """Its branches one after the other along the channels, or the features of tokens. ONNX Concat.

    `axis: tokens` joins sequences instead: (T, F) and (T', F) to (T + T', F).
    """

    name: ClassVar[str] = "concat"
    kind: ClassVar[OpKind] = "merge"
    example: ClassVar[Example] = Example((16, 8, 8), "concat: [[], conv: {filters: 12, kernel: 3, padding: 1}]")
    sign: ClassVar[Sign] = "kept"
    takes: ClassVar[Accepted] = FEATURED
    type_help: ClassVar[Mapping[Axes, str]] = dict.fromkeys(SPATIAL, "`to_tokens` makes tokens of an image's pixels")
    two_meanings: ClassVar[Mapping[str, str]] = {"dim": "write `axis: channels`, the default, or `axis: tokens`"}
    least_inputs: ClassVar[int] = 2
    most_inputs: ClassVar[int | None] = None

    axis: str = attribute(
        WordKind(words=("channels", "tokens")), "what is joined: channels (or features), or tokens", default="channels"
    )

    def accepted(self) -> Accepted:
        return SEQUENCES if self.axis == "tokens" else self.takes

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        first, joins_tokens = inputs[0], self.axis == "tokens"
        total, others = _extents(first, by_token=joins_tokens)
        for index, type in enumerate(inputs[1:], start=2):
            extent, rest = _extents(type, by_token=joins_tokens)
            if (type.axes, rest) != (first.axes, others):
                raise ShapeError(
                    f"needs shapes that differ in {self.axis} alone; branch 1 gives {first.text}, "
                    f"branch {index} gives {type.text}",
                    "E0502",
                )
            total = total + extent
        return first.with_places((total,)) if joins_tokens else first.with_channels(total)

    def footprint(self, inputs: Sequence[TensorType]) -> tuple[Footprint, ...]:
        if self.axis != "tokens":
            return Placewise.footprint(self, inputs)
        before = accumulate((type.sizes[0] for type in inputs[:-1]), initial=0)
        return tuple((shifted(count),) for count in before)

    def detail(self) -> str:
        return " tokens" if self.axis == "tokens" else ""


def _extents(type: TensorType, *, by_token: bool) -> tuple[int, tuple[int, ...]]:
    """How many tokens, or channels, a tensor has, and the sizes that must be equal for it to be joined with others."""
    return (type.sizes[0], (type.channels,)) if by_token else (type.channels, type.places)
