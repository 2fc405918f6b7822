"""Convolutions and dense layers."""

from __future__ import annotations

from tests.reference.onnx_rows.fragment import Fragment, Row, onnx_pads


def conv(layer: Fragment) -> str:
    op = layer.op
    return str(
        layer.add(
            "Conv",
            layer.x,
            *layer.weights,
            kernel_shape=list(op.kernel),
            strides=list(op.stride),
            pads=onnx_pads(op.padding.sides),
            dilations=list(op.dilation),
            group=op.groups,
        )
    )


def dense(layer: Fragment) -> str:
    transposed = layer.add("Transpose", layer.weights[0], perm=[1, 0])
    product = layer.add("MatMul", layer.x, transposed)
    return str(layer.add("Add", product, layer.weights[1]) if layer.op.bias else product)


ROWS: dict[str, Row] = {"conv": conv, "dense": dense}
