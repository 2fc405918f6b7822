"""Fold the standardization of filters into their numbers."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeAlias

from archspec.ir.graph import LayerGraph
from archspec.ir.op import Op
from archspec.ir.ops.linear import Conv, ScaledStandardizedConv, StandardizedConv
from archspec.ir.scope import Layer
from archspec.passes.inference.rewriting import copies_of_layers, rewritten, users_of_weights
from archspec.passes.pipeline import Property


@dataclass(frozen=True, slots=True)
class StandardizeFilters:
    """The weight of a convolution whose filters are standardized already; worked out in float64."""

    convolution: str
    eps: float
    gamma: float | None
    """Of filters that are scaled, too, by this and the learned `gain`."""

    def apply(self, weights: dict[str, Any]) -> None:
        """Change the weight: `(w - mean) / sqrt(variance + eps)`, both over all numbers of a filter; and scale it."""
        import numpy as np

        name = f"{self.convolution}.weight"
        weight = np.asarray(weights[name], np.float64)
        axes = tuple(range(1, weight.ndim))
        centered = weight - weight.mean(axis=axes, keepdims=True)
        variance = np.square(centered).mean(axis=axes, keepdims=True)
        filters = centered / np.sqrt(variance + self.eps)
        if self.gamma is not None:
            gain = np.asarray(weights.pop(f"{self.convolution}.gain"), np.float64)
            filters = filters * (gain * (self.gamma * weight[0].size ** -0.5))
        weights[name] = filters


_Standardized: TypeAlias = StandardizedConv | ScaledStandardizedConv


def _standardized(graph: LayerGraph) -> dict[str, _Standardized]:
    """The convolutions that can be plain ones: with all others that use the same weights, or are the same in source."""
    users, copies = users_of_weights(graph), copies_of_layers(graph)
    found = {path: node.op for path, node in graph.nodes.items() if isinstance(node.op, _Standardized)}
    while True:
        wrong = [
            path
            for path, op in found.items()
            for others in (users[graph.nodes[path].owner], copies[path])
            if any((other := found.get(each)) is None or _numbers(other) != _numbers(op) for each in others)
        ]
        if not wrong:
            return found
        found = {path: op for path, op in found.items() if path not in wrong}


def _numbers(op: _Standardized) -> tuple[float, float | None]:
    """What is added to the variance, and the factor of filters that are scaled."""
    return op.eps, op.gamma if isinstance(op, ScaledStandardizedConv) else None


def _plain(layer: Layer) -> Op:
    assert isinstance(layer.op, _Standardized)
    return Conv(**{field.name: getattr(layer.op, field.name) for field in fields(Conv)})


NO_STANDARDIZED_FILTERS = Property(
    "no convolution that standardizes its filters anew each time",
    lambda graph: next((f"{path} does" for path in _standardized(graph)), ""),
)


class FoldStandardization:
    """A convolution by standardized filters is a plain one, by the filters as they are then.

    After training they stay the same: what is worked out from them is worked out once, and quantization and the folds
    of norms take the layer as any other.
    """

    __slots__ = ()
    name: ClassVar[str] = "fold_standardization"
    requires: ClassVar[tuple[Property, ...]] = ()
    ensures: ClassVar[tuple[Property, ...]] = (NO_STANDARDIZED_FILTERS,)

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph itself where there are none."""
        found = _standardized(graph)
        owners = (path for path in found if graph.nodes[path].owner == path)
        steps = tuple(StandardizeFilters(path, *_numbers(found[path])) for path in owners)
        return rewritten(graph, remove={}, change=dict.fromkeys(found, _plain), steps=steps)
