"""Leave out the layers that no output needs, so that all that follows speaks of one and the same network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from archspec.errors import Diagnostic, SpecError
from archspec.ir.graph import LayerGraph
from archspec.ir.pruning import prune
from archspec.ir.wiring import Node


@dataclass(frozen=True, slots=True)
class LeaveOut:
    """The network that its outputs need. `whole` of the result has the rest as well, for whoever asks for other taps.

    A spec may compute more than its outputs: the head of a parent whose features are wanted, or a second head that
    only training asks for.
    """

    name: ClassVar[str] = "leave_out"
    requires: ClassVar[frozenset[str]] = frozenset()
    ensures: ClassVar[frozenset[str]] = frozenset({"no layer without a use"})

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph itself where all of it is needed."""
        if not _unneeded(graph):
            return graph
        return replace(needed(prune(graph)), depth=graph.depth, whole=graph)


def needed(graph: LayerGraph) -> LayerGraph:
    """A graph that was cut down, itself.

    Raises:
        SpecError: layers with weights are left that no output needs. A block takes them, so they were kept, and what is
            used of the block does not depend on them.
    """
    help = "leave them out, or make what they lead to one of the `outputs`"
    found = [
        Diagnostic("E0407", f"`{node.path}` has weights, and no output needs it", node.span, help=help)
        for node in _unneeded(graph)
        if graph.weights(node)
    ]
    if found:
        raise SpecError(found)
    return graph


def _unneeded(graph: LayerGraph) -> list[Node]:
    """The nodes from which no way leads to an output."""
    needed = set(graph.outputs.values())
    for path, node in reversed(list(graph.nodes.items())):
        if path in needed:
            needed.update(node.inputs)
    return [node for path, node in graph.nodes.items() if path not in needed]
