"""The scheme of docs/initialization.md in plain Python, without NumPy: what a port to another language would be.

Each operation of float32 is done in float64 and rounded. For + - * / and the square root that is exact: float64 has
more than twice the digits and two.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Iterator, Sequence

MASK = 2**64 - 1


def f32(x: float) -> float:
    """The nearest float32."""
    return float(struct.unpack("<f", struct.pack("<f", x))[0])


def words(seed: int, name: str, chunk: int) -> Iterator[tuple[int, int]]:
    """The stream of a chunk: the low and the high half of one 64-bit number of SFC64 after another."""
    key = hashlib.sha256(f"archspec.init 1\n{seed}\n{name}\n{chunk}".encode()).digest()
    a, b, c = struct.unpack("<3Q", key[:24])
    counter = 1
    while True:
        out = (a + b + counter) & MASK
        counter = (counter + 1) & MASK
        a, b = b ^ (b >> 11), (c + (c << 3)) & MASK
        c = (((c << 24) | (c >> 40)) + out) & MASK
        yield out & 0xFFFFFFFF, out >> 32


def take(stream: Iterator[tuple[int, int]], count: int) -> list[int]:
    """The next words of 32 bits, an even number of them."""
    return [word for _ in range((count + 1) // 2) for word in next(stream)]


def uniform(stream: Iterator[tuple[int, int]], count: int, limit: float) -> list[float]:
    """See `Numbers.uniform`."""
    scale = f32(limit * 2.0**-23)
    return [f32(((word >> 8) - (2**23 - 0.5)) * scale) for word in take(stream, count)[:count]]


def normal(stream: Iterator[tuple[int, int]], count: int, std: float) -> list[float]:
    """See `Numbers.normal`."""
    half = (count + 1) // 2
    drawn = take(stream, count)
    drawn += [0] * (2 * half - len(drawn))
    pairs = [_pair(first, second, f32(std)) for first, second in zip(drawn[:half], drawn[half:], strict=True)]
    return [x for x, _ in pairs] + [y for _, y in pairs][: count - half]


def truncated(stream: Iterator[tuple[int, int]], count: int, std: float, cut: float) -> list[float]:
    """See `Numbers.truncated`."""
    found = normal(stream, count, std)
    outside = [index for index, x in enumerate(found) if abs(x) > f32(cut)]
    while outside:
        anew = normal(stream, len(outside), std)
        for index, x in zip(outside, anew, strict=True):
            found[index] = x
        outside = [index for index, x in zip(outside, anew, strict=True) if abs(x) > f32(cut)]
    return found


def _pair(first: int, second: int, std: float) -> tuple[float, float]:
    fraction, exponent = math.frexp(f32(f32(first >> 1) + 0.5))  # fraction from 1/2
    if fraction >= f32(math.sqrt(0.5)):
        exponent -= 31
    else:
        fraction, exponent = 2 * fraction, exponent - 32
    s = f32(f32(fraction - 1) / f32(fraction + 1))
    minus_ln = f32(_horner((-0.41296187, -0.66652226, -2.0000002), f32(s * s)) * s)
    radius = f32(f32(math.sqrt(f32(f32(exponent * f32(-0.6931472)) + minus_ln))) * std)
    signed = second - 2**32 if second >= 2**31 else second
    t = f32(f32(signed >> 1) * f32(math.pi / 4 * 2.0**-30))
    square = f32(t * t)
    sin = f32(_horner((-0.00019503963, 0.008332036, -0.16666651, 1.0), square) * t)
    cos = _horner((-0.0013591269, 0.04165573, -0.49999884, 1.0), square)
    x = f32(f32(cos + sin) * (-radius if first & 1 else radius))
    y = f32(f32(cos - sin) * (-radius if second & 1 else radius))
    return x, y


def _horner(coefficients: Sequence[float], x: float) -> float:
    found = f32(coefficients[0])
    for coefficient in coefficients[1:]:
        found = f32(f32(found * x) + f32(coefficient))
    return found


def exact_pair(first: int, second: int) -> tuple[float, float]:
    """Two standard normal numbers as Box and Muller have them, from the same float32 and the same angle, in float64."""
    radius = math.sqrt(-2 * math.log(f32(f32(first >> 1) + 0.5) / 2**31))
    signed = second - 2**32 if second >= 2**31 else second
    angle = math.pi / 4 * (1 - (signed >> 1) / 2**30)
    return (-1) ** (first & 1) * radius * math.cos(angle), (-1) ** (second & 1) * radius * math.sin(angle)
