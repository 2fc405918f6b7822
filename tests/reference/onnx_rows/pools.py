"""Pools."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.reference.onnx_rows.fragment import Fragment, Row, onnx_pads


def _padded(layer: Fragment, value: float) -> str:
    """The operand with its padding written out: the reference evaluator's MaxPool takes some sides for others."""
    top, left, bottom, right = onnx_pads(layer.op.padding.sides)
    sides = layer.shape(0, 0, top, left, 0, 0, bottom, right)
    return str(layer.add("Pad", layer.x, sides, layer.constant(value), mode="constant"))


def _window(layer: Fragment) -> dict[str, Any]:
    return {"kernel_shape": list(layer.op.kernel), "strides": list(layer.op.step)}


def max_pool(layer: Fragment) -> str:
    return str(layer.add("MaxPool", _padded(layer, -np.inf), **_window(layer)))


def avg_pool(layer: Fragment) -> str:
    pads = onnx_pads(layer.op.padding.sides)
    count = int(layer.op.count_padding)
    return str(layer.add("AveragePool", layer.x, **_window(layer), pads=pads, count_include_pad=count))


def global_avg_pool(layer: Fragment) -> str:
    return str(layer.add("ReduceMean", layer.x, layer.shape(2, 3), keepdims=int(layer.op.keep_axes)))


ROWS: dict[str, Row] = {"max_pool": max_pool, "avg_pool": avg_pool, "global_avg_pool": global_avg_pool}
