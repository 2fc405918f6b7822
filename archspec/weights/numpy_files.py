"""Reading arrays of NumPy by name (`.npz`), compressed or not. Arrays of Python's objects are pickles, and not read.

Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from archspec.archives import content_start, is_stored, open_archive
from archspec.atomic_files import open_regular
from archspec.ir.tensor_type import Shape
from archspec.weights.portions import fill_next, reads_next
from archspec.weights.tensors import CODES, MOST_AXES, DamagedError, LazyTensor, no_numbers

if TYPE_CHECKING:
    from archspec.weights.tensors import Array

_DIRECTORY: Final = 2**20
_PER_WEIGHT: Final = 1024
_SUFFIX: Final = ".npy"
_PIECE: Final = 2**18
_HEADER: Final = 2**16
"""Bytes of an array's header; NumPy reads as many as it says before it looks at them."""


def read(path: Path, needed: int) -> dict[str, LazyTensor]:
    """The arrays of a file by name.

    Args:
        path: the file.
        needed: how many weights the network has; the time that is spent on a file is bounded by it.

    Raises:
        DamagedError: it is damaged, or has too many parts.
        OSError: it cannot be read.
    """
    found: dict[str, LazyTensor] = {}
    with open_regular(path) as file, open_archive(file, max(_DIRECTORY, _PER_WEIGHT * needed)) as archive:
        for entry in archive.infolist():
            name = entry.filename.removesuffix(_SUFFIX)
            if name in found:
                raise DamagedError(f"an archive with two parts called {name[:80]!r}")
            try:
                with archive.open(entry) as part:
                    shape, fortran, dtype = _header(part)
                    start = part.tell()
            except Exception:  # of each kind of compression, and of NumPy's reading of Python
                raise DamagedError(f"an archive whose part {entry.filename[:80]!r} is no array of NumPy") from None
            if dtype.kind not in "fiub":
                found[name] = LazyTensor(shape, "no numbers" if dtype.kind != "O" else "a pickle", no_numbers)
                continue
            if entry.file_size - start != math.prod(shape) * dtype.itemsize:
                raise DamagedError(f"{name[:80]!r} has not as many bytes as its shape says")
            load = _loader(path, entry, shape, fortran, dtype)
            plain = is_stored(entry) and dtype == CODES.get(dtype.name)
            fill = _filler(path, entry, fortran, dtype.name) if plain else None
            found[name] = LazyTensor(shape, dtype.name, load, fill)
    return found


def _header(part: Any) -> tuple[Shape, bool, Any]:
    """The shape and type of an array, and whether its first axis is the fastest; the numbers follow."""
    from numpy.lib import format

    version = format.read_magic(part)
    width = 2 if version == (1, 0) else 4
    length = part.read(width)
    if int.from_bytes(length, "little") > _HEADER:
        raise ValueError("a header that is too long")
    text = io.BytesIO(length + part.read(int.from_bytes(length, "little")))
    read_header = format.read_array_header_1_0 if width == 2 else format.read_array_header_2_0
    sizes, fortran, dtype = read_header(text)
    if len(sizes) > MOST_AXES or any(size < 0 for size in sizes):
        raise ValueError("a damaged header")
    return tuple(sizes), bool(fortran), dtype


def _loader(path: Path, entry: zipfile.ZipInfo, shape: Shape, fortran: bool, dtype: Any) -> Callable[[], Array]:
    def load() -> Array:
        import numpy as np

        try:
            data = _content(path, entry)
        except Exception:
            raise DamagedError(f"{entry.filename[:80]!r} is damaged") from None
        flat = np.frombuffer(data, dtype)
        if flat.size != math.prod(shape):
            raise DamagedError(f"{entry.filename[:80]!r} is damaged")
        array: Array = flat.reshape(shape, order="F" if fortran else "C")
        return array.astype(dtype.newbyteorder("="), copy=False)

    return load


def _filler(path: Path, entry: zipfile.ZipInfo, fortran: bool, kind: str) -> Callable[[Array], None]:
    """The same of a part that is not compressed: its numbers are put into an array as they are read."""

    def fill(target: Array) -> None:
        with open_regular(path) as file:
            try:
                checksum, _ = _begun(file, entry)
            except Exception:
                raise DamagedError(f"{entry.filename[:80]!r} is damaged") from None

            def seen(data: Array) -> None:
                nonlocal checksum
                checksum = zlib.crc32(data.data, checksum)

            fill_next(target.transpose() if fortran else target, kind, reads_next(file, path.name, seen))
        if checksum != entry.CRC:
            raise DamagedError(f"{entry.filename[:80]!r} is damaged")

    return fill


def _content(path: Path, entry: zipfile.ZipInfo) -> Array:
    """The bytes of a part's numbers. The archive is not gone through again: there may be very many parts."""
    import numpy as np

    with open_regular(path) as file:
        if is_stored(entry):
            return _stored(file, entry)
        alone = zipfile.ZipFile(io.BytesIO(_EMPTY))
        alone.fp = file
        with alone.open(entry) as part:
            _header(part)
            # In place, so that the numbers are there once, and can be changed. What is typed as `IO` can do it.
            data = np.empty(entry.file_size - part.tell(), np.uint8)
            done = 0
            while count := part.readinto(data[done : done + _PIECE]):  # type: ignore[attr-defined]
                done += count
            return data[:done]


def _stored(file: BinaryIO, entry: zipfile.ZipInfo) -> Array:
    """The same of a part that is not compressed: read at once, and held against its checksum."""
    import numpy as np

    checksum, length = _begun(file, entry)
    data = np.fromfile(file, np.uint8, entry.file_size - length)
    if zlib.crc32(data.data, checksum) != entry.CRC:
        raise ValueError("the checksum is another")
    return data


def _begun(file: BinaryIO, entry: zipfile.ZipInfo) -> tuple[int, int]:
    """Go to the numbers of a part that is not compressed; the checksum and the length of what stands before them."""
    start = content_start(file, entry)
    file.seek(start)
    _header(file)
    length = file.tell() - start
    file.seek(start)
    return zlib.crc32(file.read(length)), length


_EMPTY: Final = b"PK\x05\x06" + bytes(18)
"""An archive without parts."""
