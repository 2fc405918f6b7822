"""Normalizations, written out by ONNX's definitions: its operators' own attributes are float32, 1e-5 among them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.reference.onnx_rows.fragment import Fragment, Row


def batch_norm(layer: Fragment) -> str:
    """BatchNormalization's formulas, the running statistics after a training step among its outputs."""
    op, rank = layer.op, layer.rank
    *affine, mean, variance = layer.weights
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
    return _affine(layer, normal, affine)


def _moved(layer: Fragment, running: str, new: str) -> str:
    kept = layer.add("Mul", running, layer.constant(layer.op.decay))
    return str(layer.add("Add", kept, layer.add("Mul", new, layer.constant(np.float64(1) - layer.op.decay))))


def _by_channel(layer: Fragment, tensor: str) -> str:
    """One number a channel, shaped so that it meets the operand."""
    if layer.rank == 2:  # features are the last axis of tokens
        return tensor
    return str(layer.add("Reshape", tensor, layer.shape(1, -1, *[1] * (layer.rank - 1))))


def _affine(layer: Fragment, normal: str, weights: Sequence[str]) -> str:
    """The learned scale and shift, if there are any."""
    if not weights:
        return normal
    scale, bias = (_by_channel(layer, weight) for weight in weights)
    return str(layer.add("Add", layer.add("Mul", normal, scale), bias))


def _normal(layer: Fragment, x: str, *axes: int) -> str:
    """Mean 0 and variance 1 over some axes: the function body of LayerNormalization and its kin."""
    over = layer.shape(*axes)
    centred = layer.add("Sub", x, layer.add("ReduceMean", x, over))
    variance = layer.add("ReduceMean", layer.add("Mul", centred, centred), over)
    deviation = layer.add("Sqrt", layer.add("Add", variance, layer.constant(layer.op.eps)))
    return str(layer.add("Div", centred, deviation))


def layer_norm(layer: Fragment) -> str:
    return _affine(layer, _normal(layer, layer.x, 1 if layer.rank == 3 else -1), layer.weights)


def instance_norm(layer: Fragment) -> str:
    return _affine(layer, _normal(layer, layer.x, 2, 3), layer.weights)


def group_norm(layer: Fragment) -> str:
    """GroupNormalization (21): a scale for each channel, not for each group."""
    groups = layer.add("Reshape", layer.x, layer.shape(0, layer.op.groups, -1))
    normal = layer.add("Reshape", _normal(layer, groups, 2), layer.add("Shape", layer.x))
    return _affine(layer, normal, layer.weights)


def local_response_norm(layer: Fragment) -> str:
    """LRN's formula: the squares of `size` channels, the middle one x's own, absent ones left out."""
    op, channels = layer.op, layer.shapes[0][0]
    squares, reach = layer.add("Mul", layer.x, layer.x), (layer.op.size - 1) // 2
    sums = []
    for channel in range(channels):
        first, last = max(0, channel - reach), min(channels - 1, channel + reach)
        window = layer.add("Slice", squares, layer.shape(first), layer.shape(last + 1), layer.shape(1))
        sums.append(layer.add("ReduceSum", window, layer.shape(1)))
    mean = layer.add("Div", layer.add("Concat", *sums, axis=1), layer.constant(op.size))
    base = layer.add("Add", layer.constant(op.k), layer.add("Mul", layer.constant(op.alpha), mean))
    return str(layer.add("Div", layer.x, layer.add("Pow", base, layer.constant(op.beta))))


ROWS: dict[str, Row] = {
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    "local_response_norm": local_response_norm,
}
