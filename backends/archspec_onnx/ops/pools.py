"""Pools."""

from __future__ import annotations

import math
from operator import lt
from typing import Any, Final

import numpy as np

from archspec.ir.attributes import PerAxis, Sides
from archspec.ir.convolution_arithmetic import beyond_padding
from archspec_onnx.ops.padding import padded, window_sides
from archspec_onnx.ops.row import Fragment, Row, float32_row, onnx_pads


def _window(layer: Fragment) -> dict[str, Any]:
    op = layer.op
    sides = window_sides(layer, op.step, _ones(layer))
    assert sides is not None  # no pool has a dilation
    ceil = op.ceil_mode and not op.padding.is_same
    if ceil and _ceil_is_padding(layer):
        sides, ceil = {"pads": onnx_pads(_with_beyond(layer))}, False
    return {"kernel_shape": list(op.kernel), "strides": list(op.step), "ceil_mode": int(ceil) or None, **sides}


def _ceil_is_padding(layer: Fragment) -> bool:
    """Whether windows that reach beyond the padding are given more of it: runtimes differ in what `ceil_mode` does.

    In float64 it is left to ONNX: it is what archspec's own sides are judged by.
    """
    return not layer.exact or layer.opset < _CEIL


_CEIL: Final = 22
"""The opset from which on shapes are inferred without the windows of `ceil_mode` that begin beyond the input."""

_APART: Final = 19
"""The opset from which on ONNX Runtime's average pool takes an `auto_pad` whose windows lie apart."""


def _with_beyond(layer: Fragment) -> Sides:
    """The sides of a window with what `ceil_mode` lets it reach beyond them: it then rounds down to as many windows."""
    op = layer.op
    beyond = beyond_padding(op.kernel, op.step, op.padding.sides)
    return tuple((before, after + more) for (before, after), more in zip(op.padding.sides, beyond, strict=True))


def max_pool(layer: Fragment) -> str:
    op, given, x = layer.op, _window(layer), layer.x
    if "auto_pad" in given and not layer.exact and any(map(lt, op.kernel, op.step)):
        # Windows that lie apart may end before the input does: ONNX Runtime takes that for negative padding, and fails.
        del given["auto_pad"]
        x = x if set(op.kernel) == {1} else padded(layer, -math.inf, op.step, _ones(layer))
    return layer.add("MaxPool", x, **given)


def avg_pool(layer: Fragment) -> str:
    op, given, x = layer.op, _window(layer), layer.x
    if any(max(side) >= window for side, window in zip(op.padding.sides, op.kernel, strict=True)):
        # Only where padding counts, so that it is as good as elements; ONNX Runtime pads less than the kernel covers.
        del given["pads"]
        x = layer.pad(x, layer.by_axis(op.padding.sides), layer.constant(0))
    if "auto_pad" in given and not layer.exact and layer.opset < _APART and any(map(lt, op.kernel, op.step)):
        del given["auto_pad"]
        return _mean_apart(layer, given)
    if op.count_padding and op.ceil_mode and not op.padding.is_same and _ceil_is_padding(layer):
        x = layer.pad(x, layer.by_axis(op.padding.sides), layer.constant(0))
        beyond = beyond_padding(op.kernel, op.step, op.padding.sides)  # which does not count
        return layer.add("AveragePool", x, **given | {"pads": onnx_pads(tuple((0, more) for more in beyond))})
    counted = int(op.count_padding) or None
    return layer.add("AveragePool", x, **given, count_include_pad=counted)


def _mean_apart(layer: Fragment, given: dict[str, Any]) -> str:
    """The mean under windows that lie apart, with the padding of `same` worked out where the model runs."""
    op, ones = layer.op, _ones(layer)
    total = layer.add("AveragePool", padded(layer, 0.0, op.step, ones), **given)
    if op.count_padding:
        return total
    size = layer.add("Concat", layer.shape(1, 1), layer.add("Shape", layer.x, start=2), axis=0)
    elements = padded(layer, 0.0, op.step, ones, layer.add("Expand", layer.constant(1), size))
    return layer.add("Div", total, layer.add("AveragePool", elements, **given))


def _global(kind: str, reduction: str) -> Row:
    def row(layer: Fragment) -> str:
        if layer.places and layer.op.keep_axes:
            return layer.add(kind, layer.x)
        axes = layer.places or (1,)
        return layer.reduced(reduction, layer.x, axes, keepdims=int(layer.op.keep_axes))

    return row


