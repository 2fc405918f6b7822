"""What is known of a tensor before any number is: it spares padding and permuting."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from archspec.codegen.helpers import Helpers
from archspec.codegen.marked_text import around
from archspec.errors import SpecError
from archspec.ir.def_use import producer
from archspec.ir.graph import LayerGraph
from archspec.passes.resize import doubled
from archspec_keras.layer_names import layer_name
from archspec_keras.names import helpers_of, reserved


@dataclass(frozen=True, slots=True)
class StaticProperties:
    """What is known of a graph's tensors: found once, since every definition asks, and there may be many."""

    never_negative: frozenset[str]
    single_pixel: frozenset[str]
    names: frozenset[str]
    """What the graph's own layers are called, which no layer may be called that is added to them."""
    helpers: Helpers
    """What the module may bring along."""
    reserved: frozenset[str]
    """What the module imports or may define."""
    size_bound: frozenset[str] | None
    """The nodes that have other channels for inputs of twice the size, and all scopes around them.

    A flatten fixes the size, what halves maps and joins them again does not. None where the network takes no such
    inputs.
    """
    resized: frozenset[str]
    """The tensors that have other sizes or channels for inputs of twice the size."""

    @classmethod
    def of(cls, graph: LayerGraph) -> StaticProperties:
        """The facts of a graph."""
        twice = _of_twice_the_size(graph)
        larger = graph if twice is None else twice
        return cls(
            never_negative(graph),
            single_pixel(graph),
            frozenset(layer_name(path, graph) for path in graph.nodes),
            helpers_of(graph),
            frozenset(reserved(graph)),
            _size_bound(graph, twice),
            frozenset(path for path, type in larger.types.items() if type != graph.types[path]),
        )

    def takes_any_size(self, paths: Iterable[str] = ("",)) -> bool:
        """Whether the layers, weights and channels of these scopes are the same for inputs of any size."""
        return self.size_bound is not None and self.size_bound.isdisjoint(paths)


def never_negative(graph: LayerGraph) -> frozenset[str]:
    """The nodes that cannot give a negative number."""
    found: set[str] = set()
    for path, node in graph.nodes.items():
        if node.op.never_negative([producer(source) in found for source in node.inputs], node.exprs.keys()):
            found.add(path)
    return frozenset(found)


def single_pixel(graph: LayerGraph) -> frozenset[str]:
    """The nodes that give images of 1x1 whatever the size of the input."""
    found: set[str] = set()
    for path, node in graph.nodes.items():
        if node.inputs and node.op.one_place([producer(source) in found for source in node.inputs]):
            found.add(path)
    return frozenset(found)


def size_bound(graph: LayerGraph) -> frozenset[str] | None:
    """The nodes that have other channels for inputs of twice the size, and the scopes around them; None for no such."""
    return _size_bound(graph, _of_twice_the_size(graph))


def _of_twice_the_size(graph: LayerGraph) -> LayerGraph | None:
    """The network for inputs of twice the size; None where it does not take them."""
    try:
        return doubled(graph)
    except SpecError:
        return None


def _size_bound(graph: LayerGraph, twice: LayerGraph | None) -> frozenset[str] | None:
    if twice is None:
        return None
    found: set[str] = set()
    for path, node in twice.nodes.items():
        if node.type.channels != graph.nodes[path].type.channels:
            found.update(around(path), ("",))
    return frozenset(found)
