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
        chosen = draws.uniform(1)[:, 0] < self.probability
        backwards = images[:, :, ::-1] if self.direction == "horizontal" else images[:, ::-1]
        return np.where(chosen[:, np.newaxis, np.newaxis, np.newaxis], backwards, images)
