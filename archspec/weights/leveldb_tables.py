"""Tables of LevelDB, in which TensorFlow's checkpoints are kept: keys in order, each with a value.

A table ends with a footer, which says where the index lies; the index says where the blocks lie; in a block each key is
written without the beginning that it has in common with the key before it.

Source: https://github.com/google/leveldb/blob/main/doc/table_format.md
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from archspec.file_identification import TABLE_END
from archspec.weights.crc32c import masked_crc32c
from archspec.weights.tensors import DamagedError
from archspec.wire_format import varint

MAGIC: Final = TABLE_END
FOOTER: Final = 48
TRAILER: Final = 5
"""Bytes after each block: how it is compressed, and a checksum."""
_LONGEST_KEY: Final = 4096
_CHECKED_AT_ONCE: Final = 2**20
_HEAD: Final = 15
"""Bytes of the three numbers before a key, at most."""


@dataclass(frozen=True, slots=True)
class TableEntry:
    """A key, and where in the file its value lies."""

    key: bytes
    start: int
    end: int
    block: TableBlock
    """What it stands in."""


@dataclass(frozen=True, slots=True)
class TableBlock:
    """A part of a table that has a checksum."""

    start: int
    length: int

    @property
    def is_large(self) -> bool:
        """Whether it holds numbers of tensors, as in checkpoints of version 1: it is checked when these are read."""
        return self.length > _CHECKED_AT_ONCE

    def check(self, file: BinaryIO) -> None:
        """Hold its bytes against its checksum.

        Raises:
            DamagedError: that is another.
        """
        import numpy as np

        file.seek(self.start)
        data = file.read(self.length + TRAILER)
        if masked_crc32c(np.frombuffer(data[:-4], np.uint8)) != int.from_bytes(data[-4:], "little"):
            raise DamagedError("a table with a damaged block: its checksum is another")


def entries(file: BinaryIO, most: int) -> Iterator[TableEntry]:
    """The entries of a table in their order. Values are not read.

    Args:
        file: the whole of it is one table.
        most: how many entries are read.

    Raises:
        DamagedError: it is no whole table, has more entries, or is compressed.
    """
    size = file.seek(0, 2)
    if size < FOOTER:
        raise DamagedError("a table that is not whole")
    file.seek(size - FOOTER)
    footer = file.read(FOOTER)
    if not footer.endswith(MAGIC):
        raise DamagedError("a table that is not whole: was it downloaded to the end?")
    _, _, after = _handle(footer, 0)
    start, length, _ = _handle(footer, after)
    count, done = 0, 0
    for entry in _entries(file, TableBlock(start, length), size):
        file.seek(entry.start)
        first, extent, _ = _handle(file.read(min(2 * 10, entry.end - entry.start)), 0)
        if first < done:
            raise DamagedError("a table whose blocks are not one after the other")
        done = first + extent
        count += 1
        for inner in _entries(file, TableBlock(first, extent), size):
            count += 1
            if count > most:
                raise DamagedError(f"a table of more than {most:,} entries")
            yield inner


def _handle(data: bytes, place: int) -> tuple[int, int, int]:
    """Where a block begins, how long it is, and where this is said to its end."""
    start, after = varint(data, place)
    length, end = varint(data, after)
    if not after or not end:
        raise DamagedError("a table with a damaged index")
    return start, length, end


def _entries(file: BinaryIO, block: TableBlock, size: int) -> Iterator[TableEntry]:
    """The entries of a block, which ends with the places where keys are written whole, and their number."""
    start, length = block.start, block.length
    if start + length + TRAILER > size or length < 4:
        raise DamagedError("a table with a damaged index")
    file.seek(start + length)
    if file.read(1) != b"\0":
        raise DamagedError("a table whose blocks are compressed: TensorFlow writes none for checkpoints")
    if not block.is_large:
        block.check(file)
    file.seek(start + length - 4)
    restarts = int.from_bytes(file.read(4), "little")
    end = start + length - 4 - 4 * restarts
    place, key = start, b""
    while place < end:
        file.seek(place)
        head = file.read(min(_HEAD, end - place))
        shared, first = varint(head, 0)
        unshared, second = varint(head, first)
        extent, third = varint(head, second)
        begin = place + third + unshared
        if not (first and second and third) or shared > len(key) or begin + extent > end:
            raise DamagedError("a table with a damaged block")
        if shared + unshared > _LONGEST_KEY:
            raise DamagedError(f"a table with a key of {shared + unshared:,} bytes")
        file.seek(place + third)
        key = key[:shared] + file.read(unshared)
        yield TableEntry(key, begin, begin + extent, block)
        place = begin + extent
