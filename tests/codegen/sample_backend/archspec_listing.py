"""A backend that writes a network as a Python list of its layers: all that a backend needs to write source."""

from __future__ import annotations

from archspec import LayerGraph
from archspec.codegen.backend import Backend


class ListingBackend:
    """The names of the layers, and what they are."""

    name = "listing"
    title = "Listing"
    suffix = ".py"

    def render(self, graph: LayerGraph) -> str:
        """One row for each layer."""
        rows = "".join(f"    {(path, node.op.name)!r},\n" for path, node in graph.nodes.items())
        return f"LAYERS = [\n{rows}]\n"


# A type checker sees here whether it is one.
backend: Backend = ListingBackend()
