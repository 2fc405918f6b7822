"""A backend that writes a network as a Python list of its layers: nothing but paths and ops, to show what one owes.

It has every member of `archspec.codegen.backend.Backend`. A framework's does more in most of them; `lacks` says what a
backend cannot do, and whoever asks for it is told so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from archspec import BackendError, Diagnostic, InternalError, LayerGraph
from archspec.codegen.backend import Arrays, Backend, Gradients, Outcome, Source, Task

_COMPUTES_NOTHING = "a listing computes nothing"


class ListingBackend:
    """The names of the layers, and what they are."""

    name = "listing"
    title = "a listing"
    suffix = ".py"
    weights_suffix = ".txt"
    holds_weights = False
    engines = ("python",)

    def require(self, engine: str | None = None) -> None:
        """It runs on nothing but Python."""

    def environment(self, engine: str) -> Mapping[str, str]:
        """Python needs to be told nothing."""
        return {}

    def lacks(self, task: Task, dtype: str) -> str:
        """Everything that computes."""
        return _COMPUTES_NOTHING

    def render(self, graph: LayerGraph, *, dtype: str = "float32", functions: bool = False) -> Source:
        """One row for each layer."""
        rows = "".join(f"    {(path, node.op.name)!r},\n" for path, node in graph.nodes.items())
        return f"LAYERS = [\n{rows}]\n"

    def verify(self, source: Source, graph: LayerGraph) -> None:
        """The layers are those of the graph."""
        if self.build(source, graph) != [(path, node.op.name) for path, node in graph.nodes.items()]:
            raise InternalError("the listing has other layers")

    def build(
        self,
        source: Source,
        graph: LayerGraph,
        *,
        weights: Arrays | None = None,
        device: str | None = None,
        dtype: str | None = None,
    ) -> Any:
        """The list itself."""
        names: dict[str, Any] = {}
        exec(compile(source, "<listing>", "exec"), names)
        return names["LAYERS"]

    def packed(self, model: Any, name: str, *, external: bool = False) -> Mapping[str, bytes]:
        """For backends that write models, which this one does not: `holds_weights` is false."""
        raise NotImplementedError

    def load_weights(self, model: Any, graph: LayerGraph, weights: Arrays) -> None:
        """It has none."""

    def export_weights(self, model: Any, graph: LayerGraph) -> Arrays:
        """It has none."""
        return {}

    def save_weights(self, model: Any, path: Path) -> None:
        """An empty file."""
        path.write_text("", encoding="utf-8")

    def load_usage(self, path: str) -> str:
        """There is nothing to load."""
        return "pass"

    def run(self, model: Any, graph: LayerGraph, inputs: Arrays, *, training: bool, nodes: bool = False) -> Outcome:
        """`lacks` says that it does not."""
        raise BackendError(Diagnostic("E0601", _COMPUTES_NOTHING))

    def gradients(
        self, model: Any, graph: LayerGraph, inputs: Arrays, targets: Arrays, *, nodes: bool = False
    ) -> Gradients:
        """`lacks` says that it does not."""
        raise BackendError(Diagnostic("E0601", _COMPUTES_NOTHING))

    def train(
        self,
        model: Any,
        graph: LayerGraph,
        batches: Iterable[tuple[Arrays, Arrays]],
        *,
        learning_rate: float,
        momentum: float,
    ) -> list[float]:
        """`lacks` says that it does not."""
        raise BackendError(Diagnostic("E0601", _COMPUTES_NOTHING))

    def usage(self, graph: LayerGraph, module: str) -> Sequence[str]:
        """The last layer is called the output."""
        return (f"from {module} import LAYERS", "print(LAYERS[0])", "output = LAYERS[-1]")

    def versions(self) -> Mapping[str, str]:
        """Its own."""
        return {"archspec-listing": "1.0"}


# A type checker sees here whether it is one.
backend: Backend = ListingBackend()
