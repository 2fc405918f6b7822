"""Hold the paths of layers against each other: in Keras, where a name has no dots, each must still have its own."""

from __future__ import annotations

from typing import ClassVar

from archspec.errors import Diagnostic, Note, SpecError
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Layer, Loop, Scope, walk, walk_layers
from archspec.passes.pipeline import Property
from archspec.passes.properties import JOINED_NAMES
from archspec.reserved_names import joined_name


class CheckNames:
    """Refuses a layer `a_b` beside a layer `b` of `a`, which would get one name where `_` joins them."""

    __slots__ = ()
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
        again = {
            layer.path
            for item in walk(graph.root)
            if (item.shared if isinstance(item, Layer) else isinstance(item, Scope | Loop) and item.shares)
            for layer in walk_layers(item)
        }
        for path, node in graph.nodes.items():
            if node.flat_name and path in again:  # the layer is another's, with its name
                continue
            first = owner.setdefault(node.flat_name or joined_name(path), path)
            if first != path and (name := node.flat_name or graph.nodes[first].flat_name):
                message = f"`{path}` and `{first}` are both called `{name}` where names are flat, as they are in Keras"
                notes = (Note(f"`{first}` is here", graph.nodes[first].span),)
                help = "let the flat name speak of what differs, such as a param of the block"
                found.append(Diagnostic("E0404", message, node.span, notes=notes, help=help))
            elif first != path:
                message = f"`{path}` and `{first}` are one name where `_` joins the parts, as it does in Keras"
                notes = (Note(f"`{first}` is here", graph.nodes[first].span),)
                found.append(Diagnostic("E0404", message, node.span, notes=notes, help="rename one of the two"))
        if found:
            raise SpecError(found)
        return graph
