"""The numbers of a tensor, some at a time: read and put where they belong, or written, and never there twice."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BufferedReader
from itertools import product
from pathlib import Path
from types import EllipsisType
from typing import TYPE_CHECKING, Final, TypeAlias

from archspec.atomic_files import open_regular
from archspec.ir.tensor_type import Shape
from archspec.weights.tensors import CODES, DamagedError, LazyTensor, byte_size, read_numbers, widened

if TYPE_CHECKING:
    from archspec.weights.tensors import Array

ReadsNext: TypeAlias = Callable[[int], "Array"]
"""The next so many bytes of a tensor's numbers, as an array of bytes; an error where there are fewer."""

_AT_ONCE: Final = 2**20
"""Bytes that are read at once."""
_ROWS: Final = 64
_COLUMNS: Final = 16
"""Numbers of a tile along what lies close together in an array, and in its copy."""
_SMALL: Final = 2**18
"""Bytes of an array of which smaller ones are near in any case."""


def lying_at(path: Path, offset: int, shape: Shape, kind: str) -> LazyTensor:
    """The tensor whose numbers lie in a file from this place on, one after the other, of a type in `CODES`."""

    def fill(target: Array) -> None:
        with open_regular(path) as file:
            file.seek(offset)
            fill_next(target, kind, reads_next(file, path.name))

    return LazyTensor(shape, kind, lambda: read_numbers(path, offset, shape, kind), fill)


def checked(tensor: LazyTensor, check: Callable[[], None]) -> LazyTensor:
    """The same tensor, before whose numbers this is called: it raises an error where they are damaged."""

    def load() -> Array:
        check()
        return tensor.load()

    def fill(target: Array) -> None:
        check()
        assert tensor.fill is not None
        tensor.fill(target)

    return replace(tensor, load=load, fill=None if tensor.fill is None else fill)


def reads_next(file: BufferedReader, name: str, seen: Callable[[Array], None] | None = None) -> ReadsNext:
    """Reads what comes next in a file; what it gives holds until it is called again.

    Args:
        file: open for reading.
        name: the file's, for the error if it ends too early.
        seen: is given all that is read, such as a checksum.
    """
    import numpy as np

    buffer = np.empty(0, np.uint8)

    def read(count: int) -> Array:
        nonlocal buffer
        if count > len(buffer):
            buffer = np.empty(count, np.uint8)
        data = buffer[:count]
        if file.readinto(data.data) < count:
            raise DamagedError(f"{name[:80]} is not whole: was it downloaded to the end?")
        if seen is not None:
            seen(data)
        return data

    return read


def fill_next(target: Array, kind: str, read: ReadsNext) -> None:
    """Put the numbers that come next into an array.

    Args:
        target: of the tensor's shape; its axes may lie in any order.
        kind: the numbers' type, as in `CODES`.
        read: where they come from.

    Raises:
        DamagedError: they end too early.
        OSError: they cannot be read.
    """
    import numpy as np

    code, width = np.dtype(CODES[kind]), byte_size((), kind)
    for place in _places(target.shape, width):
        part = target[place]
        numbers = read(part.size * width).view(code).reshape(part.shape)
        copy_tiles(widened(numbers) if kind == "bfloat16" else numbers, part)


def _places(shape: Shape, width: int) -> Iterator[tuple[int | slice | EllipsisType, ...]]:
    """The parts of an array, in the order of its numbers, that are small enough to be read at once."""
    if not math.prod(shape):
        return
    axis = len(shape)
    while axis and math.prod(shape[axis - 1 :]) * width <= _AT_ONCE:
        axis -= 1
    if not axis:
        yield (...,)
        return
    rows = max(1, _AT_ONCE // (math.prod(shape[axis:]) * width))
    for before in product(*(range(size) for size in shape[: axis - 1])):
        for start in range(0, shape[axis - 1], rows):
            yield (*before, slice(start, start + rows))


def portions(array: Array) -> Iterator[Array]:
    """The bytes of an array whose axes may lie in any order, as files have them: in the order of its axes.

    Each portion holds until the next is asked for.
    """
    import numpy as np

    code = array.dtype.newbyteorder("<")
    if array.flags.c_contiguous and array.dtype == code:
        yield array.reshape(-1).view(np.uint8)
        return
    buffer = np.empty(0, code)
    for place in _places(array.shape, array.itemsize):
        part = array[place]
        if part.size > buffer.size:
            buffer = np.empty(part.size, code)
        numbers = buffer[: part.size]
        copy_tiles(part, numbers.reshape(part.shape))
        yield numbers.view(np.uint8)


def copy_tiles(source: Array, target: Array) -> None:
    """Copy an array into one of its shape whose axes lie in another order, in tiles.

    A processor reads and writes stretches of memory: a tile of the two longest axes has some that are whole on either
    side. NumPy goes through such an array in the order of one side, and takes up to three times as long.
    """
    plain = source.flags.c_contiguous and target.flags.c_contiguous
    if plain or source.nbytes < _SMALL or source.ndim < 2:
        target[...] = source
        return
    rows, columns = sorted(range(source.ndim), key=lambda axis: (-source.shape[axis], axis))[:2]
    if source.strides[rows] > source.strides[columns]:
        rows, columns = columns, rows
    place = [slice(None)] * source.ndim
    for row in range(0, source.shape[rows], _ROWS):
        place[rows] = slice(row, row + _ROWS)
        for column in range(0, source.shape[columns], _COLUMNS):
            place[columns] = slice(column, column + _COLUMNS)
            target[tuple(place)] = source[tuple(place)]
