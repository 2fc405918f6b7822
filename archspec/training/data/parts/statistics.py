"""Preparations by statistics of the training examples.

Sums are in float64 and go through the examples in their order, one after another, so they are the same everywhere.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from archspec.training.data.parts.draws import Draws
from archspec.training.data.parts.errors import DataError
from archspec.training.data.parts.steps import Images, as_float, in_rows


@dataclass(frozen=True)
class SubtractMean:
    """Subtracts the mean of the training examples, of each pixel (each feature) or of each channel."""

    per: Literal["pixel", "channel"] = "pixel"

    def fit(self, batches: Callable[[], Iterable[Images]]) -> "Subtract":
        """With the mean of these examples."""
        return Subtract(mean_of(batches(), self.per).astype(np.float32))


@dataclass(frozen=True)
class DivideByStd:
    """Divides by the standard deviation (of all, not of a sample) of the training examples, plus epsilon."""

    per: Literal["pixel", "channel"] = "pixel"
    epsilon: float = 0.0
    """Keras's ImageDataGenerator adds 1e-6."""

    def fit(self, batches: Callable[[], Iterable[Images]]) -> "Divide":
        """With the standard deviation of these examples.

        Raises:
            DataError: it is 0 somewhere, and so is epsilon.
        """
        mean = mean_of(batches(), self.per)
        std = np.sqrt(mean_of(((batch - mean) ** 2 for batch in batches()), self.per)) + self.epsilon
        if not std.all():
            raise DataError(
                f"the standard deviation of some {self.per} is 0, so nothing can be divided by it: set epsilon"
            )
        return Divide(std.astype(np.float32))


@dataclass(frozen=True)
class Subtract:
    """Subtracts an array."""

    mean: NDArray[np.float32]

    def __call__(self, images: Images, draws: Draws) -> Images:
        images = as_float(images)
        rows, mean = in_rows(images, self.mean)
        rows -= mean
        return images


@dataclass(frozen=True)
class Divide:
    """Divides by an array."""

    by: NDArray[np.float32]

    def __call__(self, images: Images, draws: Draws) -> Images:
        images = as_float(images)
        rows, by = in_rows(images, self.by)
        rows /= by
        return images


def mean_of(batches: Iterable[Images], per: str) -> NDArray[np.float64]:
    """The mean of each pixel or of each channel, in float64."""
    total: NDArray[np.float64] | None = None
    count = 0
    for batch in batches:
        here: NDArray[np.float64] = np.add.reduce(np.asarray(batch, np.float64), axis=0)
        total = here if total is None else total + here
        count += len(batch)
    if total is None:
        raise DataError("statistics of no examples")
    if per == "pixel" or total.ndim == 1:
        return np.divide(total, count)
    sums = [math.fsum(channel) for channel in total.reshape(-1, total.shape[-1]).T]  # exact, so in any order
    means: NDArray[np.float64] = np.array(sums) / (count * total[..., 0].size)
    return means
