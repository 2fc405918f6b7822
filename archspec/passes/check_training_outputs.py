"""Hold the outputs of training alone against what evaluation needs: source computes an item of the network or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from archspec.errors import Diagnostic, Note, SpecError
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Choice, Item, Layer, Loop, Scope, owners_of, walk_layers
from archspec.passes.pipeline import Property


class CheckTrainingOutputs:
    """Refuses what training alone needs inside of what evaluation needs, and weights that the former has first."""

    __slots__ = ()
    name: ClassVar[str] = "check_training_outputs"
    requires: ClassVar[tuple[Property, ...]] = ()
    ensures: ClassVar[tuple[Property, ...]] = ()

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph itself.

        Raises:
            SpecError: an item of the network is needed by evaluation in part, or it uses again what it does not have.
        """
        found = [*_parts(graph), *_borrowed(graph)] if graph.training_outputs else []
        if found:
            raise SpecError(found)
        return graph


def _parts(graph: LayerGraph) -> Iterator[Diagnostic]:
    """The items that evaluation needs a part of."""
    for item in _items(graph.root.body.items):
        layers = [layer.path for layer in walk_layers(item)]
        alone = [path for path in layers if path not in graph.evaluated_nodes]
        if alone and len(alone) < len(layers):
            names = ", ".join(f"`{name}`" for name in graph.training_outputs)
            message = f"`{alone[0]}` is needed in training alone, by {names}, and stands in `{item.path}`"
            notes = (Note(f"`{item.path}` is computed in evaluation, too", item.span),)
            help = "mark the tensor that it starts from by a tap, and put what follows into an item of the network"
            yield Diagnostic("E0406", message, graph.nodes[alone[0]].span, notes=notes, help=help)


def _borrowed(graph: LayerGraph) -> Iterator[Diagnostic]:
    """What evaluation uses again though it is computed in training alone."""
    for path, node in graph.evaluated_nodes.items():
        for first in owners_of(node.shared):
            if first not in graph.evaluated_nodes:
                message = f"`{path}` uses `{first}` again, which is computed in training alone"
                notes = (Note("it is here", graph.nodes[first].span),)
                help = "put the item that evaluation needs first, and let the one of training use it again"
                yield Diagnostic("E0415", message, node.span, notes=notes, help=help)


def _items(items: Sequence[Item]) -> Iterator[Layer | Scope | Loop]:
    """The network's items, those of its conditions in their place."""
    for item in items:
        if isinstance(item, Choice):
            yield from _items(item.body.items)
        else:
            yield item
