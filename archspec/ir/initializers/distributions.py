"""Distributions that weights are drawn from: moments, bounds, cumulative probability, and drawing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from archspec.records import record

if TYPE_CHECKING:
    from archspec.ir.initializers.random_stream import Floats, RandomStream

_ROOT_HALF: Final = math.sqrt(0.5)
_ROOT_TWO_PI: Final = math.sqrt(2 * math.pi)


@record
class Distribution:
    """What each number of a weight is drawn from, independently of the others."""

    @property
    def mean(self) -> float:
        """The mean."""
        return 0.0

    @property
    def variance(self) -> float:
        """The variance."""
        raise NotImplementedError

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest number it can give."""
        raise NotImplementedError

    def cdf(self, x: float) -> float:
        """The probability of a number not greater than `x`."""
        raise NotImplementedError

    def draw(self, numbers: RandomStream, out: Floats) -> None:
        """Fill an array (n,) from the stream that `numbers` is at; n is at most `numbers.CHUNK`."""
        raise NotImplementedError


@record
class Fixed(Distribution):
    """Always `value`."""

    value: float

    @property
    def mean(self) -> float:
        return self.value

    @property
    def variance(self) -> float:
        return 0.0

    @property
    def bounds(self) -> tuple[float, float]:
        return self.value, self.value

    def cdf(self, x: float) -> float:
        return float(x >= self.value)

    def draw(self, numbers: RandomStream, out: Floats) -> None:
        out.fill(self.value)


@record
class Gaussian(Distribution):
    """Normal with this mean and standard deviation."""

    center: float
    std: float

    @property
    def mean(self) -> float:
        return self.center

    @property
    def variance(self) -> float:
        return self.std**2

    @property
    def bounds(self) -> tuple[float, float]:
        return -math.inf, math.inf

    def cdf(self, x: float) -> float:
        return _normal_cdf((x - self.center) / self.std)

    def draw(self, numbers: RandomStream, out: Floats) -> None:
        numbers.normal(out, self.std)
        if self.center:
            out += self.center


@record
class TruncatedGaussian(Distribution):
    """Normal with mean 0 and standard deviation `std`, drawn anew while it lies outside [-cut, cut].

    `std` is that of the normal before it is cut; the numbers that remain have less.
    """

    std: float
    cut: float

    @property
    def variance(self) -> float:
        edge = self.cut / self.std
        density = math.exp(-(edge**2) / 2) / _ROOT_TWO_PI
        return self.std**2 * (1 - 2 * edge * density / self._kept)

    @property
    def bounds(self) -> tuple[float, float]:
        return -self.cut, self.cut

    def cdf(self, x: float) -> float:
        inside = _normal_cdf(x / self.std) - _normal_cdf(-self.cut / self.std)
        return min(max(inside / self._kept, 0.0), 1.0)

    def draw(self, numbers: RandomStream, out: Floats) -> None:
        numbers.truncated(out, self.std, self.cut)

    @property
    def _kept(self) -> float:
        """The share of the normal that lies within the cut."""
        return math.erf(self.cut / self.std * _ROOT_HALF)


@record
class ContinuousUniform(Distribution):
    """Uniform between -limit and limit."""

    limit: float

    @property
    def variance(self) -> float:
        return self.limit**2 / 3

    @property
    def bounds(self) -> tuple[float, float]:
        return -self.limit, self.limit

    def cdf(self, x: float) -> float:
        return min(max((x + self.limit) / (2 * self.limit), 0.0), 1.0)

    def draw(self, numbers: RandomStream, out: Floats) -> None:
        numbers.uniform(out, self.limit)


def _normal_cdf(x: float) -> float:
    return (1 + math.erf(x * _ROOT_HALF)) / 2
