"""Brightness and channel shift, with the meaning of Keras's ImageDataGenerator."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archspec.training.data.parts.draws import Draws, within
from archspec.training.data.parts.steps import Images, as_float


@dataclass(frozen=True)
class ChannelShift:
    """Adds to all of an image one number drawn between -amount and amount, kept within its least and greatest pixel."""

    amount: float

    def __call__(self, images: Images, draws: Draws) -> Images:
        return self.transform(images, within(-self.amount, self.amount, draws.uniform(1)[:, 0]))

    def transform(self, images: Images, intensity: NDArray[np.float64]) -> NDArray[np.float32]:
        """Each image with a number of its own, (n,)."""
        images = as_float(images)
        least, greatest = images.min(axis=(1, 2, 3), keepdims=True), images.max(axis=(1, 2, 3), keepdims=True)
        images += intensity.astype(np.float32)[:, np.newaxis, np.newaxis, np.newaxis]
        shifted: NDArray[np.float32] = np.clip(images, least, greatest, out=images)
        return shifted


@dataclass(frozen=True)
class Brightness:
    """Multiplies an image by a number drawn between two, as Keras does by Pillow: in whole numbers from 0 to 255.

    Pixels are cut to whole numbers first, so that of images between 0 and 1 nothing is left but black and 1. An image
    with pixels below 0 or above 255 is stretched to 0 to 255 before, and back afterwards.
    """

    low: float
    high: float

    def __call__(self, images: Images, draws: Draws) -> Images:
        return self.transform(images, within(self.low, self.high, draws.uniform(1)[:, 0]))

    def transform(self, images: Images, brightness: NDArray[np.float64]) -> NDArray[np.float32]:
        """Each image with a factor of its own, (n,)."""
        images = as_float(images)
        least, greatest = images.min(axis=(1, 2, 3), keepdims=True), images.max(axis=(1, 2, 3), keepdims=True)
        stretched = (least < 0) | (greatest > 255)
        span = greatest - least
        scale = np.where(span == 0, np.float32(1), span)
        pixels = np.where(stretched, (images - least) / scale * np.float32(255), images)
        factor = brightness.astype(np.float32)[:, np.newaxis, np.newaxis, np.newaxis]
        bright = np.trunc(np.clip(np.trunc(pixels) * factor, 0, 255))
        back: NDArray[np.float32] = np.where(stretched, bright / np.float32(255) * span + least, bright)
        return back
