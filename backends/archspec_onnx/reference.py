"""ONNX's reference evaluator, with those of its operators corrected that do not do what ONNX's standard says.

Each class is one operator in NumPy, for any number of spatial axes; `docs/frameworks.md` says what is wrong with the
evaluator's own, and `python -m benchmarks.onnx_faults` shows it.
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


_SAMPLES: Final = (slice(None), slice(None))
"""All examples and channels."""
_SAME: Final = ("SAME_UPPER", "SAME_LOWER")


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
        dtype = x.dtype
        if dtype.name == "bfloat16":  # which `einsum` does not take
            x, weight = x.astype(np.float32), weight.astype(np.float32)
        size, kernel, groups = x.shape[2:], weight.shape[2:], group or 1
        steps, spread = strides or (1,) * len(size), dilations or (1,) * len(size)
        more = output_padding or (0,) * len(size)
        reach = [gap * (window - 1) + 1 for gap, window in zip(spread, kernel, strict=True)]
        if auto_pad in _SAME:
            total = [max(window - step, 0) for window, step in zip(reach, steps, strict=True)]
            less, rest = [sides // 2 for sides in total], [sides - sides // 2 for sides in total]
            pads = [*less, *rest] if auto_pad == "SAME_UPPER" else [*rest, *less]
        pads = pads or (0, 0) * len(size)
        full = [
            (extent - 1) * step + window + added
            for extent, step, window, added in zip(size, steps, reach, more, strict=True)
        ]
        channels = weight.shape[1] * groups
        found = np.zeros((len(x), channels, *full), x.dtype)
        parts = x.reshape(len(x), groups, -1, *size)
        kernels = weight.reshape(groups, -1, *weight.shape[1:])
        for place in np.ndindex(*kernel):
            product = np.einsum("ngi...,gio->ngo...", parts, kernels[(..., *place)]).reshape(len(x), channels, *size)
            axes = zip(place, spread, size, steps, strict=True)
            hit = [slice(at * gap, at * gap + (extent - 1) * step + 1, step) for at, gap, extent, step in axes]
            found[_SAMPLES + tuple(hit)] += product
        ends = zip(full, pads, pads[len(size) :], strict=False)
        found = found[_SAMPLES + tuple(slice(before, extent - after) for extent, before, after in ends)]
        found = found.astype(dtype)
        return (found if bias is None else found + bias.reshape(-1, *(1,) * len(size)),)


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
        return (windows.max(axis=_last(kernel_shape)),)


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
        sums = _windows(x, *given, (0.0, 0.0)).sum(axis=_last(kernel_shape))
        ones = np.ones((1, 1, *x.shape[2:]), x.dtype)
        return (sums / _windows(ones, *given, (float(bool(count_include_pad)), 0.0)).sum(axis=_last(kernel_shape)),)


def _last(kernel: Sequence[int]) -> tuple[int, ...]:
    """The axes of a window, which are the last ones."""
    return tuple(range(-len(kernel), 0))


def _windows(
    x: Array,
    kernel: Sequence[int],
    strides: Sequence[int] | None,
    auto_pad: str | None,
    pads: Sequence[int] | None,
    ceil_mode: int | None,
    values: tuple[float, float],
) -> Array:
    """The windows of a pool, (N, C, *size, *kernel), with values for the padding and for what lies beyond it."""
    steps = strides or (1,) * len(kernel)
    sides, beyond = [(0, 0)] * len(kernel), [(0, 0)] * len(kernel)
    for axis, (size, window, step) in enumerate(zip(x.shape[2:], kernel, steps, strict=True)):
        if auto_pad in _SAME:
            total = max((-(-size // step) - 1) * step + window - size, 0)
            before, after = total // 2, total - total // 2
            if auto_pad == "SAME_LOWER":
                before, after = after, before
        else:
            before, after = (pads[axis], pads[axis + len(kernel)]) if pads else (0, 0)
        room = before + size + after - window
        last = -(-room // step) if ceil_mode else room // step
        if last * step >= before + size:  # it would start in the padding after the input
            last -= 1
        sides[axis] = before, after
        beyond[axis] = 0, max(last * step - room, 0)
    padded = np.pad(x, [(0, 0), (0, 0), *sides], constant_values=values[0])
    padded = np.pad(padded, [(0, 0), (0, 0), *beyond], constant_values=values[1])
    windows = sliding_window_view(padded, tuple(kernel), axis=tuple(range(2, x.ndim)))
    return windows[_SAMPLES + tuple(slice(None, None, step) for step in steps)]


class GlobalMaxPool(OpRun):
    """The evaluator's own pools over two axes, whatever there are."""

    def _run(self, x: Array) -> tuple[Array]:
        return (x.max(axis=tuple(range(2, x.ndim)), keepdims=True),)


class LRN(OpRun):
    """The evaluator's own leaves out all channels but the first few, as many as there are examples."""

    def _run(self, x: Array, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0, size: int = 1) -> tuple[Array]:
        reach = (size - 1) // 2
        squares = np.pad(x * x, [(0, 0), (reach, reach), *[(0, 0)] * (x.ndim - 2)])
        sums = sliding_window_view(squares, size, axis=1).sum(axis=-1)
        return ((x / (bias + alpha / size * sums) ** beta).astype(x.dtype),)


class Erf(OpRun):
    """The evaluator's own gives float32, also of float64."""

    def _run(self, x: Array) -> tuple[Array]:
        return (np.vectorize(math.erf, otypes=[np.float64])(x).astype(x.dtype),)


CORRECTED: Final = (ConvTranspose, MaxPool, AveragePool, GlobalMaxPool, LRN, Erf)
"""What takes the place of the evaluator's own."""


def evaluate(model: ModelProto, inputs: dict[str, Array]) -> list[Array]:
    """A model's outputs, in their order."""
    found = ReferenceEvaluator(model, new_ops=[*CORRECTED]).run(None, inputs)
    assert isinstance(found, list)
    return found
