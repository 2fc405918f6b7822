"""What is said of measured times."""

from __future__ import annotations

import math
import random
import statistics
from dataclasses import dataclass
from typing import Final

RESAMPLES: Final = 2000
LEVEL: Final = 0.95


@dataclass(frozen=True, slots=True)
class Times:
    """The seconds of each step, by round."""

    rounds: tuple[tuple[float, ...], ...]

    @property
    def all(self) -> list[float]:
        """Those of all rounds."""
        return [seconds for times in self.rounds for seconds in times]

    @property
    def mean(self) -> float:
        """Seconds a step."""
        return statistics.fmean(self.all)

    @property
    def deviation(self) -> float:
        """The standard deviation of the steps, as slim's benchmark has it: of all, not of a sample."""
        return statistics.pstdev(self.all)

    def quantile(self, share: float) -> float:
        """The time that this share of the steps takes at the most; in between, a straight line."""
        found = sorted(self.all)
        place = share * (len(found) - 1)
        below = math.floor(place)
        above = min(below + 1, len(found) - 1)
        return found[below] + (place - below) * (found[above] - found[below])

    @property
    def median(self) -> float:
        """Seconds a step, by which engines are compared: a step that was disturbed does not move it."""
        return self.quantile(0.5)

    @property
    def round_medians(self) -> list[float]:
        """The median of each round."""
        return [statistics.median(times) for times in self.rounds]


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as long one takes as another, and the interval that it lies in by chance, at 95 percent."""

    value: float
    low: float
    high: float


def ratio(times: Times, base: Times) -> Ratio:
    """The ratio of two that were measured in turn, round by round.

    Each round gives one ratio, of its medians, so that a machine that is slow for a while is slow for both. The value
    is the median of these; the interval is the bootstrap's over rounds, drawn by a fixed seed.
    """
    ratios = [one / other for one, other in zip(times.round_medians, base.round_medians, strict=True)]
    draws = random.Random(0)
    found = sorted(statistics.median(draws.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES))
    edge = round((1 - LEVEL) / 2 * RESAMPLES)
    return Ratio(statistics.median(ratios), found[edge], found[-edge - 1])
