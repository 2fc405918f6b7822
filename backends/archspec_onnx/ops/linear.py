"""Convolutions and dense layers."""

from __future__ import annotations

from typing import Any

from archspec.ir.window import crop
from archspec_onnx.ops.padding import padded, window_sides
from archspec_onnx.ops.row import Fragment, Row
from archspec_onnx.ops.tokens import affine


def conv(layer: Fragment) -> str:
    op, x = layer.op, layer.x
    sides = window_sides(layer, op.stride, op.dilation)
    if sides is None:
        x, sides = padded(layer, 0.0, op.stride, op.dilation), {}
    return layer.add(
        "Conv",
        x,
        *layer.weights,
        kernel_shape=list(op.kernel),
        strides=list(op.stride),
        dilations=list(op.dilation),
        group=op.groups,
        **sides,
    )


def conv_transpose(layer: Fragment) -> str:
    """What `same` leaves out or adds is the same for every size, so it can be numbers."""
    op, x = layer.op, layer.x
    (top, bottom), (left, right) = crop(op.kernel, op.stride, op.padding, op.output_padding, op.dilation)
    below, beside = op.output_padding
    if op.padding.mode == "same":  # where it would have to leave out less than nothing, it adds
        below, beside = max(-bottom, 0), max(-right, 0)
    if below >= op.stride[0] or beside >= op.stride[1]:
        # ONNX Runtime adds less than a stride. A row of zeros more gives a stride's rows; what is too much is left out.
        rows, columns = (-(-more // step) for more, step in zip((below, beside), op.stride, strict=True))
        x = layer.pad(x, {2: (0, rows), 3: (0, columns)}, layer.constant(0))
        bottom, right = bottom + rows * op.stride[0], right + columns * op.stride[1]
        below = beside = 0
    sides: dict[str, Any] = {"pads": [top, left, bottom + below, right + beside]}
    if layer.exact and op.padding.mode == "same" and not (below or beside):
        sides = {"auto_pad": "SAME_UPPER"}
    return layer.add(
        "ConvTranspose",
        x,
        *layer.weights,
        kernel_shape=list(op.kernel),
        strides=list(op.stride),
        dilations=list(op.dilation),
        group=op.groups,
        output_padding=[below, beside] if below or beside else None,
        **sides,
    )


def dense(layer: Fragment) -> str:
    if layer.rank == 1:
        return layer.add("Gemm", layer.x, *layer.weights, transB=1)
    weight, *bias = layer.weights
    return affine(layer, layer.x, weight, bias[0] if bias else None)


ROWS: dict[str, Row] = {"conv": conv, "conv_transpose": conv_transpose, "dense": dense}
