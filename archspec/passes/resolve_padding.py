"""Make padding explicit per side where a spec says `same`, now that sizes are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from archspec.ir.graph import LayerGraph
from archspec.ir.mapping import map_layers
from archspec.ir.scope import Layer
from archspec.ir.tensor_type import TensorType
from archspec.passes.pipeline import Property
from archspec.passes.properties import EXPLICIT_PADDING


class ResolvePadding:
    """Fills in `Padding.sides` of every op whose padding is `same`; the mode stays, so that its origin is known."""

    __slots__ = ()
    name: ClassVar[str] = "resolve_padding"
    requires: ClassVar[tuple[Property, ...]] = ()
    ensures: ClassVar[tuple[Property, ...]] = (EXPLICIT_PADDING,)

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph with explicit sides."""
        return map_layers(graph, _resolved)


def _resolved(layer: Layer, arriving: Sequence[TensorType]) -> Layer:
    op = layer.op.resolved(arriving)
    return layer if op is layer.op or op == layer.op else replace(layer, op=op)
