"""Where the elements of a resized axis lie among the old ones, and which of them they are computed from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from archspec.ir.footprint import AxisFootprint
from archspec.records import record

NEAREST: Final = ("nearest", "nearest_exact")
"""The modes that compute nothing between elements."""
MOST_PARTS: Final = 10_000
"""A factor is a fraction of whole numbers, the lower one no larger: more than any axis has elements."""
REACH: Final = {"linear": 1, "bilinear": 1, "trilinear": 1, "bicubic": 2}
"""How far from an element's position its weights reach, by mode; with antialias in new elements, not in old ones."""


@record
class Interpolation:
    """An axis of `old` elements that gets `new` ones.

    `mode`, `corners` and `antialias` are those of `upsample`.
    """

    mode: str
    old: int
    new: int
    corners: bool = False
    antialias: bool = False

    def position(self, index: int) -> Fraction:
        """Where the center of a new element lies, in old elements, the first one's center being 0."""
        if self.corners:
            return Fraction(index * (self.old - 1), max(self.new - 1, 1))
        return Fraction((2 * index + 1) * self.old, 2 * self.new) - Fraction(1, 2)

    def taps(self, index: int) -> Sequence[int]:
        """The old elements that a new one is computed from; beyond the ends are those that stand for the outermost."""
        if self.mode == "nearest":
            return (index * self.old // self.new,)
        if self.mode == "nearest_exact":
            return ((2 * index + 1) * self.old // (2 * self.new),)
        at = self.position(index)
        stretch = max(Fraction(self.old, self.new), Fraction(1)) if self.antialias else Fraction(1)
        reach = REACH[self.mode] * stretch
        if not self.antialias and at.denominator == 1:  # all other weights are zero
            return (int(at),)
        return range(math.floor(at - reach) + 1, math.ceil(at + reach))

    def footprint(self) -> AxisFootprint:
        """What all new elements look at: it repeats once as many steps of old and of new elements are whole."""
        old, new = (self.old - 1, self.new - 1) if self.corners else (self.old, self.new)
        common = math.gcd(old, new) or 1
        count = new // common or 1
        return AxisFootprint(old // common if self.new > 1 else 0, tuple(map(self.taps, range(count))))
