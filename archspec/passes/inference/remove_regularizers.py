"""Take out what does nothing after training: dropout, drop path."""

from __future__ import annotations

from typing import ClassVar

from archspec.ir.graph import LayerGraph
from archspec.passes.inference.rewriting import rewritten
from archspec.passes.pipeline import Property


def _fault(graph: LayerGraph) -> str:
    return next((f"{path} is one" for path, node in graph.nodes.items() if node.op.kind == "regularizer"), "")


NO_REGULARIZERS = Property("no layers that work in training alone", _fault)


class RemoveRegularizers:
    """The layers that are random in training, and give their input afterwards, are not there."""

    __slots__ = ()
    name: ClassVar[str] = "remove_regularizers"
    requires: ClassVar[tuple[Property, ...]] = ()
    ensures: ClassVar[tuple[Property, ...]] = (NO_REGULARIZERS,)

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph itself where there are none."""
        gone = {path: 0 for path, node in graph.nodes.items() if node.op.kind == "regularizer"}
        return rewritten(graph, remove=gone, change={})
