"""What a backend is whose models can compute in int8."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from archspec.codegen.backend import Arrays, PacksModels, RunsModels
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