def adaptive_avg_pool(layer: Fragment) -> str:
    """Products with averaging matrices, (n, H) and (W, n): rows floor(i H / n) to ceil((i + 1) H / n)."""
    size: PerAxis = layer.op.size
    if set(size) == {1}:
        return layer.add("GlobalAveragePool", layer.x)
    *others, last = layer.places
    x = layer.x
    for axis, count in zip(others, size, strict=False):  # an axis is brought before the last one, and back
        order = [*range(last + 1)]
        order[axis], order[last - 1] = order[last - 1], order[axis]
        moved = x if axis == last - 1 else layer.add("Transpose", x, perm=order)
        x = layer.add("MatMul", _averages(layer, count, axis), moved)
        x = x if axis == last - 1 else layer.add("Transpose", x, perm=order)
    across = layer.add("Transpose", _averages(layer, size[-1], last), perm=[1, 0])
    return layer.add("MatMul", x, across)


def adaptive_max_pool(layer: Fragment) -> str:
    """The elements outside of a window as minus infinity, along one axis after the other."""
    size: PerAxis = layer.op.size
    if set(size) == {1}:
        return layer.add("GlobalMaxPool", layer.x)
    x, last = layer.x, layer.places[-1]
    for axis, count in zip(layer.places, size, strict=True):
        order = [*range(last + 1)]
        order[axis], order[last] = order[last], order[axis]
        moved = x if axis == last else layer.add("Transpose", x, perm=order)
        each = layer.add("Unsqueeze", moved, layer.shape(-2))
        inside, _ = _windows(layer, count, axis)
        largest = layer.add("Where", inside, each, layer.constant(-math.inf))
        x = layer.reduced("ReduceMax", largest, [-1], keepdims=0)
        x = x if axis == last else layer.add("Transpose", x, perm=order)
    return x


def blur_pool(layer: Fragment) -> str:
    """A binomial filter: means of two along each axis, one after the other."""
    two, one, x = [2] * len(layer.places), [1] * len(layer.places), layer.x
    for _ in range(layer.op.kernel - 2):
        x = layer.add("AveragePool", x, kernel_shape=two, strides=one)
    return layer.add("AveragePool", x, kernel_shape=two, strides=[*layer.op.stride])


def _ones(layer: Fragment) -> PerAxis:
    """The dilation of a pool's window."""
    return (1,) * len(layer.places)


def _averages(layer: Fragment, count: int, axis: int) -> str:
    """The matrix whose row i averages window i of `count` over the elements of an axis."""
    if not layer.resizable:
        size = layer.types[0].sizes[axis - 1]
        places = np.arange(size)
        firsts = np.arange(count) * size // count
        ends = -(-(np.arange(count) + 1) * size // count)
        inside = (places >= firsts[:, None]) & (places < ends[:, None])
        return layer.constant(inside / inside.sum(axis=1, keepdims=True))
    inside_, extents = _windows(layer, count, axis)
    return layer.add("Div", layer.add("Cast", inside_, to=layer.dtype), layer.add("Cast", extents, to=layer.dtype))


def _windows(layer: Fragment, count: int, axis: int) -> tuple[str, str]:
    """Which elements of an axis lie in which of `count` windows (rows), and how many are in each."""
    size_ = layer.add("Shape", layer.x, start=axis, end=axis + 1)
    number, one = layer.shape(count), layer.number(1)
    windows = layer.add("Unsqueeze", layer.add("Range", layer.number(0), layer.number(count), one), layer.shape(1))
    places_ = layer.add("Range", layer.number(0), layer.add("Squeeze", size_), one)
    first = layer.add("Div", layer.add("Mul", windows, size_), number)
    last = layer.add("Add", layer.add("Mul", layer.add("Add", windows, one), size_), layer.number(count - 1))
    end = layer.add("Div", last, number)  # rounded up
    inside_ = layer.add("And", layer.add("GreaterOrEqual", places_, first), layer.add("Less", places_, end))
    return inside_, layer.add("Sub", end, first)


ROWS: dict[str, Row] = {
    "max_pool": max_pool,
    "avg_pool": float32_row(avg_pool),
    "global_avg_pool": float32_row(_global("GlobalAveragePool", "ReduceMean")),
    "global_max_pool": _global("GlobalMaxPool", "ReduceMax"),
    "adaptive_avg_pool": float32_row(adaptive_avg_pool),
    "adaptive_max_pool": adaptive_max_pool,
    "blur_pool": blur_pool,
}
