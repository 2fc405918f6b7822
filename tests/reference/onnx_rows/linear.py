"""Convolutions and dense layers."""

from __future__ import annotations

from typing import Any

from tests.reference.onnx_rows.fragment import Fragment, Row, onnx_pads


def conv(layer: Fragment) -> str:
    op = layer.op
    # `same` is left to ONNX: what archspec makes of it is what is judged.
    sides = {"auto_pad": "SAME_UPPER"} if op.padding.mode == "same" else {"pads": onnx_pads(op.padding.sides)}
    return str(
        layer.add(
            "Conv",
            layer.x,
            *layer.weights,
            kernel_shape=list(op.kernel),
            strides=list(op.stride),
            dilations=list(op.dilation),
            group=op.groups,
            **sides,
        )
    )


def conv_transpose(layer: Fragment) -> str:
    """Groups one by one: the reference evaluator takes the first output channel of each for all of them."""
    op = layer.op
    channels = layer.shapes[0][0] // op.groups
    axes = list(zip(op.kernel, op.stride, op.dilation, strict=True))
    excess = [spread * (window - 1) + 1 - step for window, step, spread in axes]
    same = op.padding.mode == "same"
    # The evaluator fails where `same` has to add, and where output_padding is not less than the stride.
    written_out = min(excess) < 0 if same else op.output_padding != (0, 0)
    sides: dict[str, Any] = {}
    if not written_out:
        sides = {"auto_pad": "SAME_UPPER"} if same else {"pads": onnx_pads(op.padding.sides)}
    found: list[str] = []
    for index in range(op.groups):
        operands = [_part(layer, layer.x, 1, channels, index), _part(layer, layer.weights[0], 0, channels, index)]
        strides, dilations = list(op.stride), list(op.dilation)
        found.append(layer.add("ConvTranspose", *operands, strides=strides, dilations=dilations, **sides))
    result = layer.add("Concat", *found, axis=1)
    if written_out:
        if same:
            added = [max(-size, 0) for size in excess]
            before = [max(size, 0) // 2 for size in excess]
            after = [max(size, 0) - first for size, first in zip(excess, before, strict=True)]
        else:
            added = list(op.output_padding)
            pads = onnx_pads(op.padding.sides)
            before, after = pads[:2], pads[2:]
        result = layer.add("Pad", result, layer.shape(0, 0, 0, 0, 0, 0, *added), mode="constant")
        ends = layer.shape(*(-count if count else 2**31 for count in after))
        result = layer.add("Slice", result, layer.shape(*before), ends, layer.shape(2, 3))
    if op.bias:
        result = layer.add("Add", result, layer.add("Reshape", layer.weights[1], layer.shape(1, -1, 1, 1)))
    return str(result)


def _part(layer: Fragment, tensor: str, axis: int, count: int, index: int) -> str:
    ends = (layer.shape(index * count), layer.shape((index + 1) * count))
    return str(layer.add("Slice", tensor, *ends, layer.shape(axis)))


def dense(layer: Fragment) -> str:
    transposed = layer.add("Transpose", layer.weights[0], perm=[1, 0])
    product = layer.add("MatMul", layer.x, transposed)
    return str(layer.add("Add", product, layer.weights[1]) if layer.op.bias else product)


ROWS: dict[str, Row] = {"conv": conv, "conv_transpose": conv_transpose, "dense": dense}
