"""The arithmetic of sliding windows, shared by convolutions and pools."""

from __future__ import annotations

from archspec.ir.attributes import Padding, Pair, Sides
from archspec.ir.op import ShapeError


def same_sides(size: Pair, kernel: Pair, stride: Pair, dilation: Pair = (1, 1)) -> Sides:
    """The sides (top, bottom, left, right) that `same` means for an input of this size: SAME_UPPER.

    The output has ceil(size / stride) elements; an odd element of padding goes after, not before
    (ONNX, `auto_pad`; TensorFlow, "Notes on padding").
    """
    sides: list[int] = []
    for extent, window, step, spread in zip(size, kernel, stride, dilation, strict=True):
        reach = spread * (window - 1) + 1
        total = max((-(-extent // step) - 1) * step + reach - extent, 0)
        sides += [total // 2, total - total // 2]
    return sides[0], sides[1], sides[2], sides[3]


def sides_of(padding: Padding, size: Pair, kernel: Pair, stride: Pair, dilation: Pair = (1, 1)) -> Sides:
    """The padding's sides for an input of this size."""
    if padding.mode == "same":
        return same_sides(size, kernel, stride, dilation)
    assert padding.sides is not None
    return padding.sides


def output_size(op: str, size: Pair, kernel: Pair, stride: Pair, padding: Padding, dilation: Pair = (1, 1)) -> Pair:
    """Height and width after a window has slid over an input of `size`."""
    top, bottom, left, right = sides_of(padding, size, kernel, stride, dilation)
    result: list[int] = []
    axes = zip(("height", "width"), size, (top + bottom, left + right), kernel, stride, dilation, strict=True)
    for axis, extent, pad, window, step, spread in axes:
        reach = spread * (window - 1) + 1
        if extent + pad < reach:
            with_padding = f" ({extent} and {pad} of padding)" if pad else ""
            raise ShapeError(
                f"{op}'s kernel covers {reach} in {axis}, its input has {extent + pad}{with_padding}",
                "E0503",
                "use a smaller kernel or a larger input, or pad",
            )
        result.append((extent + pad - reach) // step + 1)
    return result[0], result[1]
