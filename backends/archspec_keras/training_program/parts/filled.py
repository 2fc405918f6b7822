"""Batches that divide among devices."""

from collections.abc import Iterator
from typing import Any

import numpy as np


def filled(
    batches: Iterator[tuple[Any, Any]], devices: int, axes: int = 0
) -> Iterator[tuple[Any, Any, Any]]:
    """Batches whose rows divide among devices: the first ones fill one up, without weight.

    Where an example has a loss for each place of its map, `axes` says how many axes that has.
    """
    for images, targets in batches:
        more = -len(images) % devices
        rows = np.arange(len(images) + more) % len(images)
        weights = (np.arange(len(rows)) < len(images)) * (len(rows) / len(images))
        yield images[rows], targets[rows], weights.reshape(-1, *[1] * axes)
