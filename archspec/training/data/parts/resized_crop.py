"""Random-resized crops, as torchvision's RandomResizedCrop."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from archspec.training.data.parts.draws import Draws, within
from archspec.training.data.parts.exact import exact_exp, exact_log
from archspec.training.data.parts.resizing import Interpolation, cut, height_and_width, resized, together
from archspec.training.data.parts.steps import Images


@dataclass(frozen=True)
class RandomResizedCrop:
    """A part of a random area and aspect ratio, at a random place, brought to one size.

    The area is a share of the image's, drawn evenly; the ratio of width to height is drawn evenly in its logarithm. Of
    ten tries the first that lies in the image counts; if none does, the largest middle part whose ratio is in bounds.
    """

    moves: ClassVar[bool] = True
    size: tuple[int, int]
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    interpolation: Interpolation = "bilinear"
    antialias: bool = True

    def __call__(self, images: Images, draws: Draws) -> Images:
        found = []
        for image, row in zip(images, draws.uniform(40), strict=True):
            place = self.place(*height_and_width(image), row.reshape(10, 4))
            found.append(resized(cut(image, *place), self.size, self.interpolation, self.antialias))
        return together(found)

    def place(self, height: int, width: int, u: NDArray[np.float64]) -> tuple[int, int, int, int]:
        """Top, left, height and width of the part.

        Args:
            height: of the image.
            width: of the image.
            u: numbers in [0, 1) for each of the tries, (10, 4).
        """
        area = height * width * within(*self.scale, u[:, 0])
        low, high = exact_log(np.array(self.ratio))
        ratio = exact_exp(within(low, high, u[:, 1]))
        wide, tall = np.rint(np.sqrt(area * ratio)), np.rint(np.sqrt(area / ratio))
        fits = np.flatnonzero((wide > 0) & (wide <= width) & (tall > 0) & (tall <= height))
        if len(fits):
            first = fits[0]
            h, w = int(tall[first]), int(wide[first])
            return int(u[first, 2] * (height - h + 1)), int(u[first, 3] * (width - w + 1)), h, w
        h, w = height, width
        if width / height < self.ratio[0]:
            h = round(width / self.ratio[0])
        elif width / height > self.ratio[1]:
            w = round(height * self.ratio[1])
        return (height - h) // 2, (width - w) // 2, h, w
