"""Opening zip archives whose directory is of a size that is soon read, and holding their parts against checksums."""

from __future__ import annotations

import zipfile
import zlib
from threading import Lock
from typing import BinaryIO, Final

_PIECE: Final = 2**20
"""Bytes that are read at once."""
_ENCRYPTED: Final = 1


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
    """Where the bytes of a part begin: behind its name and more, whose lengths stand before it anew.

    Raises:
        ArchiveError: no part begins where the directory says.
    """
    file.seek(entry.header_offset)
    head = file.read(30)
    if len(head) < 30 or not head.startswith(b"PK\x03\x04"):
        raise ArchiveError(f"an archive whose part {entry.filename[:80]!r} is not where its directory says")
    return entry.header_offset + 30 + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")


def is_stored(entry: zipfile.ZipInfo) -> bool:
    """Whether a part's bytes are there as they are, neither compressed nor encrypted."""
    return entry.compress_type == zipfile.ZIP_STORED and not entry.flag_bits & _ENCRYPTED


def stored_content(file: BinaryIO, entry: zipfile.ZipInfo) -> bytes:
    """The bytes of a part that is stored as it is, held against its checksum; it is small.

    Raises:
        ArchiveError: it is damaged.
    """
    checksum = ContentChecksum(entry)
    file.seek(content_start(file, entry))
    data = file.read(entry.file_size)
    checksum.follow(0, memoryview(data))
    checksum.finish(file)
    return data


class ContentChecksum:
    """The CRC-32 of a part that is stored as it is, compared once, while its bytes are read or after.

    Where the directory says 0 there is none: PyTorch leaves checksums out where it is told to
    (`torch.serialization.set_crc32_options(False)`), and of parts whose bytes are put in later
    (`torch.serialization.skip_data`). Threads may share it.
    """

    def __init__(self, entry: zipfile.ZipInfo) -> None:
        self._entry, self._lock = entry, Lock()
        self._done = entry.file_size if not entry.CRC else 0
        self._sum = 0

    def follow(self, start: int, data: memoryview) -> None:
        """Take the bytes that were read of the part from this one on; what is not next is left."""
        with self._lock:
            if start <= self._done < start + len(data):
                self._sum = zlib.crc32(data[self._done - start :], self._sum)
                self._done = start + len(data)

    def finish(self, file: BinaryIO) -> None:
        """Read what has not been taken yet, some at a time, and compare.

        Raises:
            ArchiveError: the checksum is another, or the file ends before the part.
        """
        with self._lock:
            left = self._entry.file_size - self._done
            if left > 0:
                file.seek(content_start(file, self._entry) + self._done)
            while left > 0:
                data = file.read(min(left, _PIECE))
                if not data:
                    raise ArchiveError(_NOT_WHOLE)
                self._sum = zlib.crc32(data, self._sum)
                self._done += len(data)
                left -= len(data)
            if self._entry.CRC and self._sum != self._entry.CRC:
                raise ArchiveError(
                    f"an archive whose part {self._entry.filename[:80]!r} is damaged: its checksum is another"
                )


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
