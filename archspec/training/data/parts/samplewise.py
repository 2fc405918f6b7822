"""Preparations by statistics of each image alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archspec.training.data.parts.draws import Draws
from archspec.training.data.parts.steps import Images, as_float


@dataclass(frozen=True)
class SampleCenter:
    """Subtracts from each image its own mean over all pixels and channels."""

    def __call__(self, images: Images, draws: Draws) -> Images:
        images = as_float(images)
        images -= _each(images, _mean_of_each(images.astype(np.float64)))
        return images


@dataclass(frozen=True)
class SampleStd:
    """Divides each image by its own standard deviation over all pixels and channels, plus epsilon."""

    epsilon: float = 1e-6

    def __call__(self, images: Images, draws: Draws) -> Images:
        images = as_float(images)
        exact = images.astype(np.float64)
        exact -= _each(images, _mean_of_each(exact.copy()))
        images /= _each(images, np.sqrt(_mean_of_each(exact * exact)) + self.epsilon).astype(np.float32)
        return images


def _each(images: NDArray[np.float32], values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values.reshape(-1, *(1,) * (images.ndim - 1))


def _mean_of_each(images: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of each row, summed by halves: an order that does not depend on the processor. The array is used up."""
    rows = images.reshape(len(images), -1)
    count = width = rows.shape[1]
    while width > 1:
        half = (width + 1) // 2
        rows[:, : width - half] += rows[:, half:width]
        width = half
    return rows[:, 0] / count
