"""Rotation, shifts, shear and zoom in one step, with the meaning of Keras's ImageDataGenerator."""

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archspec.training.data.parts.draws import Draws, within
from archspec.training.data.parts.exact import exact_sin_cos
from archspec.training.data.parts.sampling import Fill, sample, sample_grid
from archspec.training.data.parts.steps import Images, as_float

Shift: TypeAlias = float | int | tuple[float, ...]


@dataclass(frozen=True)
class Affine:
    """One interpolation for all of it: rotation, shifts, shear and zoom, multiplied in this order, about the middle.

    The fields are called after ImageDataGenerator's, without their `_range`, and mean the same. Angles are in degrees,
    drawn evenly between -angle and angle. A shift is drawn between its negative and itself where it is a float; it is
    a whole number below an int, or one of a tuple, with either sign. It is a share of the side where all of it is
    below 1, else in pixels. Zooms of height and width are drawn by themselves, between 1 - zoom and 1 + zoom, or the
    two numbers of a tuple.
    """

    moves: ClassVar[bool] = True
    rotation: float = 0.0
    height_shift: Shift = 0.0
    width_shift: Shift = 0.0
    shear: float = 0.0
    zoom: float | tuple[float, float] = 0.0
    fill: Fill = "nearest"
    cval: float = 0.0
    """What lies beyond the border where `fill` is `constant`."""
    order: int = 1
    """Of interpolation: 0 is the nearest pixel, 1 bilinear; 2 to 5 are splines, by SciPy."""
    middle: Literal["image", "keras"] = "image"
    """Of an image that is not square, Keras takes half the width for the height and half the height for the width."""

    def __call__(self, images: Images, draws: Draws) -> Images:
        u = draws.uniform(8).T
        height, width = images.shape[1:3]
        zoom = self.zoom if isinstance(self.zoom, tuple) else (1 - self.zoom, 1 + self.zoom)
        return self.transform(
            images,
            theta=within(-self.rotation, self.rotation, u[0]),
            tx=_shifts(self.width_shift, width, u[1], u[2]),
            ty=_shifts(self.height_shift, height, u[3], u[4]),
            shear=within(-self.shear, self.shear, u[5]),
            zx=within(*zoom, u[6]),
            zy=within(*zoom, u[7]),
        )

    def transform(
        self,
        images: Images,
        theta: NDArray[np.float64],
        tx: NDArray[np.float64],
        ty: NDArray[np.float64],
        shear: NDArray[np.float64],
        zx: NDArray[np.float64],
        zy: NDArray[np.float64],
    ) -> NDArray[np.float32]:
        """Each image with numbers of its own, (n,), called as in ImageDataGenerator's `apply_transform`.

        There, tx moves along the width, and ty along the height.
        """
        images = as_float(images)
        n, height, width, _ = images.shape
        sin, cos = exact_sin_cos(theta)
        shear_sin, shear_cos = exact_sin_cos(shear)
        # Where a pixel comes from: (yy, yx) times its place, plus a shift, along the height; (xy, xx) along the width.
        xx, xy = cos * zx, -(cos * shear_sin + sin * shear_cos) * zy
        yx, yy = sin * zx, (cos * shear_cos - sin * shear_sin) * zy
        middle_y, middle_x = height / 2 - 0.5, width / 2 - 0.5
        if self.middle == "keras":
            middle_y, middle_x = middle_x, middle_y
        x_start = (cos * tx - sin * ty) + middle_x - xy * middle_y - xx * middle_x
        y_start = (sin * tx + cos * ty) + middle_y - yy * middle_y - yx * middle_x
        if self.order > 1:
            return self._splines(images, np.stack([yy, yx, y_start, xy, xx, x_start], axis=1).reshape(n, 2, 3))
        y, x = np.arange(height, dtype=np.float64), np.arange(width, dtype=np.float64)
        if not xy.any() and not yx.any():
            down, right = yy[:, np.newaxis] * y + y_start[:, np.newaxis], xx[:, np.newaxis] * x + x_start[:, np.newaxis]
            return sample_grid(images, down, right, self.order, self.fill, self.cval)
        result: NDArray[np.float32] = np.empty_like(images)
        block = max(1, 2**16 // (height * width))  # so many images' places fit a core's cache
        for start in range(0, n, block):
            k = np.s_[start : start + block, np.newaxis, np.newaxis]
            down = yy[k] * y[:, np.newaxis] + (yx[k] * x + y_start[k])
            right = xy[k] * y[:, np.newaxis] + (xx[k] * x + x_start[k])
            result[start : start + block] = sample(
                images[start : start + block], down, right, self.order, self.fill, self.cval
            )
        return result

    def _splines(self, images: NDArray[np.float32], matrices: NDArray[np.float64]) -> NDArray[np.float32]:
        from scipy.ndimage import affine_transform

        result: NDArray[np.float32] = np.empty_like(images)
        for image, matrix, out in zip(images, matrices, result, strict=True):
            for channel in range(images.shape[-1]):
                out[..., channel] = affine_transform(
                    image[..., channel], matrix[:, :2], matrix[:, 2], order=self.order, mode=self.fill, cval=self.cval
                )
        return result


def _shifts(shift: Shift, side: int, u: NDArray[np.float64], sign: NDArray[np.float64]) -> NDArray[np.float64]:
    """In pixels."""
    signs = np.where(sign < 0.5, -1.0, 1.0)
    if isinstance(shift, tuple):
        values = np.array(shift, np.float64)
        drawn: NDArray[np.float64] = values[np.floor(u * len(values)).astype(int)] * signs
        return drawn * side if values.max() < 1 else drawn
    if isinstance(shift, int):
        return np.floor(u * shift) * signs
    drawn = within(-shift, shift, u)
    return drawn * side if shift < 1 else drawn
