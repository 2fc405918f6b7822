"""The ranges of tensors, from what goes through a network on examples."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from archspec.errors import Diagnostic, TrainingDataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]

Method: TypeAlias = Literal["minmax", "percentile", "entropy"]
METHODS: Final[tuple[Method, ...]] = get_args(Method)
SHARE: Final = 0.9999
"""Of the numbers that `percentile` keeps, as many beyond it at each end."""
_BINS: Final = 2048
_LEVELS: Final = 128
"""Of int8 at each side of 0."""


@dataclass(slots=True)
class _Observed:
    """What is known of a tensor."""

    low: float = float("inf")
    high: float = float("-inf")
    counts: NDArray[np.int64] | None = None

    @property
    def is_one_number(self) -> bool:
        """There is nothing to choose between."""
        return is_constant(self.low, self.high)

    def widen(self, array: Array) -> None:
        self.low, self.high = min(self.low, float(array.min())), max(self.high, float(array.max()))

    def count(self, array: Array) -> None:
        import numpy as np

        found = np.histogram(array, _BINS, (self.low, self.high))[0]
        self.counts = found if self.counts is None else self.counts + found


def is_constant(low: float, high: float) -> bool:
    """Whether all numbers between these are one number, but for rounding."""
    return not high - low > 1e-6 * max(abs(low), abs(high))


def ranges(values: Callable[[], Iterable[Mapping[str, Array]]], method: Method) -> dict[str, tuple[float, float]]:
    """The range of each tensor: what lies beyond is cut off.

    `minmax` cuts nothing. `percentile` leaves 0.01 % of the numbers out at each end. `entropy` takes the threshold
    whose rounded histogram is nearest to the histogram, by the Kullback-Leibler divergence (Migacz 2017).

    Args:
        values: gives the tensors by name, batch for batch; the same each time that it is called.
        method: one of these.

    Raises:
        TrainingDataError: a tensor has numbers that are not finite.
    """
    observed: dict[str, _Observed] = {}
    for batch in values():
        for name, array in batch.items():
            observed.setdefault(name, _Observed()).widen(array)
            if not math.isfinite(observed[name].high - observed[name].low):
                message = f"{name} gives numbers that are not finite: it has no range"
                raise TrainingDataError(Diagnostic("E1001", message, help="look at the weights, and at the examples"))
    if method == "minmax":
        return {name: (found.low, found.high) for name, found in observed.items()}
    for batch in values():
        for name, array in batch.items():
            if not observed[name].is_one_number:
                observed[name].count(array)
    choose = _percentile if method == "percentile" else _entropy
    return {name: (found.low, found.high) if found.is_one_number else choose(found) for name, found in observed.items()}


def _percentile(found: _Observed) -> tuple[float, float]:
    import numpy as np

    assert found.counts is not None
    edges = np.linspace(found.low, found.high, _BINS + 1)
    below = np.cumsum(found.counts) / found.counts.sum()
    first = int(np.searchsorted(below, 1 - SHARE, side="right"))
    last = int(np.searchsorted(below, SHARE))
    return float(edges[first]), float(edges[last + 1])


def _entropy(found: _Observed) -> tuple[float, float]:
    """By the histogram of absolute numbers, for a threshold at both sides."""
    import numpy as np

    assert found.counts is not None
    edges = np.linspace(found.low, found.high, _BINS + 1)
    total = np.concatenate(([0], np.cumsum(found.counts)))
    largest = max(-found.low, found.high)
    ends = np.linspace(0, largest, _BINS + 1)
    counts = np.diff(np.interp(ends, edges, total) - np.interp(-ends, edges, total))
    counts[0] = counts[1]  # zeros, of which ReLU makes many, are exact by any scale
    best, threshold = float("inf"), largest
    for end in range(_LEVELS, _BINS + 1, 4):
        distance = _divergence(counts, end)
        if distance < best:
            best, threshold = distance, largest * end / _BINS
    return max(found.low, -threshold), min(found.high, threshold)


def _divergence(counts: Array, end: int) -> float:
    """From a histogram that is cut off at a bin, what is beyond put into the last, to the one of 128 levels of it."""
    import numpy as np

    kept = counts[:end].astype(np.float64)
    wanted = kept.copy()
    wanted[-1] += counts[end:].sum()
    level = np.arange(end) * _LEVELS // end
    filled = kept > 0
    sums = np.bincount(level, kept, _LEVELS)
    places = np.bincount(level, filled, _LEVELS)
    spread = np.where(filled, (sums / np.maximum(places, 1))[level], 0.0)
    if wanted.sum() == 0 or spread.sum() == 0:
        return float("inf")
    wanted /= wanted.sum()
    spread /= spread.sum()
    both = wanted > 0
    return float((wanted[both] * np.log(wanted[both] / np.maximum(spread[both], 1e-12))).sum())
