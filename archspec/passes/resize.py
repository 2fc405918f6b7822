"""Give a network inputs of other sizes in space; its layers and weights stay what they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from archspec.errors import Diagnostic, SpecError
from archspec.ir.graph import LayerGraph
from archspec.ir.mapping import map_layers
from archspec.ir.op import Op, ShapeError
from archspec.ir.scope import Layer
from archspec.ir.tensor_type import TensorType, shape_text
from archspec.passes.pipeline import Property
from archspec.passes.properties import EXPLICIT_PADDING


@dataclass(frozen=True, slots=True)
class Resize:
    """Signals, images and volumes of these sizes along their spatial axes, by path; other inputs keep their shapes.

    Attributes that the spec computed from the size stay as they were, as they do in generated code.
    """

    sizes: Mapping[str, tuple[int, ...]]

    name: ClassVar[str] = "resize"
    requires: ClassVar[tuple[Property, ...]] = ()
    ensures: ClassVar[tuple[Property, ...]] = (EXPLICIT_PADDING,)

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph with the shapes that follow.

        Raises:
            SpecError: a layer does not take them, or would have weights of other shapes.
        """
        inputs = tuple(
            replace(node, types=(node.type.with_places(self.sizes[node.path]),)) if node.path in self.sizes else node
            for node in graph.input_nodes
        )

        def resized(layer: Layer, arriving: Sequence[TensorType]) -> Layer:
            before = graph.input_types(graph.nodes[layer.path])
            try:
                op = layer.op.resolved(arriving)
                types = op.output_types(arriving)
                differing = _differing_weight(op, arriving, before)
            except ShapeError as error:
                raise self._refusal(graph, layer, str(error)) from None
            if differing:
                raise self._refusal(graph, layer, f"has a {differing} that would have another shape")
            return layer if (op, types) == (layer.op, layer.types) else replace(layer, op=op, types=types)

        # What no output needs is not resized: it may not take these sizes, and nobody asks for it.
        return replace(map_layers(graph, resized, inputs=inputs), whole=None)

    def _refusal(self, graph: LayerGraph, layer: Layer, reason: str) -> SpecError:
        sizes = ", ".join(dict.fromkeys(map(shape_text, self.sizes.values())))
        return SpecError(Diagnostic("E0502", f"{graph.name} does not take {sizes}: {layer.path} {reason}", layer.span))


def doubled(graph: LayerGraph) -> LayerGraph:
    """The network for inputs of twice the size along all spatial axes.

    Raises:
        SpecError: it does not take them, or would have other layers for them.
    """
    if graph.sizes_decide:
        message = f"{graph.name} has other layers for inputs of other sizes"
        raise SpecError(Diagnostic("E0502", message, help="give it the size that is meant, by its params"))
    return Resize({path: tuple(2 * size for size in sizes) for path, sizes in graph.spatial_sizes.items()}).run(graph)


def _differing_weight(op: Op, after: Sequence[TensorType], before: Sequence[TensorType]) -> str:
    """The name of a weight that inputs of these shapes make another."""
    pairs = zip(op.weights(after), op.weights(before), strict=True)
    return next((new.name or "weight" for new, old in pairs if new.shape != old.shape), "")
