"""Activations."""

from __future__ import annotations

from tests.reference.onnx_rows.fragment import Fragment, Row, unary


def softmax(layer: Fragment) -> str:
    return str(layer.add("Softmax", layer.x, axis=1 if layer.rank == 3 else -1))


ROWS: dict[str, Row] = {"relu": unary("Relu"), "sigmoid": unary("Sigmoid"), "softmax": softmax}
