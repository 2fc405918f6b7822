"""The part of a backend that runs models, imported when it is needed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from archspec.codegen.backend import Arrays, Gradients, Outcome, Source, Task
from archspec.codegen.backend_errors import not_importable
from archspec.ir.graph import LayerGraph


class LazyModels(ABC):
    """What `RunsModels` asks for, by functions of a module that is imported when one of them is called.

    So the framework itself is imported only then. `models` names the module; each method is its function of that name,
    and `run` its `run_forward`.
    """

    models: str
    title: str
    frameworks: Sequence[str]
    """The modules that `models` imports and that are not archspec's own."""

    def _models(self) -> Any:
        """The module `models`.

        Raises:
            BackendError: one of the frameworks raises when it is imported.
        """
        for name in self.frameworks:
            try:
                import_module(name)
            except Exception as error:  # whatever a framework raises
                raise not_importable(self.title, error) from error
        return import_module(self.models)

    @abstractmethod
    def require(self, engine: str | None = None) -> None:
        """See `RunsModels`."""

    def environment(self, engine: str) -> Mapping[str, str]:
        """See `RunsModels`."""
        return {}

    def lacks(self, task: Task, dtype: str) -> str:
        """See `RunsModels`."""
        return ""

    def verify(self, source: Source, graph: LayerGraph) -> None:
        """See `RunsModels`."""
        self.require()
        self._models().verify(source, graph)

    def build(
        self,
        source: Source,
        graph: LayerGraph,
        *,
        weights: Arrays | None = None,
        device: str | None = None,
        dtype: str | None = None,
    ) -> Any:
        """See `RunsModels`."""
        self.require()
        return self._models().build(source, graph, weights=weights, device=device, dtype=dtype)

    def load_weights(self, model: Any, graph: LayerGraph, weights: Arrays) -> None:
        """See `RunsModels`."""
        self._models().load_weights(model, graph, weights)

    def export_weights(self, model: Any, graph: LayerGraph) -> Arrays:
        """See `RunsModels`."""
        found: Arrays = self._models().export_weights(model, graph)
        return found

    def run(self, model: Any, graph: LayerGraph, inputs: Arrays, *, training: bool, nodes: bool = False) -> Outcome:
        """See `RunsModels`."""
        found: Outcome = self._models().run_forward(model, graph, inputs, training=training, nodes=nodes)
        return found


class LazyTraining(LazyModels):
    """The same of `TrainsModels`, and how `SavesWeights` writes them."""

    def save_weights(self, model: Any, path: Path, form: str = "") -> None:
        """See `SavesWeights`."""
        self._models().save_weights(model, path, form)

    def gradients(
        self, model: Any, graph: LayerGraph, inputs: Arrays, targets: Arrays, *, nodes: bool = False
    ) -> Gradients:
        """See `TrainsModels`."""
        found: Gradients = self._models().gradients(model, graph, inputs, targets, nodes=nodes)
        return found

    def train(
        self,
        model: Any,
        graph: LayerGraph,
        batches: Iterable[tuple[Arrays, Arrays]],
        *,
        learning_rate: float,
        momentum: float,
    ) -> list[float]:
        """See `TrainsModels`."""
        found: list[float] = self._models().train(model, graph, batches, learning_rate=learning_rate, momentum=momentum)
        return found
