"""Sizes of tensors: numbers where they are known, else what a model works out."""

from __future__ import annotations

from typing import TypeAlias

from archspec_onnx.ops.row import Fragment

Size: TypeAlias = int | str
"""A number, or the name of a vector of one number."""


def size_of(layer: Fragment, axis: int) -> Size:
    """The size of an axis of the first operand, counted with the batch."""
    if layer.larger is not None and layer.larger[0].sizes[axis - 1] != layer.types[0].sizes[axis - 1]:
        return layer.add("Shape", layer.x, start=axis, end=axis + 1)
    return layer.types[0].sizes[axis - 1]


def vector(layer: Fragment, *sizes: Size) -> str:
    """Sizes as one vector."""
    if all(isinstance(size, int) for size in sizes):
        return layer.shape(*(size for size in sizes if isinstance(size, int)))
    parts = [layer.shape(size) if isinstance(size, int) else size for size in sizes]
    return layer.add("Concat", *parts, axis=0) if len(parts) > 1 else parts[0]


def worked_out(layer: Fragment, kind: str, left: Size, right: Size) -> Size:
    """A sum, difference, product or quotient of sizes, which are not negative."""
    if isinstance(left, int) and isinstance(right, int):
        return {"Add": left + right, "Sub": left - right, "Mul": left * right, "Div": left // (right or 1)}[kind]
    return layer.add(kind, vector(layer, left), vector(layer, right))
