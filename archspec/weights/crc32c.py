"""The checksum CRC-32C (Castagnoli) of many bytes, with NumPy: four bytes at a time of many stretches at once.

A checksum's state is a linear function, over bits, of the state before and of the bytes; so stretches are worked out by
themselves, from zero, and joined as by zlib's `crc32_combine`.

Source: RFC 3720, appendix B.4; the masking is LevelDB's (util/crc32c.h).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np

    Bytes = np.ndarray[Any, np.dtype[np.uint8]]
    Words = np.ndarray[Any, np.dtype[np.uint32]]

_POLYNOMIAL: Final = 0x82F63B78
_STRETCHES: Final = 4096
_SHORTEST: Final = 64
"""Bytes of a stretch, at least."""
_MASK: Final = 0xA282EAD8


def masked_crc32c(data: Bytes) -> int:
    """The checksum of bytes as tables of LevelDB have it: turned, and a constant added."""
    found = crc32c(data)
    return ((found >> 15 | found << 17) + _MASK) & 0xFFFFFFFF


def crc32c(data: Bytes) -> int:
    """The checksum of bytes."""
    state = 0xFFFFFFFF
    while len(data) >= 2 * _SHORTEST:
        stretches = min(_STRETCHES, 1 << (len(data) // _SHORTEST).bit_length() - 1)
        size = len(data) // stretches // 4 * 4
        state = _many(state, data[: stretches * size].reshape(stretches, size))
        data = data[stretches * size :]
    table = _table()
    for byte in data.tolist():
        state = table[(state ^ byte) & 255] ^ state >> 8
    return state ^ 0xFFFFFFFF


def _many(state: int, stretches: Bytes) -> int:
    """The state after some stretches, as many as a power of two, each of some words of four bytes."""
    import numpy as np

    low, high = _word_tables()
    words = np.ascontiguousarray(stretches.view("<u4").T)
    states = np.zeros(len(stretches), np.uint32)
    states[0] = state
    for word in words:
        states ^= word
        halves = states.view("<u2")
        states = low[halves[0::2]] ^ high[halves[1::2]]
    step = _zeros(stretches.shape[1])
    while len(states) > 1:
        states = _times(step, states[0::2]) ^ states[1::2]
        step = _times(step, step)
    return int(states[0])


@cache
def _table() -> list[int]:
    """What a byte makes of a state of which the rest is zero."""
    found = list(range(256))
    for _ in range(8):
        found = [value >> 1 ^ _POLYNOMIAL if value & 1 else value >> 1 for value in found]
    return found


@cache
def _word_tables() -> tuple[Words, Words]:
    """What four bytes make of the lower and of the upper half of a state."""
    columns = _zeros(4)
    return _combinations(columns[:16]), _combinations(columns[16:])


@cache
def _zeros(length: int) -> Words:
    """What so many bytes of zeros do to a state: a matrix of bits, its columns as numbers."""
    import numpy as np

    table = _table()
    byte = np.array([table[1 << bit] if bit < 8 else 1 << bit - 8 for bit in range(32)], np.uint32)
    found = np.array([1 << bit for bit in range(32)], np.uint32)
    while length:
        if length & 1:
            found = _times(byte, found)
        byte = _times(byte, byte)
        length >>= 1
    return found


def _combinations(columns: Words) -> Words:
    """What a matrix makes of all numbers of as many bits as it has columns."""
    import numpy as np

    found = np.zeros(1, np.uint32)
    for column in columns:
        found = np.concatenate([found, found ^ column])
    return found


def _times(matrix: Words, states: Words) -> Words:
    """What a matrix makes of each state."""
    import numpy as np

    found = np.zeros(len(states), np.uint32)
    for byte in range(4):
        found ^= _combinations(matrix[8 * byte : 8 * byte + 8])[states >> np.uint32(8 * byte) & np.uint32(255)]
    return found
