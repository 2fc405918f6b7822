"""The checksum CRC-32C (Castagnoli) of many bytes, with NumPy: a byte at a time of many stretches at once.

Source: RFC 3720, appendix B.4; the masking is LevelDB's (util/crc32c.h). Checksums are joined as by zlib's
`crc32_combine`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np

    Bytes = np.ndarray[Any, np.dtype[np.uint8]]

_POLYNOMIAL: Final = 0x82F63B78
_STRETCHES: Final = 4096
_MASK: Final = 0xA282EAD8


def masked_crc32c(data: Bytes) -> int:
    """The checksum of bytes as tables of LevelDB have it: turned, and a constant added."""
    found = crc32c(data)
    return ((found >> 15 | found << 17) + _MASK) & 0xFFFFFFFF


def crc32c(data: Bytes) -> int:
    """The checksum of bytes."""
    import numpy as np

    table = _table()
    length = len(data) // _STRETCHES
    state = 0
    if length:
        columns = np.ascontiguousarray(data[: length * _STRETCHES].reshape(_STRETCHES, length).T)
        states = np.zeros(_STRETCHES, np.uint32)
        for column in columns:
            states = table[(states ^ column) & 255] ^ states >> np.uint32(8)
        step = _zeros(length)
        # The first stretch begins as all bytes do, with ones; what follows it is added on to what it has come to.
        state = _times(step, 0xFFFFFFFF)
        for index, each in enumerate(states.tolist()):
            state = (state if index == 0 else _times(step, state)) ^ each
    else:
        state = 0xFFFFFFFF
    for byte in data[length * _STRETCHES :].tolist():
        state = int(table[(state ^ byte) & 255]) ^ state >> 8
    return state ^ 0xFFFFFFFF


@cache
def _table() -> np.ndarray[Any, np.dtype[np.uint32]]:
    import numpy as np

    found = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        found = np.where(found & 1, found >> np.uint32(1) ^ np.uint32(_POLYNOMIAL), found >> np.uint32(1))
    return found


@cache
def _zeros(length: int) -> tuple[int, ...]:
    """What so many bytes of zeros do to a state: a matrix of bits, its columns as numbers."""
    byte = tuple(int(_table()[1 << bit]) if bit < 8 else 1 << bit - 8 for bit in range(32))
    found = tuple(1 << bit for bit in range(32))
    while length:
        if length & 1:
            found = tuple(_times(byte, column) for column in found)
        byte = tuple(_times(byte, column) for column in byte)
        length >>= 1
    return found


def _times(matrix: tuple[int, ...], state: int) -> int:
    found = 0
    for column in matrix:
        if state & 1:
            found ^= column
        state >>= 1
        if not state:
            break
    return found
