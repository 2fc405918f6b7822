"""Pools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.reference.onnx_rows.fragment import Fragment, Row, onnx_pads


def _padded(layer: Fragment, value: float) -> str:
    """The operand with its padding written out: the reference evaluator's MaxPool takes some sides for others."""
    return _pad(layer, layer.x, onnx_pads(layer.op.padding.sides), value)


def _pad(layer: Fragment, tensor: str, pads: Sequence[int], value: float) -> str:
    top, left, bottom, right = pads
    sides = layer.shape(0, 0, top, left, 0, 0, bottom, right)
    return str(layer.add("Pad", tensor, sides, layer.constant(value), mode="constant"))


def _missing(layer: Fragment) -> list[int]:
    """What windows of `ceil_mode` lack at the end, by the operator's formula for the output's size.

    Written out since the reference evaluator adds half of it at the beginning.
    """
    op, found = layer.op, [0, 0, 0, 0]
    if not op.ceil_mode or op.padding.mode == "same":
        return found
    sizes, pads = layer.shapes[0][1:], onnx_pads(op.padding.sides)
    for axis, (size, kernel, stride) in enumerate(zip(sizes, op.kernel, op.step, strict=True)):
        before, after = pads[axis], pads[axis + 2]
        count = -(-(size + before + after - kernel) // stride) + 1
        if (count - 1) * stride >= size + before:
            count -= 1
        found[axis + 2] = max((count - 1) * stride + kernel - (size + before + after), 0)
    return found


def _window(layer: Fragment) -> dict[str, Any]:
    return {"kernel_shape": list(layer.op.kernel), "strides": list(layer.op.step)}


def _same(layer: Fragment) -> bool:
    """Whether `same` is left to ONNX; the evaluator fails where windows lie apart, and counts what is padded."""
    op = layer.op
    apart = any(window < step for window, step in zip(op.kernel, op.step, strict=True))
    return op.padding.mode == "same" and not apart and not getattr(op, "count_padding", False)


def max_pool(layer: Fragment) -> str:
    if _same(layer):
        return str(layer.add("MaxPool", layer.x, **_window(layer), auto_pad="SAME_UPPER"))
    padded = _pad(layer, _padded(layer, -np.inf), _missing(layer), -np.inf)
    return str(layer.add("MaxPool", padded, **_window(layer)))


def avg_pool(layer: Fragment) -> str:
    """Padding that counts is part of the operand; what does not is the operator's, by the definition of its mean."""
    if _same(layer):
        return str(layer.add("AveragePool", layer.x, **_window(layer), auto_pad="SAME_UPPER"))
    pads, missing = onnx_pads(layer.op.padding.sides), _missing(layer)
    if layer.op.count_padding:
        return str(layer.add("AveragePool", _padded(layer, 0.0), **_window(layer), pads=missing))
    pads = [side + more for side, more in zip(pads, missing, strict=True)]
    return str(layer.add("AveragePool", layer.x, **_window(layer), pads=pads))


def _global(kind: str) -> Row:
    def row(layer: Fragment) -> str:
        axes = (2, 3) if layer.rank == 3 else (1,)
        return str(layer.add(kind, layer.x, layer.shape(*axes), keepdims=int(layer.op.keep_axes)))

    return row


def adaptive_avg_pool(layer: Fragment) -> str:
    """The mean of each window, written out: rows floor(i * H / n) to ceil((i + 1) * H / n), columns likewise."""
    result = layer.x
    for axis, size, count in zip((2, 3), layer.shapes[0][1:], layer.op.size, strict=True):
        means: list[str] = []
        for index in range(count):
            ends = layer.shape(index * size // count), layer.shape(-(-(index + 1) * size // count))
            window = layer.add("Slice", result, *ends, layer.shape(axis))
            means.append(layer.add("ReduceMean", window, layer.shape(axis), keepdims=1))
        result = layer.add("Concat", *means, axis=axis)
    return str(result)


ROWS: dict[str, Row] = {
    "max_pool": max_pool,
    "avg_pool": avg_pool,
    "global_avg_pool": _global("ReduceMean"),
    "global_max_pool": _global("ReduceMax"),
    "adaptive_avg_pool": adaptive_avg_pool,
}
