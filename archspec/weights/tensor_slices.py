"""Partitioned variables in TensorFlow's checkpoints: a tensor whose parts are kept apart, each a box of it.

Source: tensorflow/core/framework/tensor_slice.proto, tensorflow/core/util/saved_tensor_slice_util.cc,
tensorflow/core/lib/strings/ordered_code.cc.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO, Final, TypeAlias

from archspec.ir.tensor_type import Shape
from archspec.weights.tensors import DamagedError, LazyTensor
from archspec.wire_format import BYTES, Field, fields

if TYPE_CHECKING:
    from archspec.weights.tensors import Array

Slice: TypeAlias = tuple[tuple[int, int], ...]
"""For each axis where a part begins and how long it is; -1: all of the axis."""

_HEADS: Final = (0, 0x80, 0xC0, 0xE0, 0xF0, 0xF8, 0xFC, 0xFE, 0xFF, 0xFF, 0xFF)
_SECOND: Final = {9: 0x80, 10: 0xC0}


def slice_of(file: BinaryIO, field: Field) -> Slice:
    """The box that a `TensorSliceProto` describes."""
    found: list[tuple[int, int]] = []
    for extent in fields(file, field.start, field.end):
        if extent.number == 1 and extent.wire == BYTES:
            given = {one.number: one.value for one in fields(file, extent.start, extent.end)}
            found.append((given.get(1, 0), given.get(2, -1)))
    return tuple(found)


def slice_key(name: str, part: Slice) -> bytes:
    """The key under which a table has a part of a tensor."""
    escaped = name.encode().replace(b"\xff", b"\xff\0").replace(b"\0", b"\0\xff") if "\0" in name else name.encode()
    found = b"\0" + escaped + b"\0\x01" + _increasing(len(part))
    return found + b"".join(_signed(start) + _signed(length) for start, length in part)


def _increasing(value: int) -> bytes:
    data = value.to_bytes(8, "big").lstrip(b"\0")
    return bytes([len(data)]) + data


def _signed(value: int) -> bytes:
    bits = (~value if value < 0 else value).bit_length()
    length = min(10, bits // 7 + 1)
    data = bytearray(value.to_bytes(10, "big", signed=True)[-length:])
    data[0] ^= _HEADS[length]
    if length > 1:
        data[1] ^= _SECOND.get(length, 0)
    return bytes(data)


def box(shape: Shape, part: Slice) -> tuple[tuple[int, int], ...]:
    """For each axis where a part begins and where it ends.

    Raises:
        DamagedError: it is no part of such a tensor.
    """
    found = tuple(
        (start, size if length < 0 else start + length) for (start, length), size in zip(part, shape, strict=False)
    )
    if len(part) != len(shape) or any(
        not 0 <= start <= end <= size for (start, end), size in zip(found, shape, strict=True)
    ):
        raise DamagedError("a checkpoint whose partitioned tensors are damaged")
    return found


def joined_slices(shape: Shape, kind: str, parts: Sequence[tuple[Slice, LazyTensor]]) -> LazyTensor:
    """A tensor of its parts.

    Raises:
        DamagedError: they are not all of it, or not of its shape.
    """
    boxes = [box(shape, part) for part, _ in parts]
    count = 0
    for sides, (_, tensor) in zip(boxes, parts, strict=True):
        sizes = tuple(end - start for start, end in sides)
        if tensor.shape not in ((), sizes) or tensor.problem:
            raise DamagedError("a checkpoint whose partitioned tensors are damaged")
        count += math.prod(sizes)
    if count != math.prod(shape):
        raise DamagedError("a checkpoint without all parts of a partitioned tensor")

    def load() -> Array:
        import numpy as np

        found: Array | None = None
        for sides, (_, tensor) in zip(boxes, parts, strict=True):
            array = tensor.load()
            if found is None:
                found = np.empty(shape, array.dtype)
            found[tuple(slice(start, end) for start, end in sides)] = array
        assert found is not None
        return found

    return LazyTensor(shape, kind, load)
