"""Leave out the layers that no output needs, so that all that follows speaks of one and the same network."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from archspec.errors import Diagnostic, SpecError
from archspec.ir.dead_code import eliminate_dead_code
from archspec.ir.graph import LayerGraph
from archspec.passes.pipeline import Property
from archspec.passes.properties import NO_DEAD_LAYERS


class RemoveDeadLayers:
    """The network that its outputs need. `whole` of the result has the rest as well, for whoever asks for other taps.

    A spec may compute more than its outputs: the head of a parent whose features are wanted, or a second head that
    only training asks for.
    """

    __slots__ = ()
    name: ClassVar[str] = "remove_dead_layers"
    requires: ClassVar[tuple[Property, ...]] = ()
    ensures: ClassVar[tuple[Property, ...]] = (NO_DEAD_LAYERS,)

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph itself where all of it is needed."""
        pruned = eliminate_dead_code(graph) if graph.dead_layers else graph
        if len(pruned.nodes) == len(graph.nodes):  # what is used again computes what is needed in one place everywhere
            without_dead_layers(graph)
            return graph
        return replace(without_dead_layers(pruned), depth=graph.depth, whole=graph)


def without_dead_layers(graph: LayerGraph) -> LayerGraph:
    """A graph that was cut down, itself.

    Raises:
        SpecError: layers with weights are left that no output needs. A block takes them, so they were kept, and what is
            used of the block does not depend on them.
    """
    help = "leave them out, or make what they lead to one of the `outputs`"
    found = [
        Diagnostic("E0407", f"`{node.path}` has weights, and no output needs it", node.span, help=help)
        for node in graph.dead
    ]
    if found:
        raise SpecError(found)
    return graph
