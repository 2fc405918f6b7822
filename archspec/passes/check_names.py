"""Hold the paths of layers against each other: in Keras, where a name has no dots, each must still have its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from archspec.errors import Diagnostic, Note, SpecError
from archspec.ir.graph import LayerGraph
from archspec.passes.pipeline import Property
from archspec.passes.properties import JOINED_NAMES
from archspec.reserved_names import joined_name


@dataclass(frozen=True, slots=True)
class CheckNames:
    """Refuses a layer `a_b` beside a layer `b` of `a`, which would get one name where `_` joins them."""

    name: ClassVar[str] = "check_names"
    requires: ClassVar[tuple[Property, ...]] = ()
    ensures: ClassVar[tuple[Property, ...]] = (JOINED_NAMES,)

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph itself.

        Raises:
            SpecError: two layers would get one name.
        """
        owner: dict[str, str] = {}
        found: list[Diagnostic] = []
        for path, node in graph.nodes.items():
            first = owner.setdefault(joined_name(path), path)
            if first != path:
                message = f"`{path}` and `{first}` are one name where `_` joins the parts, as it does in Keras"
                notes = (Note(f"`{first}` is here", graph.nodes[first].span),)
                found.append(Diagnostic("E0404", message, node.span, notes=notes, help="rename one of the two"))
        if found:
            raise SpecError(found)
        return graph
