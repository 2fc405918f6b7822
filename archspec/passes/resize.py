"""Give a network inputs of another size; its layers and weights stay what they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from archspec.errors import Diagnostic, SpecError
from archspec.ir.graph import LayerGraph, Node
from archspec.ir.op import Op, Shape, ShapeError, shape_text


@dataclass(frozen=True, slots=True)
class Resize:
    """Images of this height and width in place of the spec's; a network's images must all have had one size.

    Attributes that the spec computed from the size stay as they were, as they do in generated code.
    """

    height: int
    width: int

    name: ClassVar[str] = "resize"
    requires: ClassVar[frozenset[str]] = frozenset()
    ensures: ClassVar[frozenset[str]] = frozenset({"explicit padding"})

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph with the shapes that follow.

        Raises:
            SpecError: there are no images, they have several sizes, or a layer does not take the new one.
        """
        sizes = {graph.nodes[path].shape[1:] for path in graph.inputs if len(graph.nodes[path].shape) == 3}
        if len(sizes) != 1:
            found = "images of several sizes" if sizes else "no images"
            raise SpecError(Diagnostic("E0502", f"{graph.name} has {found} as its inputs: it cannot be resized"))
        nodes: dict[str, Node] = {}
        for path, node in graph.nodes.items():
            if node.op.name == "input":
                nodes[path] = self._input(node)
                continue
            shapes = [nodes[source].shape for source in node.inputs]
            try:
                op = node.op.resolved(shapes)
                shape = op.infer_shape(shapes)
                differing = _differing_weight(op, shapes, graph.input_shapes(node))
            except ShapeError as error:
                raise self._refusal(graph, node, str(error)) from None
            if differing:
                raise self._refusal(graph, node, f"its {differing} would have another shape")
            nodes[path] = replace(node, op=op, shape=shape)
        return replace(graph, nodes=nodes)

    def _input(self, node: Node) -> Node:
        if len(node.shape) != 3:
            return node
        return replace(node, shape=(node.shape[0], self.height, self.width))

    def _refusal(self, graph: LayerGraph, node: Node, reason: str) -> SpecError:
        size = shape_text((self.height, self.width))
        return SpecError(Diagnostic("E0502", f"{graph.name} does not take {size}: {node.path}, {reason}", node.span))


def _differing_weight(op: Op, shapes: list[Shape], before: tuple[Shape, ...]) -> str:
    """The name of a weight that inputs of these shapes make another."""
    pairs = zip(op.weights(shapes), op.weights(before), strict=True)
    return next((new.name for new, old in pairs if new.shape != old.shape), "")
