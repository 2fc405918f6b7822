"""The arithmetic of sliding windows along any number of spatial axes, shared by convolutions and pools."""

from __future__ import annotations

from collections.abc import Sequence

from archspec.ir.attributes import Padding, PerAxis, Sides
from archspec.ir.op import ShapeError


def same_sides(size: PerAxis, kernel: PerAxis, stride: PerAxis, dilation: PerAxis, *, lower: bool = False) -> Sides:
    """The sides, (before, after) for each axis, that `same` means for an input of this size: SAME_UPPER.

    The output has ceil(size / stride) elements; an odd element of padding goes after, or, if `lower`, before
    (ONNX, `auto_pad`; TensorFlow, "Notes on padding").
    """
    sides: list[tuple[int, int]] = []
    for extent, window, step, spread in zip(size, kernel, stride, dilation, strict=True):
        covered = spread * (window - 1) + 1
        total = max((-(-extent // step) - 1) * step + covered - extent, 0)
        sides.append((total - total // 2, total // 2) if lower else (total // 2, total - total // 2))
    return tuple(sides)


def sides_of(padding: Padding, size: PerAxis, kernel: PerAxis, stride: PerAxis, dilation: PerAxis) -> Sides:
    """The padding's sides for an input of this size."""
    if padding.is_same:
        return same_sides(size, kernel, stride, dilation, lower=padding.lower)
    assert padding.sides is not None
    return padding.sides


def output_size(
    size: PerAxis,
    kernel: PerAxis,
    stride: PerAxis,
    padding: Padding,
    dilation: PerAxis,
    names: Sequence[str],
    *,
    ceil_mode: bool = False,
) -> PerAxis:
    """The sizes after a window has slid over an input of `size`, whose axes have these `names`.

    With `ceil_mode` a last window may reach beyond the padding, if it starts inside the input or the padding before
    it (ONNX, MaxPool and AveragePool; PyTorch, `pooling_output_shape`).
    """
    sides = sides_of(padding, size, kernel, stride, dilation)
    result: list[int] = []
    axes = zip(names, size, sides, kernel, stride, dilation, strict=True)
    for axis, extent, (before, after), window, step, spread in axes:
        covered = spread * (window - 1) + 1
        pad = before + after
        beyond = min(step - 1, covered - 1 - after) if ceil_mode else 0
        if extent + pad + beyond < covered:
            with_padding = f" ({extent} and {pad} of padding)" if pad else ""
            raise ShapeError(
                f"has a kernel that covers {covered} in {axis}; its input has {extent + pad}{with_padding}",
                "E0503",
                "use a smaller kernel or a larger input, or pad",
            )
        if step > extent + pad:
            raise ShapeError(
                f"has a stride of {step} in {axis}; its input has {extent + pad}: there is nothing to step to",
                "E0503",
                "use a smaller stride or a larger input",
            )
        result.append((extent + pad + beyond - covered) // step + 1)
    return tuple(result)


def beyond_padding(kernel: PerAxis, stride: PerAxis, sides: Sides) -> PerAxis:
    """By how much the windows of `ceil_mode` may reach beyond the padding at the end of each axis.

    With so much more padding at the end, and no other rounding, there are as many windows as `ceil_mode` makes at any
    size of the input: stride - 1 rounds up, and kernel - 1 in all is what keeps the last window's start inside.
    """
    axes = zip(kernel, stride, sides, strict=True)
    return tuple(min(step - 1, window - 1 - after) for window, step, (_, after) in axes)


def crop(kernel: PerAxis, stride: PerAxis, padding: Padding, output_padding: PerAxis, dilation: PerAxis) -> Sides:
    """What a transposed convolution leaves out, (before, after) for each axis; where negative, it adds so much.

    Without it the output has (size - 1) * stride + reach elements. `same` makes stride * size of them; an odd element
    too many is left out at the end (ONNX ConvTranspose, SAME_UPPER), or at the beginning (SAME_LOWER). What is missing
    is added at the end.
    """
    found: list[tuple[int, int]] = []
    sides = padding.sides or ((0, 0),) * len(kernel)
    axes = zip(sides, kernel, stride, output_padding, dilation, strict=True)
    for (before, after), window, step, more, spread in axes:
        if padding.is_same:
            total = spread * (window - 1) + 1 - step
            before = (max(total, 0) + padding.lower) // 2
            after = total - before
        found.append((before, after - more))
    return tuple(found)
