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
        sizes = np.array([height_and_width(image) for image in images], np.float64).reshape(-1, 2)
        places = self.places(sizes, draws.uniform(40).reshape(-1, 10, 4)).tolist()
        found = []
        for image, place in zip(images, places, strict=True):
            found.append(resized(cut(image, *place), self.size, self.interpolation, self.antialias))
        return together(found)

    def places(self, sizes: NDArray[np.float64], u: NDArray[np.float64]) -> NDArray[np.int64]:
        """Top, left, height and width of the parts, (n, 4).

        Args:
            sizes: heights and widths of the images, (n, 2).
            u: numbers in [0, 1) for each of the tries, (n, 10, 4).
        """
        height, width = sizes.T
        low, high = exact_log(np.array(self.ratio))
        ratio = exact_exp(within(low, high, u[..., 1]))
        area = (height * width)[:, np.newaxis] * within(*self.scale, u[..., 0])
        wide, tall = np.rint(np.sqrt(area * ratio)), np.rint(np.sqrt(area / ratio))
        fits = (wide > 0) & (wide <= width[:, np.newaxis]) & (tall > 0) & (tall <= height[:, np.newaxis])
        first = np.arange(len(sizes)), fits.argmax(axis=1)
        h, w = tall[first], wide[first]
        top, left = np.floor(u[..., 2][first] * (height - h + 1)), np.floor(u[..., 3][first] * (width - w + 1))
        # None fits: what is in the middle, with the whole height or the whole width.
        middle_h = np.where(width / height < self.ratio[0], np.rint(width / self.ratio[0]), height)
        middle_w = np.where(width / height > self.ratio[1], np.rint(height * self.ratio[1]), width)
        middle = ((height - middle_h) // 2, (width - middle_w) // 2, middle_h, middle_w)
        drawn = (top, left, h, w)
        return np.where(fits.any(axis=1), drawn, middle).T.astype(np.int64)
