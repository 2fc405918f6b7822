"""What preparations and augmentations are."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from archspec.training.data.parts.draws import Draws

Images: TypeAlias = Any
"""(n, height, width, channels) or (n, features), uint8 or float32; or a list of Pillow's images where sizes differ."""
Targets: TypeAlias = NDArray[Any]
"""(n,) int64: classes; (n, classes) float32: shares of classes; or what the arrays of the data give."""


class Step(Protocol):
    """One preparation or augmentation of a batch: a function of the images and of the draws alone."""

    def __call__(self, images: Images, draws: Draws) -> Images:
        """The images as they are afterwards. Those that were given may be changed."""
        ...


@runtime_checkable
class Fitted(Protocol):
    """A preparation that first looks at the training examples."""

    def fit(self, batches: Callable[[], Iterable[Images]]) -> Step:
        """The preparation with its statistics.

        Args:
            batches: goes through the training examples once, in a fixed order, each time it is called.
        """
        ...


@runtime_checkable
class Mixing(Protocol):
    """An augmentation that mixes each example with the one before it in the batch, and so changes the targets, too."""

    def mix(self, images: Images, others: Images, draws: Draws) -> tuple[Images, float]:
        """The mixed images, and the share that each image has of its own."""
        ...


def as_float(images: Images) -> NDArray[np.float32]:
    """The images as float32: themselves, if they are so already."""
    return np.ascontiguousarray(images, np.float32)


def in_rows(
    images: NDArray[np.float32], values: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Images and values for each channel, both as rows of pixels, so that one goes through long runs of numbers."""
    if images.ndim != 4 or values.ndim != 1:
        return images, values
    n, height, width, channels = images.shape
    repeated = np.tile(np.broadcast_to(values, channels), width)
    return images.reshape(n, height, width * channels), repeated
