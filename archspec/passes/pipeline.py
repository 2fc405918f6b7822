"""What a pass is, and running passes with the verifier after each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol

from archspec.errors import InternalError
from archspec.ir.graph import LayerGraph
from archspec.ir.verify import verify


class Pass(Protocol):
    """A step from graph to graph: a frozen dataclass whose fields are its options.

    `requires` and `ensures` are names of properties: what must hold before, and what holds afterwards.
    """

    name: ClassVar[str]
    requires: ClassVar[frozenset[str]]
    ensures: ClassVar[frozenset[str]]

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph after the step; the one given is not changed."""
        ...


def run(graph: LayerGraph, passes: Sequence[Pass]) -> LayerGraph:
    """Run passes in order, verifying the graph at the start and after each.

    Raises:
        InternalError: a pass is run before one that it requires, or breaks the graph.
        ArchspecError: as the passes raise it.
    """
    verify(graph)
    holds: set[str] = set()
    for step in passes:
        missing = step.requires - holds
        if missing:
            raise InternalError(f"pass {step.name} requires {', '.join(sorted(missing))}")
        after = step.run(graph)
        if after is not graph:
            verify(after)
        graph = after
        holds |= step.ensures
    return graph
