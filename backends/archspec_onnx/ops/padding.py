"""Padding that depends on the size of the input."""

from __future__ import annotations

from typing import Any

from archspec.ir.attributes import Padding, PerAxis
from archspec_onnx.ops.row import Fragment, onnx_pads


def window_sides(layer: Fragment, stride: PerAxis, dilation: PerAxis) -> dict[str, Any] | None:
    """The padding of a window as attributes; None where no attribute says it.

    `same` is numbers wherever they hold for every size: more runtimes have them, and at stride 1 all sizes have the
    same. Otherwise it is left to ONNX. ONNX Runtime takes no `auto_pad` with a dilation. In float64 `same` is always
    left to ONNX: it is what archspec's own sides are judged by.
    """
    op = layer.op
    if op.padding.is_same:
        rule = auto_pad(op.padding)
        if layer.exact:
            return rule
        if layer.resizable and set(stride) != {1}:
            return rule if set(dilation) == {1} else None
    return {"pads": onnx_pads(op.padding.sides)}


def auto_pad(padding: Padding) -> dict[str, Any]:
    """The attribute that says a rule for padding."""
    return {"auto_pad": "SAME_LOWER" if padding.lower else "SAME_UPPER"}


def padded(layer: Fragment, value: float, stride: PerAxis, dilation: PerAxis, x: str = "") -> str:
    """The operand, or a tensor of its size, with the padding of `same`, worked out where the model runs."""
    size = layer.add("Shape", layer.x, start=2, end=2 + len(stride))
    step, one, two = layer.shape(*stride), layer.shape(1), layer.shape(2)
    reach = [spread * (window - 1) + 1 for window, spread in zip(layer.op.kernel, dilation, strict=True)]
    steps = layer.add("Div", layer.add("Sub", size, one), step)  # of the last window, rounded up
    needed = layer.add("Add", layer.add("Mul", steps, step), layer.shape(*reach))
    total = layer.add("Max", layer.add("Sub", needed, size), layer.shape(0))
    before = layer.add("Div", total, two)
    after = layer.add("Sub", total, before)
    if layer.op.padding.lower:
        before, after = after, before
    none = layer.shape(0, 0)  # of batch and channels; all axes have sides, see `Fragment.pad`
    sides = layer.add("Concat", none, before, none, after, axis=0)
    return layer.add("Pad", x or layer.x, sides, layer.constant(value), mode="constant")
