"""Convolutions and dense layers."""

from __future__ import annotations

import math
from typing import Any

from archspec.ir.convolution_arithmetic import crop
from archspec_onnx.ops.padding import auto_pad, padded, window_sides
from archspec_onnx.ops.row import Fragment, Row, onnx_pads
from archspec_onnx.ops.tokens import affine


def conv(layer: Fragment) -> str:
    return _convolved(layer, *layer.weights)


def standardized_conv(layer: Fragment) -> str:
    weight, *bias = layer.weights
    return _convolved(layer, _standardized(layer, weight), *bias)


def scaled_standardized_conv(layer: Fragment) -> str:
    weight, *bias, gain = layer.weights
    count = layer.types[0].channels // layer.op.groups * math.prod(layer.op.kernel)
    factors = layer.add("Mul", gain, layer.constant(layer.op.gamma * count**-0.5))
    return _convolved(layer, layer.add("Mul", _standardized(layer, weight), factors), *bias)


def _standardized(layer: Fragment, weight: str) -> str:
    axes = [*range(1, 2 + len(layer.op.kernel))]
    centered = layer.add("Sub", weight, layer.reduced("ReduceMean", weight, axes))
    variance = layer.reduced("ReduceMean", layer.add("Mul", centered, centered), axes)
    return layer.add("Div", centered, layer.add("Sqrt", layer.add("Add", variance, layer.constant(layer.op.eps))))


def _convolved(layer: Fragment, *weights: str) -> str:
    op, x = layer.op, layer.x
    sides = window_sides(layer, op.stride, op.dilation)
    if sides is None:
        x, sides = padded(layer, 0.0, op.stride, op.dilation), {}
    return layer.add(
        "Conv",
        x,
        *weights,
        kernel_shape=list(op.kernel),
        strides=list(op.stride),
        dilations=list(op.dilation),
        group=op.groups,
        **sides,
    )


def conv_transpose(layer: Fragment) -> str:
    """What `same` leaves out or adds is the same for every size, so it can be numbers."""
    op, x = layer.op, layer.x
    ends = crop(op.kernel, op.stride, op.padding, op.output_padding, op.dilation)
    added = [*op.output_padding]
    if op.padding.is_same:  # where it would have to leave out less than nothing, it adds
        added = [max(-after, 0) for _, after in ends]
    if any(more >= step for more, step in zip(added, op.stride, strict=True)):
        # ONNX Runtime adds less than a stride. A row of zeros more gives a stride's rows; what is too much is left out.
        rows = [-(-more // step) for more, step in zip(added, op.stride, strict=True)]
        x = layer.pad(x, layer.by_axis(tuple((0, count) for count in rows)), layer.constant(0))
        axes = zip(ends, rows, op.stride, strict=True)
        ends = tuple((before, after + count * step) for (before, after), count, step in axes)
        added = [0] * len(added)
    left_out = tuple((before, after + more) for (before, after), more in zip(ends, added, strict=True))
    sides: dict[str, Any] = {"pads": onnx_pads(left_out)}
    if layer.exact and op.padding.is_same and not any(added):
        sides = auto_pad(op.padding)
    return layer.add(
        "ConvTranspose",
        x,
        *layer.weights,
        kernel_shape=list(op.kernel),
        strides=list(op.stride),
        dilations=list(op.dilation),
        group=op.groups,
        output_padding=added if any(added) else None,
        **sides,
    )


def dense(layer: Fragment) -> str:
    if layer.rank == 1:
        return layer.add("Gemm", layer.x, *layer.weights, transB=1)
    weight, *bias = layer.weights
    if layer.op.axis == "channels":
        last = layer.add("Transpose", layer.x, perm=[0, *range(2, layer.rank + 1), 1])
        mapped = affine(layer, last, weight, bias[0] if bias else None)
        return layer.add("Transpose", mapped, perm=[0, layer.rank, *range(1, layer.rank)])
    return affine(layer, layer.x, weight, bias[0] if bias else None)


ROWS: dict[str, Row] = {
    "conv": conv,
    "standardized_conv": standardized_conv,
    "scaled_standardized_conv": scaled_standardized_conv,
    "conv_transpose": conv_transpose,
    "dense": dense,
}
