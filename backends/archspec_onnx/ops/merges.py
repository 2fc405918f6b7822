"""Joining branches."""

from __future__ import annotations

from functools import reduce

from archspec_onnx.ops.row import Fragment, Row


def _chain(kind: str) -> Row:
    return lambda layer: reduce(lambda left, right: layer.add(kind, left, right), layer.operands)


def concat(layer: Fragment) -> str:
    first = bool(layer.places) or layer.op.axis == "tokens"
    return layer.add("Concat", *layer.operands, axis=1 if first else -1)


def maximum(layer: Fragment) -> str:
    return layer.add("Max", *layer.operands)


ROWS: dict[str, Row] = {"add": _chain("Add"), "multiply": _chain("Mul"), "maximum": maximum, "concat": concat}
