"""Ops that move numbers and compute none, or only what stands between them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from archspec_onnx.ops.row import Fragment, Row, unary
from archspec_onnx.ops.sizes import Size, size_of, vector, worked_out

_WRAP = 19
"""The opset from which on `Pad` has the mode wrap."""
_END = 2**63 - 1
"""Where a slice ends that has no end."""


def reshape(layer: Fragment) -> str:
    return layer.add("Reshape", layer.x, layer.shape(0, *layer.op.shape))


def channel_shuffle(layer: Fragment) -> str:
    """Channel k of each group in turn."""
    order = np.arange(layer.types[0].channels).reshape(layer.op.groups, -1).T
    return _in_order(layer, layer.x, order)


def _in_order(layer: Fragment, x: str, order: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> str:
    """Channels in another order: one Gather, whatever the sizes in space."""
    return layer.add("Gather", x, layer.shape(*order.ravel().tolist()), axis=1)


def split(layer: Fragment) -> str | Sequence[str]:
    if layer.op.index is None:
        return layer.parts(layer.x, layer.op.parts, layer.axis)
    size = layer.types[0].channels // layer.op.parts
    return _slice(layer, layer.op.index * size, (layer.op.index + 1) * size)


def slice_channels(layer: Fragment) -> str:
    return _slice(layer, layer.op.start, _END if layer.op.stop is None else layer.op.stop)


def _slice(layer: Fragment, start: int, end: int) -> str:
    return layer.add("Slice", layer.x, layer.shape(start), layer.shape(end), layer.shape(layer.axis))


def pad(layer: Fragment) -> str:
    op = layer.op
    # No opset has the one, newer ones have the other, few runtimes do: ONNX's own is what ours is judged by.
    if op.mode == "symmetric" or (op.mode == "circular" and not (layer.exact and layer.opset >= _WRAP)):
        return _pad_by_index(layer)
    value = layer.constant(op.value) if op.mode == "constant" else ""
    mode = "wrap" if op.mode == "circular" else op.mode
    return layer.pad(layer.x, layer.by_axis(op.padding.sides), value, mode)


def _pad_by_index(layer: Fragment) -> str:
    """Elements of the input by their places, along one axis after the other."""
    x = layer.x
    for axis, (before, after) in layer.by_axis(layer.op.padding.sides).items():
        size = layer.add("Shape", layer.x, start=axis, end=axis + 1)
        end = layer.add("Squeeze", layer.add("Add", size, layer.shape(after)))
        place = layer.add("Range", layer.number(-before), end, layer.number(1))
        if layer.op.mode == "circular":
            place = layer.add("Mod", place, size)
        else:
            last = layer.add("Sub", layer.add("Add", size, size), layer.shape(1))
            mirrored = layer.add("Max", place, layer.add("Sub", layer.shape(-1), place))
            place = layer.add("Min", mirrored, layer.add("Sub", last, place))
        x = layer.add("Gather", x, place, axis=axis)
    return x


def crop(layer: Fragment) -> str:
    sides = layer.op.cropping.sides
    ends = layer.shape(*(-after if after else _END for _, after in sides))
    starts = layer.shape(*(before for before, _ in sides))
    return layer.add("Slice", layer.x, starts, ends, layer.shape(*layer.places))


def pad_to_multiple(layer: Fragment) -> str:
    after: list[Size] = []
    for axis, each in zip(layer.places, layer.op.multiple, strict=True):
        size = size_of(layer, axis)
        count = worked_out(layer, "Div", worked_out(layer, "Add", size, each - 1), each)
        after.append(worked_out(layer, "Sub", worked_out(layer, "Mul", count, each), size))
    if not any(after):
        return layer.add("Identity", layer.x)
    known = [count for count in after if not isinstance(count, str)]
    if len(known) == len(after):
        return layer.pad(
            layer.x, {axis: (0, n) for axis, n in zip(layer.places, known, strict=True)}, layer.constant(0.0)
        )
    return layer.add("Pad", layer.x, vector(layer, *[0] * (len(after) + 4), *after), layer.constant(0.0))


def roll(layer: Fragment) -> str:
    """The end of each axis before its beginning."""
    x = layer.x
    for axis, shift in zip(layer.places, layer.op.shift, strict=True):
        size = size_of(layer, axis)
        cut = -shift % size if isinstance(size, int) else layer.add("Mod", layer.shape(-shift), size)
        if cut == 0 or shift == 0:
            continue
        at, along = vector(layer, cut), layer.shape(axis)
        last = layer.add("Slice", x, at, layer.shape(_END), along)
        x = layer.add("Concat", last, layer.add("Slice", x, layer.shape(0), at, along), axis=axis)
    return layer.add("Identity", x) if x == layer.x else x


def rearrange(layer: Fragment) -> str:
    axes, given = layer.op.axes, iter(layer.op.sizes or ())
    extents: dict[str, Size] = {}
    for axis, group in enumerate(axes.before, start=1):
        size = size_of(layer, axis)
        parts = [next(given) for _ in group] if len(group) > 1 else [-1]
        known = math.prod(part for part in parts if part != -1)
        for name, part in zip(group, parts, strict=True):
            extents[name] = worked_out(layer, "Div", size, known) if part == -1 else part
    x = layer.x
    if axes.parts:
        x = layer.add("Reshape", x, vector(layer, -1, *extents.values()))
    x = layer.add("Transpose", x, perm=[0, *(1 + place for place in axes.order())])
    if all(len(group) == 1 for group in axes.after):
        return x
    sizes: list[Size] = []
    for group in axes.after:
        size, *others = (extents[name] for name in group)
        for other in others:
            size = worked_out(layer, "Mul", size, other)
        sizes.append(size)
    return layer.add("Reshape", x, vector(layer, -1, *sizes))


def pad_channels(layer: Fragment) -> str:
    sides = {layer.axis % (layer.rank + 1): (layer.op.before, layer.op.after)}
    return layer.pad(layer.x, sides, layer.constant(0.0))


def depth_to_space(layer: Fragment) -> str:
    return layer.add("DepthToSpace", layer.x, blocksize=layer.op.block, mode="CRD")


def space_to_depth(layer: Fragment) -> str:
    """ONNX's operator has the channels of one place of all blocks next to each other; here a block's are."""
    block = layer.op.block
    apart = layer.add("SpaceToDepth", layer.x, blocksize=block)
    return _in_order(layer, apart, np.arange(layer.types[0].channels * block * block).reshape(block * block, -1).T)


ROWS: dict[str, Row] = {
    "identity": unary("Identity"),
    "flatten": unary("Flatten", axis=1),
    "reshape": reshape,
    "channel_shuffle": channel_shuffle,
    "split": split,
    "slice_channels": slice_channels,
    "pad": pad,
    "crop": crop,
    "pad_to_multiple": pad_to_multiple,
    "roll": roll,
    "rearrange": rearrange,
    "pad_channels": pad_channels,
    "depth_to_space": depth_to_space,
    "space_to_depth": space_to_depth,
}
