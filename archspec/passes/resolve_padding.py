"""Make padding explicit per side where a spec says `same`, now that sizes are known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from archspec.ir.graph import LayerGraph, Node


@dataclass(frozen=True, slots=True)
class ResolvePadding:
    """Fills in `Padding.sides` of every op whose padding is `same`; the mode stays, so that its origin is known."""

    name: ClassVar[str] = "resolve_padding"
    requires: ClassVar[frozenset[str]] = frozenset()
    ensures: ClassVar[frozenset[str]] = frozenset({"explicit padding"})

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph with explicit sides."""
        changed: dict[str, Node] = {}
        for path, node in graph.nodes.items():
            op = node.op.resolved(graph.input_shapes(node))
            if op is not node.op:
                changed[path] = replace(node, op=op)
        return replace(graph, nodes={**graph.nodes, **changed}) if changed else graph
