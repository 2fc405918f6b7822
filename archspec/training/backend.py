"""What a backend is that writes training programs.

A program is a folder: `model.py` (the backend's source of the graph), `data.py`, `records.py`, `watching.py`, and what
such a backend writes: `train.py` with the loop, and modules that it imports. None of them imports archspec. What is
framework-neutral in them comes from `archspec.training.schedule_source`; what they do is said on the page on training.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from archspec.codegen.backend import Arrays, ExchangesWeights
from archspec.ir.graph import LayerGraph
from archspec.training.plan import TrainingPlan


@runtime_checkable
class WritesTraining(ExchangesWeights, Protocol):
    """Writes the programs that train its models: all that `archspec train` needs."""

    def render_training(self, graph: LayerGraph, plan: TrainingPlan) -> Mapping[str, str]:
        """The source of `train.py` and of the modules of its own that it imports, by file name.

        They import `model`, `data` and the modules in `archspec.training.parts` from beside them.

        Args:
            graph: the network, without the layers' own weight decay: all decay is in the plan's groups.
            plan: how it is trained.

        Raises:
            BackendError: the plan asks for what the backend's programs do not do; it is said what, and what to write.
        """
        ...

    def to_checkpoint(self, graph: LayerGraph, weights: Arrays) -> Arrays:
        """Weights as the program's checkpoints have them: its own names, the framework's layout.

        Args:
            graph: the network.
            weights: by canonical name, in canonical layout, running statistics included.
        """
        ...

    def from_checkpoint(self, graph: LayerGraph, arrays: Arrays) -> Arrays:
        """Weights of a program's checkpoint by canonical name, in canonical layout.

        What is no weight, as the state of an optimizer, is left out. Where weights are missing, so are their names.
        """
        ...
