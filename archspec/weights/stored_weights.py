"""What a backend says of the files of its framework: how they name the weights of a graph, and how their axes lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from archspec.codegen.backend import Backend
from archspec.ir.graph import LayerGraph
from archspec.ir.tensor_type import Shape
from archspec.weights.layouts import Layout


@dataclass(frozen=True, slots=True)
class StoredVariable:
    """A variable of a layer, as a framework's files name it."""

    names: tuple[str, ...]
    """Under its layer's name: `kernel`, `query/kernel`. Older files may have another of these."""
    owner: str
    """The layer within the layer that has it, such as `query`; empty where none has."""
    position: int
    """Its number among the variables of its owner, in the order in which they are made."""
    beside: int = 1
    """How many variables the owner has: in a file where it has others, positions mean others, too."""
    group: str = ""
    """What a file calls the group of the owner within that of the layer: `query_dense`."""


@dataclass(frozen=True, slots=True)
class StoredElsewhere:
    """Where other programs of the framework have a weight: in a layer that stands for several of the graph."""

    layer: str
    """As the framework's files name it."""
    variable: StoredVariable


@dataclass(frozen=True, slots=True)
class StoredWeight:
    """Where a framework keeps a weight of the graph, each variable a part of it along its first axis."""

    layer: str
    """The path of the graph's layer."""
    variables: tuple[StoredVariable, ...]
    shape: Shape
    """Of each variable."""
    layouts: tuple[Layout | None, ...] = (None,)
    """The framework's own first; None is the usual one of its number of axes. A file may have any of them."""
    exact: bool = False
    """Whether variables have this shape and no other: heads are seen in it alone."""
    elsewhere: StoredElsewhere | None = None


@runtime_checkable
class StoresWeights(Backend, Protocol):
    """Says how its framework's files name the weights of a graph, so that they are read without the framework."""

    def layer_name(self, path: str, graph: LayerGraph) -> str:
        """What its source calls the layer at a path of the graph."""
        ...

    def layer_groups(self, graph: LayerGraph) -> Mapping[str, str] | None:
        """In which group of a file's layers each with weights has its variables, by its path. Imports no framework.

        None where layers are called again, and the framework puts them into an order of its own.
        """
        ...

    def stored_weights(self, graph: LayerGraph) -> Mapping[str, StoredWeight]:
        """Where each weight of a graph is kept, by its canonical name. Imports no framework."""
        ...
