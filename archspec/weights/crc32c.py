"""The checksum CRC-32C (Castagnoli) of many bytes, with NumPy.

The bytes are a polynomial over two elements, the first bit its highest term, and their checksum follows from what is
left of it after division by the Castagnoli polynomial. That divides x^(64 * 5685) + x^(64 * 1362) + x^(64 * 426) + 1,
too. So whole stretches at the front are taken away by being added (xor) in three places further on, in words of 64
bits, as fast as memory is. What is left, some 45 kB, is halved again and again: a front half, multiplied by a power of
x, is added to the back half. Zeros at the front make no difference.

Source: RFC 3720, appendix B.4; the masking is LevelDB's (util/crc32c.h).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np

    Bytes = np.ndarray[Any, np.dtype[np.uint8]]
    Words = np.ndarray[Any, np.dtype[np.uint32]]
    LongWords = np.ndarray[Any, np.dtype[np.uint64]]

_POLYNOMIAL: Final = 0x82F63B78
MULTIPLE: Final = (5685, 1362, 426, 0)
"""The powers of x^64 in a multiple of the polynomial that has four terms."""
_PORTION: Final = 2**17
"""Words of 64 bits that are taken away at a time: 1 MB, which processors have near."""
_STATE: Final = 4
"""Bytes of the state."""
_SHORT: Final = 1024
"""Bytes of which fewer are gone through one by one."""
_MASK: Final = 0xA282EAD8


def masked_crc32c(data: Bytes) -> int:
    """The checksum of bytes as tables of LevelDB have it: turned, and a constant added."""
    return masked(crc32c(data))


def masked(checksum: int) -> int:
    """A checksum as tables of LevelDB have it."""
    return ((checksum >> 15 | checksum << 17) + _MASK) & 0xFFFFFFFF


def crc32c(data: Bytes) -> int:
    """The checksum of bytes."""
    found = Crc32c(len(data))
    found.update(data)
    return found.value


class Crc32c:
    """The checksum of bytes that need not all be there at once."""

    def __init__(self, length: int) -> None:
        """Args: length: how many bytes there are."""
        import numpy as np

        self._short: list[Bytes] | None = [] if length < _SHORT else None
        # What is left so far, before it zeros, so that all is whole words.
        self._left: Bytes = np.zeros(-length % 8, np.uint8)
        self._turned = 0

    def update(self, data: Bytes) -> None:
        """Take in the next bytes."""
        if self._short is not None:
            self._short.append(data.copy())
            return
        for start in range(0, len(data), 8 * _PORTION):
            self._take(data[start : start + 8 * _PORTION])

    def _take(self, data: Bytes) -> None:
        import numpy as np

        given = np.concatenate([self._left, data])
        # The state before the bytes is all ones.
        turned = given[len(self._left) :][: _STATE - self._turned]
        turned ^= 255
        self._turned += len(turned)
        whole = len(given) // 8 * 8
        words = _divided(given[:whole].view("<u8"))
        self._left = np.concatenate([words.view(np.uint8), given[whole:]])

    @property
    def value(self) -> int:
        """That of all bytes."""
        import numpy as np

        if self._short is not None:
            state = 0xFFFFFFFF
            for byte in np.concatenate([np.zeros(0, np.uint8), *self._short]).tolist():
                state = _byte_table()[(state ^ byte) & 255] ^ state >> 8
            return state ^ 0xFFFFFFFF
        return _halved(self._left.view("<u4").astype(np.uint32)) ^ 0xFFFFFFFF


def _divided(words: LongWords) -> LongWords:
    """What is left of words, which change: those at the end, fewer than the multiple's degree."""
    degree, *others = MULTIPLE
    step, first, end = degree - others[0], 0, len(words) - degree
    while first < end:
        count = min(step, end - first)
        front = words[first : first + count]
        for power in others:
            words[first + degree - power :][:count] ^= front
        first += count
    return words[max(0, end) :]


def _halved(words: Words) -> int:
    """The state after some words of 32 bits, from a state of zero."""
    import numpy as np

    size = 1 << (len(words) - 1).bit_length()
    words = np.concatenate([np.zeros(size - len(words), np.uint32), words])
    while len(words) > 1:
        half = len(words) // 2
        words = _times(_zeros(4 * half), words[:half]) ^ words[half:]
    return int(_times(_zeros(4), words)[0])


@cache
def _byte_table() -> list[int]:
    """What a byte makes of a state of which the rest is zero."""
    found = list(range(256))
    for _ in range(8):
        found = [value >> 1 ^ _POLYNOMIAL if value & 1 else value >> 1 for value in found]
    return found


@cache
def _zeros(length: int) -> tuple[Words, ...]:
    """What so many bytes of zeros, a power of two, make of each of the four bytes of a state."""
    import numpy as np

    if length > 1:
        half = _zeros(length // 2)
        return tuple(_times(half, table) for table in half)
    table, rest = np.array(_byte_table(), np.uint32), np.arange(256, dtype=np.uint32)
    return (table, *(rest << np.uint32(8 * place) for place in range(3)))


def _times(tables: tuple[Words, ...], states: Words) -> Words:
    """What tables of the four bytes of a state make of each state."""
    parts = states.astype("<u4").view("u1").reshape(-1, 4).T
    first, second, third, fourth = (table.take(part) for table, part in zip(tables, parts, strict=True))
    found: Words = first ^ second ^ third ^ fourth
    return found
