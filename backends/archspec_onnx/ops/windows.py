"""Attention within windows of an image, written out. Sizes are numbers where they are known, else worked out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from archspec_onnx.ops.row import Fragment, Row
from archspec_onnx.ops.sizes import Size, size_of, vector, worked_out
from archspec_onnx.ops.tokens import affine

_END = 2**63 - 1
_APART = -100.0
"""What is added to the score of pixels that do not see each other."""


@dataclass(frozen=True, slots=True)
class WindowAxis:
    """Height or width: its place in an image with channels last, and sizes."""

    axis: int
    window: int
    size: Size
    count: Size
    padded: Size
    shift: Size
    """How far it is shifted: not at all where there is one window."""

    @classmethod
    def of(cls, layer: Fragment, index: int) -> WindowAxis:
        """That of the first axis in space, or of the second."""
        window, shift = layer.op.window[index], layer.op.shift[index]
        size = size_of(layer, 2 + index)
        count = worked_out(layer, "Div", worked_out(layer, "Add", size, window - 1), window)
        alone = worked_out(layer, "Div", 1, count)
        by = worked_out(layer, "Mul", shift, worked_out(layer, "Sub", 1, alone)) if shift else 0
        return cls(1 + index, window, size, count, worked_out(layer, "Mul", count, window), by)


def window_attention(layer: Fragment) -> str:
    axes = [WindowAxis.of(layer, index) for index in range(2)]
    width = layer.types[0].channels
    x = _padded(layer, layer.add("Transpose", layer.x, perm=[0, 2, 3, 1]), axes)
    x = _rolled(layer, x, axes)
    x = _to_windows(layer, x, axes, width)
    x = _attended(layer, x, axes)
    inner = [axes[0].window, axes[1].window]
    x = layer.add("Reshape", x, vector(layer, -1, axes[0].count, axes[1].count, *inner, width))
    x = layer.add("Transpose", x, perm=[0, 3, 1, 4, 2, 5] if layer.op.grid else [0, 1, 3, 2, 4, 5])
    x = layer.add("Reshape", x, vector(layer, -1, axes[0].padded, axes[1].padded, width))
    x = _rolled(layer, x, axes, back=True)
    if any(each.size != each.padded or isinstance(each.size, str) for each in axes):
        ends = vector(layer, axes[0].size, axes[1].size)
        x = layer.add("Slice", x, layer.shape(0, 0), ends, layer.shape(1, 2))
    return layer.add("Transpose", x, perm=[0, 3, 1, 2])


def _padded(layer: Fragment, x: str, axes: Sequence[WindowAxis]) -> str:
    """With zeros below and to the right, so that windows fit."""
    after = [worked_out(layer, "Sub", each.padded, each.size) for each in axes]
    if after == [0, 0]:
        return x
    return layer.add("Pad", x, vector(layer, 0, 0, 0, 0, 0, *after, 0), layer.constant(0.0))


def _rolled(layer: Fragment, x: str, axes: Sequence[WindowAxis], *, back: bool = False) -> str:
    """Shifted up and to the left, or back; what leaves at one end comes in at the other."""
    for each in axes:
        if each.shift == 0:
            continue
        cut = vector(layer, worked_out(layer, "Sub", each.padded, each.shift) if back else each.shift)
        axis = layer.shape(each.axis)
        first = layer.add("Slice", x, layer.shape(0), cut, axis)
        last = layer.add("Slice", x, cut, layer.shape(_END), axis)
        x = layer.add("Concat", last, first, axis=each.axis)
    return x


def _to_windows(layer: Fragment, x: str, axes: Sequence[WindowAxis], width: int) -> str:
    """Images (N, H, W, C) as windows (N, windows, pixels, C)."""
    pixels = layer.op.pixels
    if layer.op.grid:
        sizes: list[Size] = [size for each in axes for size in (each.window, each.count)]
        order = [0, 2, 4, 1, 3, 5]
    else:
        sizes = [size for each in axes for size in (each.count, each.window)]
        order = [0, 1, 3, 2, 4, 5]
    x = layer.add("Transpose", layer.add("Reshape", x, vector(layer, -1, *sizes, width)), perm=order)
    windows = worked_out(layer, "Mul", axes[0].count, axes[1].count)
    return layer.add("Reshape", x, vector(layer, -1, windows, pixels, width))


def _attended(layer: Fragment, x: str, axes: Sequence[WindowAxis]) -> str:
    """Windows (N, windows, pixels, C) of what their pixels see."""
    op, width = layer.op, layer.types[0].channels
    given = dict(zip((weight.name for weight in op.weights(layer.types)), layer.weights, strict=True))
    within, out = op.maps
    bias = given.get(f"{within}.bias")
    if op.has_biases_apart:
        zeros = layer.add("Mul", given["v_bias"], layer.constant(0.0))
        bias = layer.add("Concat", given["q_bias"], zeros, given["v_bias"], axis=0)
    elif op.scores == "cosine" and bias is not None:  # keys have none
        query_bias, key_bias, value_bias = layer.parts(bias, 3, axis=0)
        zeros = layer.add("Mul", key_bias, layer.constant(0.0))
        bias = layer.add("Concat", query_bias, zeros, value_bias, axis=0)
    by_head = layer.shape(0, 0, 0, op.heads, width // op.heads)
    query, key, value = (
        layer.add("Transpose", layer.add("Reshape", part, by_head), perm=[0, 1, 3, 2, 4])
        for part in layer.parts(affine(layer, x, given[f"{within}.weight"], bias), 3, axis=3)
    )
    if op.scores == "dot":
        scale = (width // op.heads) ** -0.5 if op.scale is None else op.scale
        query = layer.add("Mul", query, layer.constant(scale))
    if layer.is_low:  # products may be too large, and exponentials lose too much
        query, key = layer.wide(query), layer.wide(key)
        given |= {name: layer.wide(given[name]) for name in given if not name.startswith((within, out))}
    with layer.in_float32() as narrow:
        if op.scores == "cosine":
            query, key = (_normalized(layer, part) for part in (query, key))
        scores = layer.add("MatMul", query, layer.add("Transpose", key, perm=[0, 1, 2, 4, 3]))
        if op.scores == "cosine":
            most = layer.add("Min", layer.add("Exp", given["logit_scale"]), layer.constant(100.0))
            scores = layer.add("Mul", scores, most)
        scores = layer.add("Add", scores, _position_bias(layer, given))
        if any(each.shift != 0 for each in axes):
            scores = layer.add("Add", scores, _mask(layer, axes))
        shares = narrow(layer.add("Softmax", scores, axis=-1))
    mixed = layer.add("Transpose", layer.add("MatMul", shares, value), perm=[0, 1, 3, 2, 4])
    mixed = layer.add("Reshape", mixed, layer.shape(0, 0, 0, width))
    return affine(layer, mixed, given[f"{out}.weight"], given.get(f"{out}.bias"))


def _normalized(layer: Fragment, x: str) -> str:
    """Divided by its length, or by 1e-12 where it is less."""
    length = layer.reduced("ReduceL2", x, [-1], keepdims=1)
    return layer.add("Div", x, layer.add("Max", length, layer.constant(1e-12)))


def _position_bias(layer: Fragment, given: dict[str, str]) -> str:
    """A number for each head and two pixels of a window, (heads, pixels, pixels)."""
    op = layer.op
    index = layer.add("Reshape", layer.shape(*_index(op.window).ravel().tolist()), layer.shape(op.pixels, op.pixels))
    if op.has_head_maps:
        table = layer.add("Reshape", given[op.table], layer.shape(op.heads, -1))
        back = layer.add("Sub", layer.number(math.prod(op.offsets) - 1), index)  # offsets of keys from queries
        return layer.add("Gather", table, back, axis=1)
    if op.scores == "dot":
        return layer.add("Transpose", layer.add("Gather", given[op.table], index), perm=[2, 0, 1])
    hidden = affine(layer, layer.constant(_offsets(op.window)), given["cpb_mlp.0.weight"], given["cpb_mlp.0.bias"])
    table = affine(layer, layer.add("Relu", hidden), given["cpb_mlp.2.weight"], None)
    found = layer.add("Transpose", layer.add("Gather", table, index), perm=[2, 0, 1])
    return layer.add("Mul", layer.add("Sigmoid", found), layer.constant(16.0))


def _index(window: Sequence[int]) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """For each pixel of a window, and each that it looks at, the row of their offset in a table."""
    row, column = (places.ravel() for places in np.indices(tuple(window)))
    height, width = window
    down = row[:, None] - row + height - 1
    index: np.ndarray[tuple[int, ...], np.dtype[np.int64]] = (
        down * (2 * width - 1) + column[:, None] - column + width - 1
    )
    return index


def _offsets(window: Sequence[int]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """All offsets (offsets, 2) from -8 to 8 and then log-spaced, in float32 as torchvision keeps them."""
    sides = [np.arange(1 - size, size) * 8 / max(size - 1, 1) for size in window]
    table = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 2)
    spaced: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = np.sign(table) * np.log2(np.abs(table) + 1) / 3
    return spaced.astype(np.float32)


def _mask(layer: Fragment, axes: Sequence[WindowAxis]) -> str:
    """What is added for pixels of a window that come from opposite ends of the image, (windows, 1, pixels, pixels)."""
    labels = [_label(layer, each) for each in axes]
    three = layer.add("Mul", labels[0], layer.shape(3))
    label = layer.add("Add", layer.add("Unsqueeze", three, layer.shape(1)), labels[1])
    sizes: list[Size] = [size for each in axes for size in (each.count, each.window)]
    label = layer.add("Transpose", layer.add("Reshape", label, vector(layer, *sizes)), perm=[0, 2, 1, 3])
    label = layer.add("Reshape", label, layer.shape(-1, math.prod(layer.op.window)))
    pairs = [layer.add("Unsqueeze", label, layer.shape(*axis)) for axis in ((1, 2), (1, 3))]
    same = layer.add("Equal", *pairs)
    return layer.add("Where", same, layer.constant(0.0), layer.constant(_APART))


def _label(layer: Fragment, each: WindowAxis) -> str:
    """0, 1 in the last window, and 2 for what has come from the other end, along an axis."""
    end = layer.add("Squeeze", vector(layer, each.padded))
    place = layer.add("Range", layer.number(0), end, layer.number(1))
    before = [
        worked_out(layer, "Sub", worked_out(layer, "Sub", each.padded, size), 1) for size in (each.window, each.shift)
    ]
    later = [
        layer.add("Cast", layer.add("Greater", place, vector(layer, size)), to=TensorProto.INT64) for size in before
    ]
    return layer.add("Add", *later)


ROWS: dict[str, Row] = {"window_attention": window_attention}
