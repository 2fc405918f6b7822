"""Hold the declared depth against the weighted layers that the graph really has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from archspec.errors import Diagnostic, Note, SpecError
from archspec.ir.graph import LayerGraph
from archspec.passes.pipeline import Property
from archspec.passes.properties import DECLARED_DEPTH

_SHOWN = 12


class CheckDepth:
    """Counts convolutions and dense layers on the longest path; projections beside it do not count."""

    __slots__ = ()
    name: ClassVar[str] = "check_depth"
    requires: ClassVar[tuple[Property, ...]] = ()
    ensures: ClassVar[tuple[Property, ...]] = (DECLARED_DEPTH,)

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph itself.

        Raises:
            SpecError: the counts differ; the message names the layers counted.
        """
        if graph.depth is None:
            return graph
        counted = graph.weighted_path
        if len(counted) == graph.depth.value:
            return graph
        shown = list(counted)
        if len(shown) > _SHOWN:
            half = _SHOWN // 2
            shown = [*shown[:half], f"... {len(counted) - 2 * half} more ...", *shown[-half:]]
        raise SpecError(
            Diagnostic(
                "E0204",
                f"depth {graph.depth.value} is declared, {len(counted)} weighted layers are counted",
                graph.depth.span,
                label=f"{len(counted)} convolutions and dense layers stand on the longest path",
                notes=(Note("counted: " + ", ".join(shown)), *_beside(graph, counted)),
                help="change the layers, or the depth; of branches side by side only the one with the most is counted",
            )
        )


def _beside(graph: LayerGraph, counted: Sequence[str]) -> tuple[Note, ...]:
    """The weighted layers that were not counted, if there are any."""
    known = set(counted)
    others = [path for path, node in graph.nodes.items() if node.op.weighted and path not in known]
    if not others:
        return ()
    more = f", and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
    return (Note("not counted, on branches beside them: " + ", ".join(others[:_SHOWN]) + more),)
