"""ONNX's reference evaluator, with those of its operators corrected that do not do what ONNX's standard says.

Each class is one operator in NumPy, for images; `docs/frameworks.md` says what is wrong with the evaluator's own, and
`python -m benchmarks.onnx_faults` shows it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from onnx import ModelProto
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

Array: TypeAlias = "np.ndarray[Any, Any]"


class ConvTranspose(OpRun):
    """The evaluator's own fails where a group has more than one output channel."""

    def _run(
        self,
        x: Array,
        weight: Array,
        bias: Array | None = None,
        auto_pad: str | None = None,
        dilations: Sequence[int] | None = None,
        group: int | None = None,
        kernel_shape: Sequence[int] | None = None,
        output_padding: Sequence[int] | None = None,
        output_shape: Sequence[int] | None = None,
        pads: Sequence[int] | None = None,
        strides: Sequence[int] | None = None,
    ) -> tuple[Array]:
        groups, steps, spread = group or 1, strides or (1, 1), dilations or (1, 1)
        size, kernel, more = x.shape[2:], weight.shape[2:], output_padding or (0, 0)
        reach = [gap * (window - 1) + 1 for gap, window in zip(spread, kernel, strict=True)]
        if auto_pad == "SAME_UPPER":
            total = [max(window - step, 0) for window, step in zip(reach, steps, strict=True)]
            pads = [*(sides // 2 for sides in total), *(sides - sides // 2 for sides in total)]
        pads = pads or (0, 0, 0, 0)
        full = [
            (extent - 1) * step + window + added
            for extent, step, window, added in zip(size, steps, reach, more, strict=True)
        ]
        channels = weight.shape[1] * groups
        found = np.zeros((len(x), channels, *full), x.dtype)
        parts = x.reshape(len(x), groups, -1, *size)
        kernels = weight.reshape(groups, -1, *weight.shape[1:])
        for row, column in np.ndindex(*kernel):
            product = np.einsum("ngihw,gio->ngohw", parts, kernels[..., row, column]).reshape(len(x), channels, *size)
            top, left = row * spread[0], column * spread[1]
            rows = slice(top, top + (size[0] - 1) * steps[0] + 1, steps[0])
            found[:, :, rows, left : left + (size[1] - 1) * steps[1] + 1 : steps[1]] += product
        found = found[:, :, pads[0] : full[0] - pads[2], pads[1] : full[1] - pads[3]]
        return (found if bias is None else found + bias.reshape(1, -1, 1, 1),)


class MaxPool(OpRun):
    """The evaluator's own lets windows of `ceil_mode` begin in the padding after the input, at stride 1."""

    def _run(
        self,
        x: Array,
        auto_pad: str | None = None,
        ceil_mode: int | None = None,
        dilations: Sequence[int] | None = None,
        kernel_shape: Sequence[int] = (),
        pads: Sequence[int] | None = None,
        storage_order: int | None = None,
        strides: Sequence[int] | None = None,
    ) -> tuple[Array]:
        windows = _windows(x, kernel_shape, strides, auto_pad, pads, ceil_mode, (-np.inf, -np.inf))
        return (windows.max(axis=(-2, -1)),)


class AveragePool(OpRun):
    """The evaluator's own misplaces the windows of `ceil_mode`, and fails where those of `auto_pad` lie apart."""

    def _run(
        self,
        x: Array,
        auto_pad: str | None = None,
        ceil_mode: int | None = None,
        count_include_pad: int | None = None,
        dilations: Sequence[int] | None = None,
        kernel_shape: Sequence[int] = (),
        pads: Sequence[int] | None = None,
        strides: Sequence[int] | None = None,
    ) -> tuple[Array]:
        given = kernel_shape, strides, auto_pad, pads, ceil_mode
        sums = _windows(x, *given, (0.0, 0.0)).sum(axis=(-2, -1))
        ones = np.ones((1, 1, *x.shape[2:]), x.dtype)
        return (sums / _windows(ones, *given, (float(bool(count_include_pad)), 0.0)).sum(axis=(-2, -1)),)


def _windows(
    x: Array,
    kernel: Sequence[int],
    strides: Sequence[int] | None,
    auto_pad: str | None,
    pads: Sequence[int] | None,
    ceil_mode: int | None,
    values: tuple[float, float],
) -> Array:
    """The windows of a pool, (N, C, H', W', *kernel), with values for the padding and for what lies beyond it."""
    steps = strides or (1, 1)
    sides, beyond = [(0, 0), (0, 0)], [(0, 0), (0, 0)]
    for axis, (size, window, step) in enumerate(zip(x.shape[2:], kernel, steps, strict=True)):
        if auto_pad == "SAME_UPPER":
            total = max((-(-size // step) - 1) * step + window - size, 0)
            before, after = total // 2, total - total // 2
        else:
            before, after = (pads[axis], pads[axis + 2]) if pads else (0, 0)
        room = before + size + after - window
        last = -(-room // step) if ceil_mode else room // step
        if last * step >= before + size:  # it would start in the padding after the input
            last -= 1
        sides[axis] = before, after
        beyond[axis] = 0, max(last * step - room, 0)
    padded = np.pad(x, [(0, 0), (0, 0), *sides], constant_values=values[0])
    padded = np.pad(padded, [(0, 0), (0, 0), *beyond], constant_values=values[1])
    return sliding_window_view(padded, tuple(kernel), axis=(2, 3))[:, :, :: steps[0], :: steps[1]]


class LRN(OpRun):
    """The evaluator's own leaves out all channels but the first few, as many as there are examples."""

    def _run(self, x: Array, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0, size: int = 1) -> tuple[Array]:
        reach = (size - 1) // 2
        squares = np.pad(x * x, [(0, 0), (reach, reach), (0, 0), (0, 0)])
        sums = sliding_window_view(squares, size, axis=1).sum(axis=-1)
        return ((x / (bias + alpha / size * sums) ** beta).astype(x.dtype),)


class Erf(OpRun):
    """The evaluator's own gives float32, also of float64."""

    def _run(self, x: Array) -> tuple[Array]:
        return (np.vectorize(math.erf, otypes=[np.float64])(x).astype(x.dtype),)


CORRECTED: Final = (ConvTranspose, MaxPool, AveragePool, LRN, Erf)
"""What takes the place of the evaluator's own."""


def evaluate(model: ModelProto, inputs: dict[str, Array]) -> list[Array]:
    """A model's outputs, in their order."""
    found = ReferenceEvaluator(model, new_ops=[*CORRECTED]).run(None, inputs)
    assert isinstance(found, list)
    return found
