"""Ops that move numbers and compute none, or only what stands between them."""

from __future__ import annotations

import numpy as np

from tests.reference.onnx_rows.fragment import Fragment, Row, onnx_pads, unary


def _axis(layer: Fragment) -> int:
    """The axis of channels or features in a batch."""
    return -1 if layer.rank == 2 else 1


def _reordered(layer: Fragment, split: list[int], order: list[int], joined: list[int]) -> str:
    """Reshape, transpose and reshape; the batch stays what it is (0 in ONNX's Reshape)."""
    parts = layer.add("Reshape", layer.x, layer.shape(0, *split))
    turned = layer.add("Transpose", parts, perm=[0, *order])
    return str(layer.add("Reshape", turned, layer.shape(0, *joined)))


def reshape(layer: Fragment) -> str:
    return str(layer.add("Reshape", layer.x, layer.shape(0, *layer.op.shape)))


def channel_shuffle(layer: Fragment) -> str:
    channels, height, width = layer.shapes[0]
    groups = layer.op.groups
    return _reordered(layer, [groups, channels // groups, height, width], [2, 1, 3, 4], [channels, height, width])


def split(layer: Fragment) -> str:
    parts = layer.op.parts
    found = layer.add("Split", layer.x, results=parts, axis=_axis(layer), num_outputs=parts)
    return str(found if parts == 1 else found[layer.op.index])


def slice_channels(layer: Fragment) -> str:
    stop = np.iinfo(np.int64).max if layer.op.stop is None else layer.op.stop
    places = (layer.op.start, stop, _axis(layer))
    return str(layer.add("Slice", layer.x, *map(layer.shape, places)))


def pad(layer: Fragment) -> str:
    top, left, bottom, right = onnx_pads(layer.op.padding.sides)
    sides = layer.shape(0, 0, top, left, 0, 0, bottom, right)
    return str(layer.add("Pad", layer.x, sides, layer.constant(layer.op.value), mode=layer.op.mode))


def crop(layer: Fragment) -> str:
    _, height, width = layer.shapes[0]
    top, bottom, left, right = layer.op.cropping.sides
    ends = layer.shape(height - bottom, width - right)
    return str(layer.add("Slice", layer.x, layer.shape(top, left), ends, layer.shape(2, 3)))


def pad_channels(layer: Fragment) -> str:
    axis = 1 if layer.rank == 3 else layer.rank
    sides = [0] * (2 * (layer.rank + 1))
    sides[axis], sides[layer.rank + 1 + axis] = layer.op.before, layer.op.after
    return str(layer.add("Pad", layer.x, layer.shape(*sides), layer.constant(0.0), mode="constant"))


def upsample(layer: Fragment) -> str:
    """Resize of height, then of width, each as the product with its matrix: ONNX's scales are float32."""
    _, height, width = layer.shapes[0]
    rows = layer.constant(_weights(height, layer.op.factor[0], layer.op.mode))
    columns = layer.constant(_weights(width, layer.op.factor[1], layer.op.mode).T)
    return str(layer.add("MatMul", layer.add("MatMul", rows, layer.x), columns))


def _weights(size: int, factor: int, mode: str) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Resize along one axis (factor * size, size): half_pixel, linear, and the edge's elements beyond the edge."""
    found = np.zeros((size * factor, size))
    for place in range(size * factor):
        if mode == "nearest":
            found[place, place // factor] = 1
            continue
        origin = (place + 0.5) / factor - 0.5
        low = int(np.floor(origin))
        found[place, max(low, 0)] += 1 - (origin - low)
        found[place, min(low + 1, size - 1)] += origin - low
    return found


def depth_to_space(layer: Fragment) -> str:
    return str(layer.add("DepthToSpace", layer.x, blocksize=layer.op.block, mode="CRD"))


def space_to_depth(layer: Fragment) -> str:
    """Written out: ONNX's SpaceToDepth knows the other order of channels alone."""
    block = layer.op.block
    channels, height, width = layer.shapes[0]
    height, width = height // block, width // block
    split = [channels, height, block, width, block]
    return _reordered(layer, split, [1, 3, 5, 2, 4], [channels * block * block, height, width])


ROWS: dict[str, Row] = {
    "identity": unary("Identity"),
    "flatten": unary("Flatten", axis=1),
    "reshape": reshape,
    "channel_shuffle": channel_shuffle,
    "split": split,
    "slice_channels": slice_channels,
    "pad": pad,
    "crop": crop,
    "pad_channels": pad_channels,
    "upsample": upsample,
    "depth_to_space": depth_to_space,
    "space_to_depth": space_to_depth,
}
