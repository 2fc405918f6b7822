"""Images sampled at places between pixels, with the meanings of scipy.ndimage, for many images at once."""

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Fill: TypeAlias = Literal["nearest", "reflect", "wrap", "constant"]
"""What lies beyond the border: aaaa|abcd|dddd, dcba|abcd|dcba, (a period of one less than the size), or a value."""


def folded(place: NDArray[np.float64], size: int, fill: Fill) -> tuple[NDArray[np.float64], NDArray[np.bool_] | None]:
    """Places along an axis brought into the image; and those where the value for `constant` stands.

    `reflect` gives places from -1/2 to size - 1/2, since the pixels at the border stand twice there.
    """
    last = size - 1
    if fill == "constant":
        return place, (place < 0) | (place > last)
    if fill == "nearest" or size == 1:
        return np.minimum(np.maximum(place, 0.0), last), None
    if fill == "wrap":
        below = place + last * (np.floor(-place / last) + 1.0)
        above = place - last * np.floor(place / last)
        return np.where(place < 0, below, np.where(place > last, above, place)), None
    inner = place - 2.0 * size * np.floor((place + 0.5) / (2.0 * size))  # from -1/2 to 2 size - 1/2
    return np.where(inner > size - 0.5, 2.0 * size - 1.0 - inner, inner), None


def _neighbors(
    place: NDArray[np.float64], size: int, order: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """The pixels before and after each place, and the second's share; for order 0 the nearest, twice."""
    start = np.floor(place + 0.5) if order == 0 else np.floor(place)
    share = np.zeros(place.shape, np.float32) if order == 0 else (place - start).astype(np.float32)
    first = start.astype(np.int64)
    after = first if order == 0 else first + 1
    return np.clip(first, 0, size - 1), np.clip(after, 0, size - 1), share


def sample(
    images: NDArray[np.float32],
    down: NDArray[np.float64],
    right: NDArray[np.float64],
    order: int,
    fill: Fill,
    value: float = 0.0,
) -> NDArray[np.float32]:
    """The images (n, height, width, channels) at places (n, rows, columns) in pixels: nearest or bilinear.

    Args:
        images: float32.
        down: the places along the height.
        right: the places along the width.
        order: 0, the nearest pixel; 1, bilinear.
        fill: what lies beyond the border.
        value: for `constant`: of every place beyond the border, with no blending.
    """
    n, height, width, channels = images.shape
    flat = images.reshape(-1, channels)
    base = (np.arange(n) * (height * width)).reshape(n, 1, 1)
    down, outside_down = folded(down, height, fill)
    right, outside_right = folded(right, width, fill)
    y0, y1, dy = _neighbors(down, height, order)
    x0, x1, dx = _neighbors(right, width, order)
    upper, lower = base + y0 * width, base + y1 * width
    result: NDArray[np.float32] = np.take(flat, upper + x0, axis=0)
    if order:
        dx, dy = dx[..., np.newaxis], dy[..., np.newaxis]
        result += dx * (np.take(flat, upper + x1, axis=0) - result)
        below = np.take(flat, lower + x0, axis=0)
        below += dx * (np.take(flat, lower + x1, axis=0) - below)
        result += dy * (below - result)
    if outside_down is not None and outside_right is not None:
        result[outside_down | outside_right] = value
    return result


def sample_grid(
    images: NDArray[np.float32],
    down: NDArray[np.float64],
    right: NDArray[np.float64],
    order: int,
    fill: Fill,
    value: float = 0.0,
) -> NDArray[np.float32]:
    """As `sample`, at the places of a grid: rows `down` (n, rows) by columns `right` (n, columns). It is faster."""
    n, height, width, channels = images.shape
    down, outside_down = folded(down, height, fill)
    right, outside_right = folded(right, width, fill)
    base = np.arange(n)[:, np.newaxis]
    y0, y1, dy = _neighbors(down, height, order)
    rows = images.reshape(n * height, width, channels)
    result: NDArray[np.float32] = np.take(rows, base * height + y0, axis=0)
    if dy.any():
        result += dy[..., np.newaxis, np.newaxis] * (np.take(rows, base * height + y1, axis=0) - result)
    x0, x1, dx = _neighbors(right, width, order)
    flat = result.reshape(-1, channels)
    start = (np.arange(n * down.shape[1]) * width).reshape(n, -1, 1)
    result = np.take(flat, start + x0[:, np.newaxis], axis=0)
    if dx.any():
        result += dx[:, np.newaxis, :, np.newaxis] * (np.take(flat, start + x1[:, np.newaxis], axis=0) - result)
    if outside_down is not None and outside_right is not None:
        result[outside_down[:, :, np.newaxis] | outside_right[:, np.newaxis]] = value
    return result
