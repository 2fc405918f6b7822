"""Take the layers' own weight decay out, for programs that say all of it in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from archspec.ir.graph import LayerGraph
from archspec.ir.mapping import map_layers
from archspec.ir.scope import Layer
from archspec.ir.tensor_type import TensorType
from archspec.passes.pipeline import Property

_KEYS = ("weight_decay", "bias_decay")


def _fault(graph: LayerGraph) -> str:
    decayed = [name for name, weight in graph.all_weights.items() if weight.decay]
    return f"{decayed[0]} decays" if decayed else ""


NO_DECAY = Property("layers without weight decay", _fault)


class RemoveDecay:
    """No weight decays by what its layer says.

    A training program has groups of weights that decay alike. A source whose layers carry decay, too, as Keras's
    regularizers, would have it twice.
    """

    __slots__ = ()
    name: ClassVar[str] = "remove_decay"
    requires: ClassVar[tuple[Property, ...]] = ()
    ensures: ClassVar[tuple[Property, ...]] = (NO_DECAY,)

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph itself where nothing decays."""
        if not any(weight.decay for weight in graph.all_weights.values()):
            return graph
        return map_layers(graph, _without)


def _without(layer: Layer, arriving: Sequence[TensorType]) -> Layer:
    given = {key: 0.0 for key in _KEYS if getattr(layer.op, key, 0.0)}
    exprs = {name: expr for name, expr in layer.exprs.items() if name not in _KEYS}
    if not given and len(exprs) == len(layer.exprs):
        return layer
    return replace(layer, op=replace(layer.op, **given), exprs=exprs)
