"""Joining branches."""

from __future__ import annotations

from functools import reduce

from archspec_onnx.ops.row import Fragment, Row


def _chain(kind: str) -> Row:
    return lambda layer: reduce(lambda left, right: layer.add(kind, left, right), layer.operands)


def concat(layer: Fragment) -> str:
    first = bool(layer.places) or layer.op.axis == "tokens"
    return layer.add("Concat", *layer.operands, axis=1 if first else -1)


def _of_all(kind: str) -> Row:
    return lambda layer: layer.add(kind, *layer.operands)


def matmul(layer: Fragment) -> str:
    first, second = layer.operands
    if layer.op.axis == "features":
        second = layer.add("Transpose", second, perm=[0, 2, 1])
    return layer.add("MatMul", first, second)


ROWS: dict[str, Row] = {
    "add": _chain("Add"),
    "multiply": _chain("Mul"),
    "subtract": _chain("Sub"),
    "divide": _chain("Div"),
    "maximum": _of_all("Max"),
    "minimum": _of_all("Min"),
    "matmul": matmul,
    "concat": concat,
}
