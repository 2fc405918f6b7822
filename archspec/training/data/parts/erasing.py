"""torchvision's RandomErasing."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from archspec.training.data.parts.draws import Draws, within
from archspec.training.data.parts.exact import exact_exp, exact_log, exact_sin_cos
from archspec.training.data.parts.steps import Images


@dataclass(frozen=True)
class RandomErasing:
    """Puts a value in place of a random part: numbers, or `normal`, normal numbers of their own for each pixel.

    The area is a share of the image's, the ratio of height to width is drawn evenly in its logarithm; of ten tries the
    first that is smaller than the image counts; if none is, nothing is erased. Zhong et al. 2017 (arXiv:1708.04896).
    """

    moves: ClassVar[bool] = True
    probability: float = 0.5
    scale: tuple[float, float] = (0.02, 0.33)
    ratio: tuple[float, float] = (0.3, 3.3)
    value: tuple[float, ...] | Literal["normal"] = (0.0,)

    def __call__(self, images: Images, draws: Draws) -> Images:
        images = np.array(images)
        height, width, channels = images.shape[1:]
        low, high = exact_log(np.array(self.ratio))
        u = draws.uniform(41)
        tries = u[:, 1:].reshape(-1, 10, 4)
        area = height * width * within(*self.scale, tries[..., 0])
        ratio = exact_exp(within(low, high, tries[..., 1]))
        tall, wide = np.rint(np.sqrt(area * ratio)), np.rint(np.sqrt(area / ratio))
        fits = (tall < height) & (wide < width)
        for row in np.flatnonzero((u[:, 0] < self.probability) & fits.any(axis=1)):
            first = fits[row].argmax()
            h, w = int(tall[row, first]), int(wide[row, first])
            top, left = int(tries[row, first, 2] * (height - h + 1)), int(tries[row, first, 3] * (width - w + 1))
            if self.value == "normal":
                part = normal_of_row(draws, int(row), h * w * channels).reshape(h, w, channels).astype(images.dtype)
            else:
                part = np.array(self.value, images.dtype)
            images[row, top : top + h, left : left + w] = part
        return images


def normal_of_row(draws: Draws, row: int, count: int) -> NDArray[np.float64]:
    """Normal numbers of the row at this place of a batch, shape (count,): by Box and Muller's method."""
    half = (count + 1) // 2
    u = draws.whole(2 * half, f".row {draws.rows[row]}")
    radius = np.sqrt(-2.0 * exact_log(1.0 - u[:half]))
    sin, cos = exact_sin_cos(u[half:] * 360.0)
    return np.concatenate([radius * cos, radius * sin])[:count]
