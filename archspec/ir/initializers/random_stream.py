"""Random numbers that are the same everywhere, bit for bit: docs/initialization.md has the scheme, step by step.

The bits are those of SFC64, a generator of integers that NumPy keeps as it is (NEP 19). Numbers come from them by
operations that IEEE 754 defines to the last bit, each a ufunc of its own, so that none is fused with the next:
integer operations, conversions, + - * / and the square root. Logarithm, sine and cosine are polynomials: the last
bits of NumPy's own differ between processors and versions.

This module imports NumPy: it is imported where numbers are drawn, not before.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final, TypeAlias

import numpy as np

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]
Words: TypeAlias = np.ndarray[Any, np.dtype[np.uint32]]

SCHEME: Final = 1
"""Part of every key. Whoever changes a number that is drawn changes this, too."""
CHUNK: Final = 2**16
"""How many numbers have a stream of bits of their own; the buffers for so many fit the cache of a core."""

_ONE: Final = np.float32(2.0**31)
_HALF: Final = np.float32(0.5)
_ROOT: Final = np.int32(0x4EB504F3)
"""The bits of sqrt(1/2), where `_ONE` is 1."""
_MANTISSA: Final = np.int32(23)
_MINUS_LN_2: Final = np.float32(-0.6931472)
_MINUS_LN: Final = tuple(map(np.float32, (-0.41296187, -0.66652226, -2.0000002)))
"""-ln((1 + s) / (1 - s)) / s by powers of s**2, highest first, for |s| up to 0.1716."""
_RADIANS: Final = np.float32(2.0**-30 * 0.7853981633974483)
_SIN: Final = tuple(map(np.float32, (-0.00019503963, 0.008332036, -0.16666651, 1.0)))
"""sin(t) / t by powers of t**2, highest first, for |t| up to pi / 4."""
_COS: Final = tuple(map(np.float32, (-0.0013591269, 0.04165573, -0.49999884, 1.0)))
"""cos(t), as above."""
_SIGN: Final = np.uint32(31)
_MIDDLE: Final = np.float32(2.0**23 - 0.5)


class RandomStream:
    """Numbers from one stream of bits after another, at most `CHUNK` at a time. It is not for two threads at once."""

    def __init__(self) -> None:
        self._bits = np.random.SFC64(0)
        self._state: Any = self._bits.state
        self._buffers = [np.empty(CHUNK // 2, np.float32) for _ in range(4)]

    def begin(self, seed: int, name: str, chunk: int) -> None:
        """Go to the stream of one chunk of a weight.

        Args:
            seed: the seed of all.
            name: the weight's canonical name.
            chunk: which of its chunks, counted from 0.
        """
        key = hashlib.sha256(f"archspec.init {SCHEME}\n{seed}\n{name}\n{chunk}".encode()).digest()
        self._state["state"]["state"][:3] = np.frombuffer(key, "<u8", 3)
        self._state["state"]["state"][3] = 1
        self._bits.state = self._state

    def uniform(self, out: Floats, limit: float) -> None:
        """Fill an array (n,) with numbers between -limit and limit, from 24 bits each, as many below 0 as above."""
        words = self._words(len(out))[: len(out)]
        np.right_shift(words, np.uint32(8), out=words)
        out[:] = words.view(np.int32)
        np.subtract(out, _MIDDLE, out=out)
        np.multiply(out, np.float32(limit * 2.0**-23), out=out)

    def normal(self, out: Floats, std: float) -> None:
        """Fill an array (n,) with normal numbers of mean 0 and standard deviation `std`, up to 6.66 `std`.

        By Box and Muller's method, from 64 bits for two numbers, which lie n / 2 apart.
        """
        half, size = (len(out) + 1) // 2, len(out)
        words = self._words(size)
        first, second = words[:half], words[half:]
        a, b, c, d = (buffer[:half] for buffer in self._buffers)
        self._radius(first, np.float32(std), out=c, spare=(a, b, d))
        # The bit that is left of each word is the sign of one number.
        np.left_shift(first, _SIGN, out=first)
        np.bitwise_xor(first, c.view(np.uint32), out=first)
        self._angle(second, cos=a, sin=d, square=b)
        np.left_shift(second, _SIGN, out=second)
        np.bitwise_xor(second, c.view(np.uint32), out=second)
        # cos(t + pi / 4) and sin(t + pi / 4) are the difference and the sum, divided by sqrt(2): the radius is.
        np.add(a, d, out=b)
        np.multiply(b, first.view(np.float32), out=out[:half])
        np.subtract(a, d, out=b)
        np.multiply(b[: size - half], second.view(np.float32)[: size - half], out=out[half:])

    def truncated(self, out: Floats, std: float, cut: float) -> None:
        """Fill an array (n,) with normal numbers, those outside [-cut, cut] drawn anew until none is left."""
        self.normal(out, std)
        most = np.float32(cut)
        outside = np.flatnonzero(np.abs(out) > most)
        while len(outside):
            anew = np.empty(len(outside), np.float32)
            self.normal(anew, std)
            out[outside] = anew
            outside = outside[np.abs(anew) > most]

    def _words(self, count: int) -> Words:
        """The next words of 32 bits, an even number of them: of each 64 bits the low half first."""
        raw = self._bits.random_raw((count + 1) // 2)
        return raw.astype("<u8", copy=False).view("<u4").astype(np.uint32, copy=False)

    def _radius(self, words: Words, std: np.float32, *, out: Floats, spare: tuple[Floats, Floats, Floats]) -> None:
        """std * sqrt(-ln v), where v is (w + 1/2) / 2**31 and w the upper 31 bits of a word."""
        a, b, d = spare
        a_int, b_int, out_int = (array.view(np.int32) for array in (a, b, out))
        np.right_shift(words, np.uint32(1), out=a.view(np.uint32))
        b[:] = a_int
        np.add(b, _HALF, out=b)
        # v = m * 2**e with m between sqrt(1/2) and sqrt(2): so -ln v is nowhere a difference of two like numbers.
        np.subtract(b_int, _ROOT, out=a_int)
        np.right_shift(a_int, _MANTISSA, out=a_int)
        np.left_shift(a_int, _MANTISSA, out=out_int)
        np.subtract(b_int, out_int, out=b_int)
        out[:] = a_int
        np.multiply(out, _MINUS_LN_2, out=out)
        # -ln m is odd in s = (m - 1) / (m + 1).
        np.subtract(b, _ONE, out=a)
        np.add(b, _ONE, out=b)
        np.divide(a, b, out=a)
        np.multiply(a, a, out=b)
        _polynomial(_MINUS_LN, b, out=d)
        np.multiply(d, a, out=d)
        np.add(out, d, out=out)
        np.sqrt(out, out=out)
        np.multiply(out, std, out=out)

    def _angle(self, words: Words, *, cos: Floats, sin: Floats, square: Floats) -> None:
        """Cosine and sine of an angle between -pi / 4 and pi / 4, from the upper 31 bits of a word."""
        angle = cos  # it is needed no more once the cosine is written
        np.right_shift(words.view(np.int32), np.int32(1), out=sin.view(np.int32))
        angle[:] = sin.view(np.int32)
        np.multiply(angle, _RADIANS, out=angle)
        np.multiply(angle, angle, out=square)
        _polynomial(_SIN, square, out=sin)
        np.multiply(sin, angle, out=sin)
        _polynomial(_COS, square, out=cos)


def _polynomial(coefficients: tuple[np.float32, ...], x: Floats, *, out: Floats) -> None:
    """By Horner's rule, each step rounded."""
    highest, *others, last = coefficients
    np.multiply(x, highest, out=out)
    for coefficient in others:
        np.add(out, coefficient, out=out)
        np.multiply(out, x, out=out)
    np.add(out, last, out=out)
