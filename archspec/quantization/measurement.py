"""A network quantized on examples, and held against itself in float32."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from archspec.api import generate, with_weights
from archspec.codegen.registry import backend as find
from archspec.errors import BackendError, Diagnostic
from archspec.ir.graph import LayerGraph
from archspec.quantization.backend import PacksInt8, QuantizesModels
from archspec.quantization.calibration import Method, is_constant, ranges
from archspec.quantization.examples import Examples, Seen
from archspec.quantization.scheme import (
    Quantization,
    TensorScale,
    quantized_layers,
    rounded_tensors,
    weight_scales,
)

if TYPE_CHECKING:
    from archspec.codegen.backend import Arrays

_SHOWN: Final = 5
_SYMMETRIC_OPSET: Final = 20
"""From 21 on, ONNX Runtime 1.31 fails to make uint8 of some of the int8 that it finds."""


@dataclass(frozen=True, slots=True)
class QuantizedModel:
    """A model in int8, and what it lost."""

    backend: str
    """Whose model it is."""
    model: Any
    quantization: Quantization
    layers: tuple[str, ...]
    """Those that compute in int8."""
    examples: int
    ratios: Mapping[str, float]
    """By layer, how many decibels its result is above the error that rounding, here and before, has made of it."""
    agreement: float | None
    """The share of examples of which both say the same class; None where no output is of classes."""
    difference: float
    """Of the outputs, the largest, as a share of the largest number."""
    doubts: tuple[str, ...] = ()
    """What speaks against the ranges: examples or tensors that say little."""

    @property
    def worst(self) -> list[tuple[str, float]]:
        """The layers by their ratios, the worst first."""
        return sorted(self.ratios.items(), key=lambda pair: pair[1])


def quantize(
    graph: LayerGraph,
    examples: Examples,
    *,
    weights: Arrays,
    method: Method = "percentile",
    keep: Collection[str] = (),
    symmetric: bool = False,
    backend: str = "onnx",
    opset: int | None = None,
    say: Callable[[str], object] = lambda text: None,
) -> QuantizedModel:
    """A network in int8.

    Args:
        graph: the network, in the form for inference.
        examples: what it is calibrated on, and held against itself.
        weights: all of them, by canonical name.
        method: how ranges are chosen.
        keep: paths of layers, or of what they are in, that stay in float32.
        symmetric: let 0 be in the middle of each range, as TensorRT wants it.
        backend: one that `QuantizesModels`.
        opset: see `archspec.generate`; 20 if not given and the ranges are symmetric.
        say: told what is being done.

    Raises:
        BackendError: a path is not there, or nothing can be quantized.
        TrainingDataError: an example cannot be read.
    """
    target = find(backend, QuantizesModels)
    target.require()
    layers = quantized_layers(graph, keep)
    if not layers:
        message = f"{graph.name} has no convolution and no dense layer that could compute in int8"
        raise BackendError(Diagnostic("E0601", message, help="leave layers out of --keep" if keep else ""))
    if symmetric and opset is None:
        opset = _SYMMETRIC_OPSET
    homes = rounded_tensors(graph, layers, keep)
    model = with_weights(graph, backend, weights, source=generate(graph, backend, opset=opset))
    own = [name for name, home in homes.items() if name == home]
    watch = target.watched(model, graph, own)

    doubts: list[str] | None = None

    def values() -> Iterator[Arrays]:
        nonlocal doubts
        done, seen = 0, Seen()
        for batch in examples.batches():
            [array] = batch.values()
            seen.look(array)
            yield watch(batch)
            done += len(array)
            say(f"ranges of {len(own)} tensors: {done} of {examples.count} examples")
        if doubts is None:
            doubts = seen.require(examples)

    found = ranges(values, method)
    scales = {name: TensorScale.of_range(*found[home], symmetric=symmetric) for name, home in homes.items()}
    names = {path: next(iter(graph.parameters_of(graph.nodes[path]))) for path in layers}
    quantization = Quantization(scales, {name: weight_scales(weights[name]) for name in names.values()})
    rounded = target.quantized(model, graph, quantization)
    say("comparing the two")
    constant = [name for name in own if name not in graph.inputs and is_constant(*found[name])]
    compared = _compared(graph, target, (model, rounded), examples, layers, quantization)
    return replace(compared, doubts=(*(doubts or ()), *_of_constants(constant)))


def packed_as(
    found: QuantizedModel, graph: LayerGraph, examples: Examples, *, weights: Arrays, backend: str
) -> tuple[bytes, float]:
    """A quantized network as another backend has it, by the same scales.

    Args:
        found: what `quantize` gave.
        graph, examples, weights: as they were given to it.
        backend: one that `PacksInt8`.

    Returns:
        The file, and how far its outputs are from those of the model that was found, as a share of the largest number.
    """
    import numpy as np

    target = find(backend, PacksInt8)
    batch = next(examples.batches())
    if len(next(iter(batch.values()))) == 1:
        batch = {name: np.repeat(array, 2, 0) for name, array in batch.items()}
    data = target.packed_int8(graph, weights, found.quantization, batch)
    given = target.run_int8(data, graph, batch)
    watch = find(found.backend, QuantizesModels).watched(found.model, graph, [*graph.outputs.values()])
    wanted = watch(batch)
    apart = max(float(np.abs(given[name] - wanted[path]).max()) for name, path in graph.outputs.items())
    largest = max(float(np.abs(wanted[path]).max()) for path in graph.outputs.values())
    return data, apart / max(largest, 1e-30)


def _of_constants(names: list[str]) -> list[str]:
    if not names:
        return []
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    return [f"one number on all examples, so that its range says nothing: {shown}"]


def _compared(
    graph: LayerGraph,
    target: QuantizesModels,
    models: tuple[Any, Any],
    examples: Examples,
    layers: list[str],
    quantization: Quantization,
) -> QuantizedModel:
    import numpy as np

    outputs = [*graph.outputs.values()]
    watched = [target.watched(model, graph, [*dict.fromkeys((*layers, *outputs))]) for model in models]
    signal, noise = dict.fromkeys(layers, 0.0), dict.fromkeys(layers, 0.0)
    classes = next((path for path in outputs if graph.types[path].rank == 1 and graph.types[path].channels > 1), None)
    same, largest, apart = 0, 0.0, 0.0
    for batch in examples.batches():
        wanted, found = (watch(batch) for watch in watched)
        for path in layers:
            exact = wanted[path].astype(np.float64)
            signal[path] += float(np.square(exact).sum())
            noise[path] += float(np.square(found[path] - exact).sum())
        for path in outputs:
            largest = max(largest, float(np.abs(wanted[path]).max()))
            apart = max(apart, float(np.abs(found[path] - wanted[path]).max()))
        if classes is not None:
            same += int((wanted[classes].argmax(-1) == found[classes].argmax(-1)).sum())
    ratios = {path: _decibels(signal[path], noise[path]) for path in layers}
    agreement = None if classes is None else same / examples.count
    return QuantizedModel(
        target.name,
        models[1],
        quantization,
        tuple(layers),
        examples.count,
        ratios,
        agreement,
        apart / max(largest, 1e-30),
    )


def _decibels(signal: float, noise: float) -> float:
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal > 0 else -math.inf
