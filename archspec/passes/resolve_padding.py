"""Make padding explicit per side where a spec says `same`, now that sizes are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from archspec.ir.attributes import Padding, Sides
from archspec.ir.graph import LayerGraph, Node
from archspec.ir.op import Op, Shape
from archspec.ir.ops import AvgPool, Conv, MaxPool
from archspec.ir.window import same_sides


def _conv(op: Op, shape: Shape) -> Sides:
    assert isinstance(op, Conv)
    return same_sides((shape[1], shape[2]), op.kernel, op.stride, op.dilation)


def _pool(op: Op, shape: Shape) -> Sides:
    assert isinstance(op, MaxPool | AvgPool)
    return same_sides((shape[1], shape[2]), op.kernel, op.step)


_SIDES: dict[type[Op], Callable[[Op, Shape], Sides]] = {Conv: _conv, MaxPool: _pool, AvgPool: _pool}


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
            padding = getattr(node.op, "padding", None)
            if isinstance(padding, Padding) and padding.sides is None:
                sides = _SIDES[type(node.op)](node.op, graph.nodes[node.inputs[0]].shape)
                op = replace(node.op, padding=Padding("same", sides))  # type: ignore[call-arg]  # the op has it
                changed[path] = replace(node, op=op)
        return replace(graph, nodes={**graph.nodes, **changed}) if changed else graph
