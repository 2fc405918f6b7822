"""Give a network images of other sizes; its layers and weights stay what they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from archspec.errors import Diagnostic, SpecError
from archspec.ir.graph import LayerGraph, Node
from archspec.ir.op import Op, Shape, ShapeError, shape_text


@dataclass(frozen=True, slots=True)
class Resize:
    """Images of these heights and widths, by the inputs' paths; other inputs keep their shapes.

    Attributes that the spec computed from the size stay as they were, as they do in generated code.
    """

    sizes: Mapping[str, tuple[int, int]]

    name: ClassVar[str] = "resize"
    requires: ClassVar[frozenset[str]] = frozenset()
    ensures: ClassVar[frozenset[str]] = frozenset({"explicit padding"})

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph with the shapes that follow.

        Raises:
            SpecError: a layer does not take them, or would have weights of other shapes.
        """
        nodes: dict[str, Node] = {}
        for path, node in graph.nodes.items():
            if node.op.name == "input":
                shape = (node.shape[0], *self.sizes[path]) if path in self.sizes else node.shape
                nodes[path] = replace(node, shape=shape)
                continue
            shapes = [nodes[source].shape for source in node.inputs]
            try:
                op = node.op.resolved(shapes)
                shape = op.output_shape(shapes)
                differing = _differing_weight(op, shapes, graph.input_shapes(node))
            except ShapeError as error:
                raise self._refusal(graph, node, str(error)) from None
            if differing:
                raise self._refusal(graph, node, f"has a {differing} that would have another shape")
            nodes[path] = replace(node, op=op, shape=shape)
        return replace(graph, nodes=nodes)

    def _refusal(self, graph: LayerGraph, node: Node, reason: str) -> SpecError:
        sizes = ", ".join(dict.fromkeys(map(shape_text, self.sizes.values())))
        return SpecError(Diagnostic("E0502", f"{graph.name} does not take {sizes}: {node.path} {reason}", node.span))


def _differing_weight(op: Op, shapes: list[Shape], before: tuple[Shape, ...]) -> str:
    """The name of a weight that inputs of these shapes make another."""
    pairs = zip(op.weights(shapes), op.weights(before), strict=True)
    return next((new.name for new, old in pairs if new.shape != old.shape), "")
