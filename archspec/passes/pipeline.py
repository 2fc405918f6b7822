"""What a pass is, and running passes: what they require and ensure is checked on the graph, each time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple, Protocol

from archspec.errors import InternalError
from archspec.ir.graph import LayerGraph
from archspec.ir.verify import verify


class Property(NamedTuple):
    """Something that may hold of a graph. `fault` gives what speaks against it, or nothing where it holds."""

    name: str
    fault: Callable[[LayerGraph], str]


class Pass(Protocol):
    """A step from graph to graph: a frozen dataclass whose fields are its options, a plain class if it has none."""

    name: ClassVar[str]
    requires: ClassVar[tuple[Property, ...]]
    """What must hold of the graph that it is given."""
    ensures: ClassVar[tuple[Property, ...]]
    """What holds of the graph that it gives."""

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph after the step, and the very same one where nothing changes; the one given is not changed."""
        ...


class PassResult(NamedTuple):
    """What came of running passes."""

    graph: LayerGraph
    changed: tuple[str, ...]
    """The names of the passes that changed something, in their order."""


def run_passes(graph: LayerGraph, passes: Sequence[Pass]) -> PassResult:
    """Run passes in order, verifying the graph at the start and after each that changes it.

    Raises:
        InternalError: what a pass requires does not hold, or what it ensures does not, or it breaks the graph.
        ArchspecError: as the passes raise it.
    """
    verify(graph)
    changed: list[str] = []
    for step in passes:
        _check(step.requires, graph, f"pass {step.name} requires")
        after = step.run(graph)
        if after is not graph:
            verify(after)
            changed.append(step.name)
        _check(step.ensures, after, f"pass {step.name} ensures")
        graph = after
    return PassResult(graph, tuple(changed))


def _check(properties: Sequence[Property], graph: LayerGraph, whose: str) -> None:
    for wanted in properties:
        if fault := wanted.fault(graph):
            raise InternalError(f"{whose} {wanted.name}: {fault}")
