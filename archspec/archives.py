"""Opening zip archives whose directory is of a size that is soon read."""

from __future__ import annotations

import zipfile
from typing import BinaryIO


class ArchiveError(ValueError):
    """A file is no whole zip archive, or has too large a directory."""


def open_archive(file: BinaryIO, most: int) -> zipfile.ZipFile:
    """A zip archive, where its directory has at most so many bytes; an entry takes 46 and its name.

    Raises:
        ArchiveError: it is not whole, or has more.
    """
    length = _directory(file)
    if length > most:
        raise ArchiveError(f"an archive with a directory of {length:,} bytes; at most {most:,} are read")
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError):
        raise ArchiveError(_NOT_WHOLE) from None


def content_start(file: BinaryIO, entry: zipfile.ZipInfo) -> int:
    """Where the bytes of a part begin: behind its name and more, whose lengths stand before it anew."""
    file.seek(entry.header_offset + 26)
    sizes = file.read(4)
    return entry.header_offset + 30 + int.from_bytes(sizes[:2], "little") + int.from_bytes(sizes[2:], "little")


_NOT_WHOLE = "an archive that is not whole: was it downloaded to the end?"


def _directory(file: BinaryIO) -> int:
    """The size of the directory in bytes, or the largest where it is given twice."""
    file.seek(0, 2)
    size = file.tell()
    start = max(0, size - 2**16 - 22 - 20)
    file.seek(start)
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + 22:
        raise ArchiveError(_NOT_WHOLE)
    length = int.from_bytes(tail[end + 12 : end + 16], "little")
    locator = tail[max(0, end - 20) : end]
    if locator[:4] != b"PK\x06\x07":
        return length
    # The sizes of a large archive stand in a record of their own: where the locator says it is or, as some readers
    # take it, before the locator.
    lengths = [0 if length == 2**32 - 1 else length]
    for place in (int.from_bytes(locator[8:16], "little"), start + end - 20 - 56):
        file.seek(max(0, min(place, size)))
        record = file.read(56)
        if record[:4] == b"PK\x06\x06":
            lengths.append(int.from_bytes(record[40:48], "little"))
    return max(lengths)
