"""Crops at random places."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from archspec.training.data.parts.draws import Draws
from archspec.training.data.parts.errors import DataError
from archspec.training.data.parts.resizing import cut, height_and_width, together
from archspec.training.data.parts.steps import Images


@dataclass(frozen=True)
class PadCrop:
    """Pads every side, and cuts a part out at a random place, of the size that the image had, or of another."""

    moves: ClassVar[bool] = True
    padding: int
    size: tuple[int, int] | None = None
    mode: Literal["constant", "edge", "reflect", "symmetric"] = "constant"
    value: float = 0.0

    def __call__(self, images: Images, draws: Draws) -> Images:
        u = draws.uniform(2)
        if isinstance(images, list):  # sizes differ: resized before, to a shorter side
            if self.padding or self.size is None:
                raise DataError("images of different sizes can be cut to a size, but not padded first: resize them")
            return together([self._cut(image, *row) for image, row in zip(images, u.tolist(), strict=True)])
        rows, height, width, channels = images.shape
        high, wide = self.size or (height, width)
        spare = height + 2 * self.padding - high, width + 2 * self.padding - wide
        if min(spare) < 0:
            raise DataError(f"a crop of {high} x {wide} of images of {height} x {width} with {self.padding} of padding")
        places = np.floor(u * (np.array(spare) + 1)).astype(int).tolist()
        if self.padding:
            sides = ((0, 0), (self.padding,) * 2, (self.padding,) * 2, (0, 0))
            value = {"constant_values": self.value} if self.mode == "constant" else {}
            images = np.pad(images, sides, self.mode, **value)  # type: ignore[call-overload]
        found = np.empty((rows, high, wide, channels), images.dtype)
        for place, image, (top, left) in zip(found, images, places, strict=True):
            place[:] = image[top : top + high, left : left + wide]
        return found

    def _cut(self, image: object, down: float, right: float) -> object:
        height, width = height_and_width(image)
        high, wide = self.size or (height, width)
        if height < high or width < wide:
            raise DataError(f"an image of {height} x {width}, and a crop of {high} x {wide}: resize first")
        return cut(image, int(down * (height - high + 1)), int(right * (width - wide + 1)), high, wide)
