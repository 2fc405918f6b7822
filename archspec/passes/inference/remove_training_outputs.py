"""Take out the outputs that a network gives in training alone."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec.passes.pipeline import Property


def _fault(graph: LayerGraph) -> str:
    return f"{graph.training_outputs[0]} is one" if graph.training_outputs else ""


NO_TRAINING_OUTPUTS = Property("no outputs of training alone", _fault)


class RemoveTrainingOutputs:
    """The network gives what it gives after training; the layers that no other output needs are not there."""

    __slots__ = ()
    name: ClassVar[str] = "remove_training_outputs"
    requires: ClassVar[tuple[Property, ...]] = ()
    ensures: ClassVar[tuple[Property, ...]] = (NO_TRAINING_OUTPUTS,)

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph itself where there are none."""
        kept = evaluated(graph)
        return kept if kept is graph else replace(kept, training_form=graph.training_form or graph)
