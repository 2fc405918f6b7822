"""The wire format of Protocol Buffers: the fields of a message in a file, read and written without its schema.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
FIXED32: Final = 5
MOST_FIELDS: Final = 200_000
"""Of one message, those of messages in it not counted."""
_LONGEST: Final = 10
"""Bytes of a varint."""
_SIZES: Final = {FIXED64: 8, FIXED32: 4}


class WireError(ValueError):
    """Bytes are no message of Protocol Buffers."""


class CutMessageError(WireError):
    """A message ends within one of its fields."""

    def __init__(self, number: int, lacking: int) -> None:
        super().__init__("a message of Protocol Buffers that is not whole")
        self.number = number
        """Of the field."""
        self.lacking = lacking
        """How many of its bytes are not there."""


class Field(NamedTuple):
    """One field of a message."""

    number: int
    wire: int
    """`VARINT`, `FIXED64`, `BYTES` or `FIXED32`."""
    value: int
    """Of a varint; of others 0: their bytes are not read."""
    start: int
    """Where its bytes begin in the file; those of `BYTES` after their length."""
    end: int


def fields(file: BinaryIO, start: int, end: int) -> Iterator[Field]:
    """The fields of the message that lies between two places of a file, in their order.

    Raises:
        WireError: there is no message.
    """
    place, count = start, 0
    while place < end:
        count += 1
        if count > MOST_FIELDS:
            raise WireError(f"a message of more than {MOST_FIELDS:,} fields")
        file.seek(place)
        head = file.read(min(2 * _LONGEST, end - place))
        tag, used = varint(head, 0)
        number, wire = tag >> 3, tag & 7
        value, size = 0, 0
        if not used or not number:
            raise WireError("no message of Protocol Buffers")
        if wire in (VARINT, BYTES):
            value, after = varint(head, used)
            if not after:
                raise WireError("no message of Protocol Buffers")
            place += after
            size = value if wire == BYTES else 0
        elif wire in _SIZES:
            place += used
            size = _SIZES[wire]
        else:
            raise WireError("no message of Protocol Buffers")
        if place + size > end:
            raise CutMessageError(number, place + size - end)
        yield Field(number, wire, value if wire == VARINT else 0, place, place + size)
        place += size


def read_bytes(file: BinaryIO, field: Field) -> bytes:
    """The bytes of a field."""
    file.seek(field.start)
    return file.read(field.end - field.start)


def integers(file: BinaryIO, field: Field) -> Iterator[int]:
    """The numbers of a repeated field of varints, of which this is one part: packed, or one alone."""
    if field.wire == VARINT:
        yield signed(field.value)
        return
    data, place = read_bytes(file, field), 0
    while place < len(data):
        value, place = varint(data, place)
        if not place:
            raise WireError("a message of Protocol Buffers with damaged numbers")
        yield signed(value)


def signed(value: int) -> int:
    """An int64 as a varint holds it: in two's complement of 64 bits."""
    return value - 2**64 if value >> 63 else value


def varint(data: bytes, start: int) -> tuple[int, int]:
    """A number, and where it ends in these bytes; 0 if it does not."""
    value = 0
    for index, byte in enumerate(data[start : start + _LONGEST]):
        value |= (byte & 127) << 7 * index
        if byte < 128:
            return value & (2**64 - 1), start + index + 1
    return 0, 0


def varint_bytes(value: int) -> bytes:
    """A number of at least 0, seven bits a byte, the lowest first."""
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    return bytes(found)


def number_field(number: int, value: int) -> bytes:
    """A field that holds a number; nothing for 0, which is what a field is that is not there."""
    return varint_bytes(number << 3 | VARINT) + varint_bytes(value) if value else b""


def bytes_start(number: int, length: int) -> bytes:
    """What stands before so many bytes that are a field."""
    return varint_bytes(number << 3 | BYTES) + varint_bytes(length)


def bytes_field(number: int, value: bytes) -> bytes:
    """A field that holds bytes, text or a message."""
    return bytes_start(number, len(value)) + value


def fixed32_field(number: int, value: int) -> bytes:
    """A field that holds a number in four bytes."""
    return varint_bytes(number << 3 | FIXED32) + value.to_bytes(4, "little")
