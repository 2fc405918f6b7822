"""A backend that writes a network as a Python list of its layers, and runs it as such."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from archspec import InternalError, LayerGraph
from archspec.codegen.backend import Outcome


class ListingBackend:
    """Nothing but paths and ops: it shows what a backend owes."""

    name = "listing"
    title = "a listing"
    suffix = ".py"
    weights_suffix = ".txt"
    holds_weights = False

    def require(self, engine: str | None = None) -> None:
        """It runs on nothing but Python."""

    def render(self, graph: LayerGraph, *, dtype: str = "float32", functions: bool = False) -> str:
        rows = "".join(f"    {(path, node.op.name)!r},\n" for path, node in graph.nodes.items())
        return f"LAYERS = [\n{rows}]\n"

    def verify(self, source: str, graph: LayerGraph) -> None:
        if len(self.build(source, graph)) != len(graph.nodes):
            raise InternalError("the listing has another number of layers")

    def build(
        self,
        source: str,
        graph: LayerGraph,
        *,
        weights: Mapping[str, Any] | None = None,
        device: str | None = None,
        dtype: str | None = None,
    ) -> Any:
        names: dict[str, Any] = {}
        exec(compile(source, "<listing>", "exec"), names)
        return names["LAYERS"]

    def load_weights(self, model: Any, graph: LayerGraph, weights: Mapping[str, Any]) -> None:
        """It has none."""

    def export_weights(self, model: Any, graph: LayerGraph) -> Mapping[str, Any]:
        return {}

    def save_weights(self, model: Any, path: Path) -> None:
        path.write_text("", encoding="utf-8")

    def load_usage(self, path: str) -> str:
        return "pass"

    def run(self, model: Any, graph: LayerGraph, inputs: Mapping[str, Any], *, training: bool) -> Outcome:
        return Outcome({}, {})

    def usage(self, graph: LayerGraph, module: str) -> Sequence[str]:
        return (f"from {module} import LAYERS", "print(LAYERS[0])", "output = LAYERS[-1]")

    def versions(self) -> Mapping[str, str]:
        return {"archspec-listing": "1.0"}


backend = ListingBackend()
