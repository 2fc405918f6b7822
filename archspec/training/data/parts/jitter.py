"""torchvision's ColorJitter."""

from dataclasses import dataclass

import numpy as np

from archspec.training.data.parts.colors import (
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    as_bytes,
)
from archspec.training.data.parts.draws import Draws, within
from archspec.training.data.parts.steps import Images


@dataclass(frozen=True)
class ColorJitter:
    """Brightness, contrast, saturation and hue by factors drawn between two numbers, in a random order of the four."""

    brightness: tuple[float, float] | None = None
    contrast: tuple[float, float] | None = None
    saturation: tuple[float, float] | None = None
    hue: tuple[float, float] | None = None
    """A share of the circle, from -0.5 to 0.5."""

    def __call__(self, images: Images, draws: Draws) -> Images:
        images = as_bytes(images, "color jitter").copy()
        u = draws.uniform(8)
        order = np.argsort(u[:, :4], axis=1, kind="stable")
        ranges = (self.brightness, self.contrast, self.saturation, self.hue)
        adjusts = (adjust_brightness, adjust_contrast, adjust_saturation, adjust_hue)
        for turn in range(4):
            for number, (bounds, adjust) in enumerate(zip(ranges, adjusts, strict=True)):
                rows = np.flatnonzero(order[:, turn] == number)
                if bounds is not None and len(rows):
                    images[rows] = adjust(images[rows], within(*bounds, u[rows, 4 + number]))
        return images
