"""Positions of a grid resampled for another grid, with NumPy, as libraries do it with PyTorch.

Sources: timm/layers/pos_embed.py `resample_abs_pos_embed`; torchvision/models/vision_transformer.py
`interpolate_embeddings`; https://github.com/microsoft/Swin-Transformer/blob/main/utils.py `load_pretrained`, which is
timm's `resize_rel_pos_bias_table_simple`; timm/layers/pos_embed_rel.py `resize_rel_pos_bias_table`, from BEiT.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from archspec.weights.tensors import Array

Way: TypeAlias = Literal["antialiased", "corners", "centers", "geometric"]
"""PyTorch's bicubic interpolation: antialiased; corners on corners; or centers of pixels, as it does by itself.

Or linear, between places of the old grid whose distances grow from its middle on by one factor, so that they reach as
far as the new grid.
"""
_SLOPE: Final = {"antialiased": -0.5, "corners": -0.75, "centers": -0.75}
"""That of the bicubic kernel at 1."""


def widened_floats(array: Array) -> Array:
    """Numbers as they are computed with: float64 as it is, all others as float32."""
    import numpy as np

    return array.astype(np.float64 if array.dtype.kind == "f" and array.dtype.itemsize > 4 else np.float32)


def of_its_type(found: Array, array: Array) -> Array:
    """What was computed of an array, of that one's type; whole numbers become float32."""
    return found.astype(array.dtype) if array.dtype.kind == "f" else found


def interpolated(positions: Array, old: tuple[int, int], new: tuple[int, int], way: Way) -> Array:
    """Embeddings of positions, (..., tokens, features), for another grid; the tokens before the grid stay as they are.

    Args:
        positions: the last tokens are those of the grid, row by row.
        old, new: height and width of the grid.
        way: `antialiased` as timm does it, `corners` as torchvision; the others are for offsets.
    """
    import numpy as np

    count = old[0] * old[1]
    prefix, grid = positions[..., :-count, :], positions[..., -count:, :]
    grid = widened_floats(grid).reshape(-1, *old, grid.shape[-1])
    rows, columns = (_axis_weights(before, after, way) for before, after in zip(old, new, strict=True))
    found = np.einsum("ih,nhwc,jw->nijc", rows, grid, columns, optimize=True)
    flat = found.reshape(*positions.shape[:-2], new[0] * new[1], positions.shape[-1]).astype(grid.dtype)
    return of_its_type(np.concatenate([widened_floats(prefix), flat], axis=-2), positions)


def interpolated_offsets(
    table: Array, old: tuple[int, int], new: tuple[int, int], way: Literal["centers", "geometric"]
) -> Array:
    """A bias for each offset within a window and each head, (offsets, heads), for another window.

    Args:
        table: row by row of the offsets.
        old, new: how many offsets there are along each axis: twice the window's size, less one.
        way: `centers` as Swin's authors do it, `geometric` as timm and BEiT.
    """
    return interpolated(table, old, new, way)


def _axis_weights(before: int, after: int, way: Way) -> Array:
    """What each of `after` places takes of each of `before`, along one axis."""
    return _geometric_weights(before, after) if way == "geometric" else _cubic_weights(before, after, way)


def _geometric_weights(before: int, after: int) -> Array:
    """Linear interpolation, for places from -(after // 2) to after // 2, beyond the outermost the same as there.

    The old places are 0, 1, 1 + q, 1 + q + q^2 and so on to both sides, with q from 1.01 to 1.5, by bisection, such
    that the last is about after // 2.
    """
    import numpy as np

    left, right, half = 1.01, 1.5, before // 2
    q = left
    while right - left > 1e-6:
        q = (left + right) / 2
        if (1 - q**half) / (1 - q) > after // 2:
            right = q
        else:
            left = q
    distances = np.cumsum([q**power for power in range(half)])
    places = np.concatenate([-distances[::-1], [0.0], distances]).astype(np.float32)
    wanted = np.arange(after) - after // 2
    return np.stack([np.interp(wanted, places, row) for row in np.eye(before)], axis=1)


def _cubic_weights(before: int, after: int, way: Way) -> Array:
    """What each of `after` places takes of each of `before`: PyTorch's bicubic interpolation along one axis."""
    import numpy as np

    found, slope = np.zeros((after, before)), _SLOPE[way]
    if way == "antialiased":
        scale = before / after
        wide = max(scale, 1.0)
        for row in range(after):
            center = scale * (row + 0.5)
            first, last = max(int(center - 2 * wide + 0.5), 0), min(int(center + 2 * wide + 0.5), before)
            for taken in range(first, last):
                found[row, taken] = _cubic((taken - center + 0.5) / wide, slope)
            found[row] /= found[row].sum()
        return found
    rows = np.arange(after, dtype=np.float32)  # PyTorch works places out in float32
    if way == "corners":
        places = rows * (np.float32(before - 1) / np.float32(max(1, after - 1)))
    else:
        places = (rows + np.float32(0.5)) * (np.float32(before) / np.float32(after)) - np.float32(0.5)
    for row, place in enumerate(places.tolist()):
        start = math.floor(place)
        for offset in range(-1, 3):
            taken = min(max(start + offset, 0), before - 1)
            found[row, taken] += _cubic(place - start - offset, slope)
    return found


def _cubic(x: float, a: float) -> float:
    """The kernel of bicubic interpolation with the slope `a` at 1."""
    x = abs(x)
    if x < 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a if x < 2 else 0.0
