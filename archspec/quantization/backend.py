"""What a backend is whose models can compute in int8."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from archspec.codegen.backend import Arrays, BuildsModels, PacksModels, RunsModels
from archspec.ir.graph import LayerGraph
from archspec.quantization.scheme import Quantization


@runtime_checkable
class QuantizesModels(PacksModels, RunsModels, Protocol):
    """Rounds what its models compute with: `archspec quantize`."""

    def watched(self, model: Any, graph: LayerGraph, tensors: Sequence[str]) -> Callable[[Arrays], Arrays]:
        """What gives these tensors for a batch, by their names in the graph, again and again."""
        ...

    def quantized(self, model: Any, graph: LayerGraph, quantization: Quantization) -> Any:
        """The model with its weights in int8, and tensors rounded between layers."""
        ...


@runtime_checkable
class PacksInt8(BuildsModels, Protocol):
    """Writes networks in int8 by scales that were found already: `archspec quantize --backend`."""

    int8_suffix: str
    """Of the file."""

    def packed_int8(self, graph: LayerGraph, weights: Arrays, quantization: Quantization, inputs: Arrays) -> bytes:
        """The file of a model in int8.

        Args:
            graph: the network, in the form for inference.
            weights: all of them, by canonical name.
            quantization: its scales.
            inputs: a batch of two or more for each input, by path.
        """
        ...

    def run_int8(self, data: bytes, graph: LayerGraph, inputs: Arrays) -> Arrays:
        """What such a file's model gives for a batch, by the outputs' names, channels first."""
        ...

    def int8_usage(self, graph: LayerGraph, path: str) -> Sequence[str]:
        """A few lines of code that load the file and run the model."""
        ...
