"""Flips."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from archspec.training.data.parts.draws import Draws
from archspec.training.data.parts.steps import Images


@dataclass(frozen=True)
class Flip:
    """Left and right exchanged (`horizontal`) or top and bottom (`vertical`), with a probability."""

    moves: ClassVar[bool] = True
    direction: Literal["horizontal", "vertical"] = "horizontal"
    probability: float = 0.5

    def __call__(self, images: Images, draws: Draws) -> Images:
        chosen = np.flatnonzero(draws.uniform(1)[:, 0] < self.probability)
        images = np.ascontiguousarray(images)
        pixels = images.view(f"V{images.dtype.itemsize * images.shape[-1]}")[..., 0]  # each is copied as a whole
        backwards = pixels[chosen, :, ::-1] if self.direction == "horizontal" else pixels[chosen, ::-1]
        pixels[chosen] = backwards
        return images
