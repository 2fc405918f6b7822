"""Normalizations, written out by ONNX's definitions: its operators' own attributes are float32, 1e-5 among them."""

from __future__ import annotations

import numpy as np

from tests.reference.onnx_rows.fragment import Fragment, Row


def batch_norm(layer: Fragment) -> str:
    """BatchNormalization's formulas, the running statistics after a training step among its outputs."""
    op, rank = layer.op, layer.rank
    scale, bias, mean, variance = layer.weights
    axes = layer.shape(*[axis for axis in range(rank + 1) if axis != 1])
    if layer.training:
        count = layer.add("Div", layer.add("Size", layer.x), layer.add("Size", mean))
        running, mean = mean, layer.add("ReduceMean", layer.x, axes, keepdims=0)
        centred = layer.add("Sub", layer.x, _by_channel(layer, mean))
        total = layer.add("ReduceSumSquare", centred, axes, keepdims=0)
        count = layer.add("CastLike", count, mean)
        less = layer.add("Sub", count, layer.constant(float(op.variance == "unbiased")))
        layer.outputs = [
            _moved(layer, running, mean),
            _moved(layer, variance, layer.add("Div", total, less)),
        ]
        variance = layer.add("Div", total, count)
    else:
        layer.outputs = [mean, variance]
    deviation = layer.add("Sqrt", layer.add("Add", variance, layer.constant(op.eps)))
    normal = layer.add("Div", layer.add("Sub", layer.x, _by_channel(layer, mean)), _by_channel(layer, deviation))
    return str(layer.add("Add", layer.add("Mul", normal, _by_channel(layer, scale)), _by_channel(layer, bias)))


def _moved(layer: Fragment, running: str, new: str) -> str:
    kept = layer.add("Mul", running, layer.constant(layer.op.decay))
    return str(layer.add("Add", kept, layer.add("Mul", new, layer.constant(np.float64(1) - layer.op.decay))))


def _by_channel(layer: Fragment, tensor: str) -> str:
    """One number a channel, shaped so that it meets the operand."""
    return str(layer.add("Reshape", tensor, layer.shape(1, -1, *[1] * (layer.rank - 1))))


ROWS: dict[str, Row] = {"batch_norm": batch_norm}
