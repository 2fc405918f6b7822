"""Resizing: by Pillow, which always antialiases, or without antialiasing as PyTorch's `interpolate` does.

What Pillow does here is integer arithmetic: the same bits on every machine.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archspec.training.data.parts.draws import Draws, within
from archspec.training.data.parts.errors import DataError
from archspec.training.data.parts.pictures import pixels
from archspec.training.data.parts.steps import Images

Interpolation: TypeAlias = Literal["nearest", "bilinear", "bicubic"]
_PILLOW: Final = {"nearest": 0, "bilinear": 2, "bicubic": 3}


@dataclass(frozen=True)
class Resize:
    """To a shorter side, the other in proportion (rounded down), or to (height, width)."""

    moves: ClassVar[bool] = True
    size: int | tuple[int, int]
    interpolation: Interpolation = "bilinear"
    antialias: bool = True

    def __call__(self, images: Images, draws: Draws) -> Images:
        found = []
        for image in images:
            size = (self.size, self.size) if isinstance(self.size, int) else self.size
            if isinstance(self.size, int):
                size = in_proportion(*height_and_width(image), self.size)
            found.append(resized(image, size, self.interpolation, self.antialias))
        return together(found)


@dataclass(frozen=True)
class RandomResize:
    """To a shorter side drawn between two, both included, the other in proportion."""

    moves: ClassVar[bool] = True
    shortest: int
    longest: int
    interpolation: Interpolation = "bilinear"
    antialias: bool = True

    def __call__(self, images: Images, draws: Draws) -> Images:
        sides = np.floor(within(self.shortest, self.longest + 1, draws.uniform(1)[:, 0])).astype(int)
        return together(
            [
                resized(image, in_proportion(*height_and_width(image), int(side)), self.interpolation, self.antialias)
                for image, side in zip(images, sides, strict=True)
            ]
        )


@dataclass(frozen=True)
class CenterCrop:
    """The middle, of a height and a width."""

    moves: ClassVar[bool] = True
    size: tuple[int, int]

    def __call__(self, images: Images, draws: Draws) -> Images:
        high, wide = self.size
        found = []
        for image in images:
            height, width = height_and_width(image)
            if height < high or width < wide:
                raise DataError(f"an image of {height} x {width}, and a crop of {high} x {wide}: resize first")
            found.append(cut(image, round((height - high) / 2.0), round((width - wide) / 2.0), high, wide))
        return together(found)


def in_proportion(height: int, width: int, shorter: int) -> tuple[int, int]:
    """Height and width with this shorter side."""
    if height <= width:
        return shorter, int(shorter * width / height)
    return int(shorter * height / width), shorter


def height_and_width(image: Any) -> tuple[int, int]:
    """Of an array (height, width, channels), or of Pillow's image."""
    return (image.shape[0], image.shape[1]) if isinstance(image, np.ndarray) else (image.height, image.width)


def cut(image: Any, top: int, left: int, height: int, width: int) -> Any:
    """A part of an array, or of Pillow's image."""
    if isinstance(image, np.ndarray):
        return image[top : top + height, left : left + width]
    return image.crop((left, top, left + width, top + height))


def together(images: list[Any]) -> Images:
    """One array, if all have the same size."""
    if len({height_and_width(image) for image in images}) != 1:
        return images
    first = pixels(images[0])
    found = np.empty((len(images), *first.shape), first.dtype)
    for place, image in zip(found, images, strict=True):
        place[:] = pixels(image)
    return found


def resized(image: Any, size: tuple[int, int], interpolation: Interpolation, antialias: bool) -> Any:
    """An image with a height and a width; uint8.

    Raises:
        DataError: it is no picture of 1 or 3 channels of bytes.
    """
    if isinstance(image, np.ndarray) and (image.dtype != np.uint8 or image.shape[-1] not in (1, 3)):
        raise DataError(
            f"only images of bytes with 1 or 3 channels can be resized, not {image.dtype} {image.shape}: "
            "resize before what makes numbers of other kinds of them"
        )
    if height_and_width(image) == tuple(size):
        return image
    if not antialias and interpolation != "nearest":
        return _without_antialias(pixels(image), size, interpolation)
    if isinstance(image, np.ndarray):
        from PIL import Image

        image = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    return image.resize((size[1], size[0]), _PILLOW[interpolation])


def _without_antialias(image: NDArray[np.uint8], size: tuple[int, int], interpolation: str) -> NDArray[np.uint8]:
    """Two (linear) or four (cubic, with -0.75) pixels along each axis make one, however much smaller it gets."""
    result = image.astype(np.float32)
    for axis, length in enumerate(size):
        before = result.shape[axis]
        place = (np.arange(length) + 0.5) * (before / length) - 0.5
        place = np.maximum(place, 0.0) if interpolation == "bilinear" else place
        start = np.floor(place)
        t = place - start
        weights = (
            [1.0 - t, t] if interpolation == "bilinear" else [_cubic(t + 1), _cubic(t), _cubic(1 - t), _cubic(2 - t)]
        )
        first = start.astype(np.int64) - (0 if interpolation == "bilinear" else 1)
        shape = [1] * result.ndim
        shape[axis] = length
        total = np.zeros((*result.shape[:axis], length, *result.shape[axis + 1 :]), np.float32)
        for n, weight in enumerate(weights):
            taken = np.take(result, np.clip(first + n, 0, before - 1), axis=axis)
            total += taken * weight.astype(np.float32).reshape(shape)
        result = total
    return np.rint(np.clip(result, 0.0, 255.0)).astype(np.uint8)


def _cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    near = ((-0.75 + 2.0) * x - (-0.75 + 3.0)) * x * x + 1.0
    far = ((-0.75 * x + 3.75) * x - 6.0) * x + 3.0
    return np.where(x <= 1.0, near, far)
