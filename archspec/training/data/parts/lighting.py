"""The color augmentation of AlexNet: noise along the principal components of the training set's colors."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from archspec.training.data.parts.draws import Draws
from archspec.training.data.parts.exact import exact_log, exact_sin_cos
from archspec.training.data.parts.steps import Images, as_float

IMAGENET_VALUES: Final = (0.2175, 0.0188, 0.0045)
IMAGENET_VECTORS: Final = ((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203))


@dataclass(frozen=True)
class Lighting:
    """Adds to each image's colors a normal amount of each principal component, times its eigenvalue.

    The components are ImageNet's by default, of colors between 0 and 1, as fb.resnet.torch has them; `factor` is 255
    for colors from 0 to 255. Krizhevsky et al. 2012.
    """

    std: float = 0.1
    factor: float = 1.0
    values: tuple[float, ...] = IMAGENET_VALUES
    vectors: tuple[tuple[float, ...], ...] = IMAGENET_VECTORS

    def __call__(self, images: Images, draws: Draws) -> Images:
        images = as_float(images)
        count = len(self.values)
        u = draws.uniform(2 * count)
        radius = np.sqrt(-2.0 * exact_log(1.0 - u[:, :count])) * self.std
        amounts = radius * exact_sin_cos(u[:, count:] * 360.0)[1] * np.array(self.values) * self.factor
        shift = np.zeros((len(images), images.shape[-1]))
        for component in range(count):
            shift += amounts[:, component, np.newaxis] * np.array(self.vectors)[:, component]
        images += shift.astype(np.float32)[:, np.newaxis, np.newaxis]
        return images
