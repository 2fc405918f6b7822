"""RandAugment and TrivialAugmentWide, as torchvision has them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archspec.training.data.parts.colors import (
    adjust_brightness,
    adjust_contrast,
    adjust_saturation,
    adjust_sharpness,
    as_bytes,
    autocontrast,
    equalize,
    posterize,
    solarize,
)
from archspec.training.data.parts.draws import Draws
from archspec.training.data.parts.exact import exact_sin_cos
from archspec.training.data.parts.sampling import sample
from archspec.training.data.parts.steps import Images

_OPERATIONS: Final = (
    ("Identity", False),
    ("ShearX", True),
    ("ShearY", True),
    ("TranslateX", True),
    ("TranslateY", True),
    ("Rotate", True),
    ("Brightness", True),
    ("Color", True),
    ("Contrast", True),
    ("Sharpness", True),
    ("Posterize", False),
    ("Solarize", False),
    ("AutoContrast", False),
    ("Equalize", False),
)
"""In torchvision's order, and whether a magnitude is of either sign."""

Strengths: TypeAlias = dict[str, float]


@dataclass(frozen=True)
class RandAugment:
    """`operations` in turn, each drawn from 14, all of one magnitude out of `bins`."""

    moves: ClassVar[bool] = True
    operations: int = 2
    magnitude: int = 9
    bins: int = 31
    interpolation: Literal["nearest", "bilinear"] = "nearest"
    fill: tuple[int, ...] | None = None
    """What stands beyond the border, one number or one for each channel; None: images fade into 0."""

    def __call__(self, images: Images, draws: Draws) -> Images:
        images = as_bytes(images, "RandAugment").copy()
        u = draws.uniform(2 * self.operations)
        height, width = images.shape[1:3]
        strengths = {
            "ShearX": 0.3,
            "ShearY": 0.3,
            "TranslateX": 150 / 331 * width,
            "TranslateY": 150 / 331 * height,
            "Rotate": 30.0,
            "Color": 0.9,
        }
        magnitudes = np.full(len(images), self.magnitude)
        for turn in range(self.operations):
            chosen = np.floor(u[:, 2 * turn] * len(_OPERATIONS)).astype(int)
            signs = np.where(u[:, 2 * turn + 1] < 0.5, -1.0, 1.0)
            _operate(images, chosen, magnitudes, signs, strengths, 4, self.bins, self.interpolation, self.fill)
        return images


@dataclass(frozen=True)
class TrivialAugmentWide:
    """One operation, drawn from 14, of a magnitude drawn from `bins`."""

    moves: ClassVar[bool] = True
    bins: int = 31
    interpolation: Literal["nearest", "bilinear"] = "nearest"
    fill: tuple[int, ...] | None = None
    """What stands beyond the border, one number or one for each channel; None: images fade into 0."""

    def __call__(self, images: Images, draws: Draws) -> Images:
        images = as_bytes(images, "TrivialAugmentWide").copy()
        u = draws.uniform(3)
        strengths = {
            "ShearX": 0.99,
            "ShearY": 0.99,
            "TranslateX": 32.0,
            "TranslateY": 32.0,
            "Rotate": 135.0,
            "Color": 0.99,
        }
        chosen = np.floor(u[:, 0] * len(_OPERATIONS)).astype(int)
        magnitudes = np.floor(u[:, 1] * self.bins).astype(int)
        signs = np.where(u[:, 2] < 0.5, -1.0, 1.0)
        _operate(images, chosen, magnitudes, signs, strengths, 6, self.bins, self.interpolation, self.fill)
        return images


def _operate(
    images: NDArray[np.uint8],
    chosen: NDArray[np.int64],
    magnitudes: NDArray[np.int64],
    signs: NDArray[np.float64],
    strengths: Strengths,
    bits: int,
    bins: int,
    interpolation: str,
    fill: tuple[int, ...] | None,
) -> None:
    """To each image, in place, the operation that was chosen for it."""
    for number, (name, signed) in enumerate(_OPERATIONS):
        for magnitude in np.unique(magnitudes[chosen == number]):
            share = magnitude / (bins - 1)
            rows = np.flatnonzero((chosen == number) & (magnitudes == magnitude))
            if name == "Posterize":
                amounts = np.full(len(rows), 8.0 - np.rint(magnitude / ((bins - 1) / bits)))
            elif name == "Solarize":
                amounts = np.full(len(rows), 255.0 * (1.0 - share))
            else:
                strength = strengths.get(name, strengths["Color"])
                amounts = strength * share * (signs[rows] if signed else np.ones(len(rows)))
            images[rows] = operated(images[rows], name, amounts, interpolation, fill)


def operated(
    images: NDArray[np.uint8], name: str, amounts: NDArray[np.float64], interpolation: str, fill: tuple[int, ...] | None
) -> NDArray[np.uint8]:
    """One operation with an amount for each image, (n,): of torchvision's names and meanings."""
    if name in _BLENDS:
        return _BLENDS[name](images, 1.0 + amounts)
    if name in ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate"):
        return _moved(images, name, amounts, interpolation, fill)
    if name == "Posterize":
        return posterize(images, int(amounts[0]))
    if name == "Solarize":
        return solarize(images, float(amounts[0]))
    return {"AutoContrast": autocontrast, "Equalize": equalize}.get(name, np.copy)(images)


_BLENDS: Final[dict[str, Callable[[NDArray[np.uint8], NDArray[np.float64]], NDArray[np.uint8]]]] = {
    "Brightness": adjust_brightness,
    "Color": adjust_saturation,
    "Contrast": adjust_contrast,
    "Sharpness": adjust_sharpness,
}


def _moved(
    images: NDArray[np.uint8], name: str, amounts: NDArray[np.float64], interpolation: str, fill: tuple[int, ...] | None
) -> NDArray[np.uint8]:
    """Sheared about the upper left corner, shifted by whole pixels, or turned about the middle."""
    n, height, width, channels = images.shape
    y = np.arange(height, dtype=np.float64)[:, np.newaxis] + np.zeros((1, width))
    x = np.arange(width, dtype=np.float64) + np.zeros((height, 1))
    amount = amounts.reshape(-1, 1, 1)
    if name == "ShearX":
        down, right = y + 0 * amount, x + amount * (y + 0.5)
    elif name == "ShearY":
        down, right = y + amount * (x + 0.5), x + 0 * amount
    elif name == "TranslateX":
        down, right = y + 0 * amount, x - np.trunc(amount)
    elif name == "TranslateY":
        down, right = y - np.trunc(amount), x + 0 * amount
    else:
        sin, cos = exact_sin_cos(-amount)
        middle_y, middle_x = height / 2 - 0.5, width / 2 - 0.5
        right = cos * (x - middle_x) + sin * (y - middle_y) + middle_x
        down = cos * (y - middle_y) - sin * (x - middle_x) + middle_y
    # A border of zeros all around: what lies beyond it is 0, and images fade into it. The last channel is 1 inside.
    framed = np.zeros((n, height + 2, width + 2, channels + 1), np.float32)
    framed[:, 1:-1, 1:-1, :channels] = images
    framed[:, 1:-1, 1:-1, channels] = 1.0
    moved = sample(framed, down + 1.0, right + 1.0, 0 if interpolation == "nearest" else 1, "nearest")
    found, inside = moved[..., :channels], moved[..., channels:]
    if fill is not None:  # torchvision weighs what has faded already
        found = found * inside + (np.float32(1) - inside) * np.array(fill, np.float32)
    return np.rint(found).astype(np.uint8)
