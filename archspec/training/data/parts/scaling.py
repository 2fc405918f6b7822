"""Preparations with given numbers."""

from dataclasses import dataclass

import numpy as np

from archspec.training.data.parts.draws import Draws
from archspec.training.data.parts.steps import Images, as_float, in_rows


@dataclass(frozen=True)
class Rescale:
    """Multiplies by a number, in float32."""

    factor: float

    def __call__(self, images: Images, draws: Draws) -> Images:
        return np.multiply(images, np.float32(self.factor), dtype=np.float32)


@dataclass(frozen=True)
class Normalize:
    """(x - mean) / std, with a number for each channel (or feature), or one for all; in float32."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, images: Images, draws: Draws) -> Images:
        images = as_float(images)
        rows, mean = in_rows(images, np.array(self.mean, np.float32))
        rows, std = in_rows(images, np.array(self.std, np.float32))
        for row in rows:  # an image fits a core's cache
            row -= mean
            row /= std
        return images
