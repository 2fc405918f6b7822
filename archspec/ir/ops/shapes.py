"""Ops that move numbers and compute none, or only what stands between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from archspec.ir.attributes import (
    IndexKind,
    IntKind,
    ShapeKind,
    attribute,
)
from archspec.ir.op import Example, OpKind, ShapeError, Sign
from archspec.ir.op_registry import register
from archspec.ir.ops.base import Elementwise, Overall, Placewise, check_divides
from archspec.ir.tensor_type import ANY, FEATURE_MAPS, FEATURED, Accepted, TensorType, features
from archspec.records import record


@register
class Identity(Elementwise):
    """Its input, unchanged. ONNX Identity."""

    __slots__ = ()
    name: ClassVar[str] = "identity"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example((16, 8, 8), "identity")
    sign: ClassVar[Sign] = "kept"
    view: ClassVar[bool] = True


@register
class Flatten(Overall):
    """All axes but the batch in one, channels first: an image in the order C, H, W. ONNX Flatten."""

    __slots__ = ()
    name: ClassVar[str] = "flatten"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example((16, 8, 8), "flatten")
    sign: ClassVar[Sign] = "kept"
    takes: ClassVar[Accepted] = ANY
    two_meanings: ClassVar[Mapping[str, str]] = {
        "start_dim": "leave it out: all axes but the batch become one",
        "end_dim": "leave it out: all axes but the batch become one",
        "axis": "leave it out: all axes but the batch become one",
    }
    view: ClassVar[bool] = True

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        return features(_product(inputs[0].sizes))


@register
@record
class Reshape(Overall):
    """Its numbers in another shape, read and written channels first, as C, H, W. ONNX Reshape.

    Four sizes make a volume (C, D, H, W), three an image (C, H, W), two tokens (T, F), one features.
    """

    name: ClassVar[str] = "reshape"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example((16,), "reshape: {shape: [4, 2, -1]}")
    sign: ClassVar[Sign] = "kept"
    takes: ClassVar[Accepted] = ANY
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
        "the sizes without the batch: channels, depth, height, width, or channels, height, width, or tokens, features, "
        "or features; "
        "one may be -1 and is worked out",
        spatial=True,
    )

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        count, known = _product(inputs[0].sizes), _product([extent for extent in self.shape if extent != -1])
        sizes = ", ".join(str(int(extent)) for extent in self.shape)
        wanted = f"makes [{sizes}] of {inputs[0].text}, which has {int(count):,} numbers; it"
        if -1 not in self.shape:
            if count != known:
                raise ShapeError(f"{wanted} needs {int(known):,}", help="one size may be -1: it is worked out")
            return TensorType.of_shape(self.shape)
        if count % known:
            raise ShapeError(f"{wanted} needs a multiple of {int(known):,}")
        return TensorType.of_shape([count // known if extent == -1 else extent for extent in self.shape])

    def caption(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> str:
        return f"reshape to {outputs[0].text}"

    def one_place(self, inputs: Sequence[bool]) -> bool:
        return len(self.shape) > 2 and set(self.shape[1:]) == {1}


@register
@record
class ChannelShuffle(Placewise):
    """Channel k of each group in turn: (g, C / g) to (C / g, g). ONNX Reshape + Transpose; Zhang et al. 2018."""

    name: ClassVar[str] = "channel_shuffle"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example((16, 8, 8), "channel_shuffle: {groups: 2}")
    sign: ClassVar[Sign] = "kept"
    takes: ClassVar[Accepted] = FEATURE_MAPS

    groups: int = attribute(IntKind(least=1), "groups of channels that are mixed")

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        check_divides("groups", self.groups, inputs[0].channels)
        return inputs[0]

    def detail(self) -> str:
        return f", {self.groups} groups"


@register
@record
class Split(Placewise):
    """Equal parts of the channels, or of the features of tokens: all of them as `outputs`, or one. ONNX Split."""

    name: ClassVar[str] = "split"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example(
        (16, 8, 8), "concat: [split: {parts: 2, index: 1}, split: {parts: 2, index: 0}]"
    )
    sign: ClassVar[Sign] = "kept"
    takes: ClassVar[Accepted] = FEATURED
    view: ClassVar[bool] = True
    several: ClassVar[bool] = True

    parts: int = attribute(IntKind(least=1), "number of equal parts")
    index: int | None = attribute(
        IntKind(least=0), "which of them alone, counted from 0; all of them unless given", default=None
    )

    def infer_types(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        check_divides("parts", self.parts, inputs[0].channels)
        if self.index is not None and self.index >= self.parts:
            raise ShapeError(f"has {self.parts} parts and no part {self.index}", help="the first is 0")
        if self.index is None and self.parts < 2:
            raise ShapeError("gives one part, which is all of its input", help="leave it out, or write `parts: 2`")
        part = inputs[0].with_channels(inputs[0].channels // self.parts)
        return (part,) * (self.parts if self.index is None else 1)

    def structural(self) -> tuple[str, ...]:
        return ("parts",) if self.index is None else ()

    def detail(self) -> str:
        return f" in {self.parts}" if self.index is None else f", part {self.index + 1} of {self.parts}"


@register
@record
class SliceChannels(Placewise):
    """The channels from `start` to before `stop`, or the features of tokens. ONNX Slice."""

    name: ClassVar[str] = "slice_channels"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example((16, 8, 8), "slice_channels: {start: 4, stop: channels - 4}")
    sign: ClassVar[Sign] = "kept"
    takes: ClassVar[Accepted] = FEATURED
    view: ClassVar[bool] = True

    start: int = attribute(IndexKind(), "the first channel; negative numbers count from the end", default=0)
    stop: int | None = attribute(
        IndexKind(), "the channel before which it ends; negative numbers count from the end", default=None
    )

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        total, start, stop = inputs[0].channels, self.start, self.stop
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
        return inputs[0].with_channels(size)

    def detail(self) -> str:
        return f" {self.start}:{'' if self.stop is None else self.stop}"


def _product(sizes: Sequence[int]) -> int:
    """How many numbers there are: multiplied one by one, so that a size that carries an expression keeps it."""
    if not sizes:
        return 1
    found = sizes[0]
    for size in sizes[1:]:
        found = found * size
    return found
