"""Which node's tensor a layer of a running model gives: one layer may be called for several of them.

A layer is called again within one model, or with the model that it stands in. The n-th place of a model's graph where a
layer is called is that of the n-th node that the layer computes, since source calls it in the graph's order; Keras runs
these places in an order of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeAlias

from archspec.codegen.sharing import Sharing
from archspec.ir.def_use import value_name
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Body, Choice, Layer, Loop, Scope
from archspec.reserved_names import joined_name
from archspec_keras.layer_names import layer_name
from archspec_keras.ops import ROWS
from archspec_keras.patching import replaced
from archspec_keras.variables import layers_of

Mark: TypeAlias = Callable[[str, Any], Any]
"""What is done with the tensor of a node, by the node's path; the network goes on with what it returns."""


@dataclass(slots=True)
class LayerNodes:
    """What the layers of each model compute, a model by the place of its parameters; that of the network is empty."""

    layers: dict[str, dict[str, list[str]]] = field(default_factory=dict[str, dict[str, list[str]]])
    """By model and Keras's layer, the nodes in the graph's order: their paths from the model's own on."""
    models: dict[str, dict[str, list[str]]] = field(default_factory=dict[str, dict[str, list[str]]])
    """The same by model and the model that is called in it."""

    @classmethod
    def of(cls, graph: LayerGraph, names: Mapping[str, Any]) -> LayerNodes:
        """The places of a graph's nodes; `names` are those of Keras's layers."""
        found = cls()
        _NodeWalk(graph, names, found, Sharing.of(graph).homes).body(graph.root.body, "", "", "")
        return found


@dataclass(slots=True)
class _NodeWalk:
    graph: LayerGraph
    names: Mapping[str, Any]
    found: LayerNodes
    homes: Mapping[str, str]
    shared: frozenset[str] = field(init=False)
    """The places of parameters that several scopes have."""

    def __post_init__(self) -> None:
        homes = self.homes
        self.shared = frozenset(home for path, home in homes.items() if path != home and not self._inherited(path))

    def _inherited(self, path: str) -> bool:
        """Whether an item has another place because of what it stands in."""
        around = self.graph.scope_around(path)
        return self.homes.get(path) == f"{self.homes.get(around, around)}.{path.removeprefix(f'{around}.')}"

    def body(self, body: Body, model: str, start: str, home: str) -> None:
        """The items of a scope: of which model, where its path begins, and where its own parameters are."""
        for item in body.items:
            if isinstance(item, Choice):
                self.body(item.body, model, start, home)
            else:
                self.item(item, model, start, home)

    def item(self, item: Layer | Scope | Loop, model: str, start: str, home: str) -> None:
        """One item."""
        own = item.path[len(start) + 1 if start else 0 :]
        place = self.homes.get(item.path, item.path)
        if isinstance(item, Layer):
            name = self.last_layer(item, place, f"{home}.{item.name}" if home else item.name)
            self.found.layers.setdefault(model, {}).setdefault(name, []).append(own)
            return
        iterations = isinstance(item, Loop) and item.iterations and all(scope.shares for scope in item.iterations)
        if place in self.shared and not iterations:
            self.found.models.setdefault(model, {}).setdefault(place, []).append(own)
            if place in self.found.layers or place in self.found.models:
                return
            self.found.layers[place] = {}
            model, start = place, item.path
        if isinstance(item, Scope):
            self.body(item.body, model, start, place)
        else:
            for scope in item.iterations:
                self.item(scope, model, start, place)

    def last_layer(self, layer: Layer, place: str, own: str) -> str:
        """The name of Keras's layer that gives a node's tensor; one that is added after another is the node's own."""
        if after := ROWS[layer.op.name].after:
            others = {layer_name(other, self.graph) for other in self.graph.nodes}
            # The row may need no such layer, and another of the graph may be called so.
            first = layer_name(own, self.graph)
            added = (name for name in self.names if name not in others and name.rstrip("_") == first + after)
            return next(added, layer_name(place, self.graph))
        return layer_name(place, self.graph)


@dataclass(slots=True)
class _RunningModel:
    """A model that runs: the place of its parameters, the path of what it computes, and what it calls in which turn."""

    model: str
    path: str
    turns: Mapping[int, list[int]]
    calls: Counter[int] = field(default_factory=Counter[int])

    def path_of(self, layer: Any, paths: list[str]) -> str | None:
        """The path of what a layer computes now, from those of all that it computes in the model."""
        call = self.calls[id(layer)]
        self.calls[id(layer)] += 1
        turns = self.turns.get(id(layer), [0])
        turn = turns[call] if call < len(turns) else len(paths)
        if turn >= len(paths):  # an edited source calls it more often
            return None
        return f"{self.path}.{paths[turn]}" if self.path else paths[turn]


def _turns(model: Any) -> dict[int, list[int]]:
    """For each layer, by `id`, which of the places where it is called comes when the model runs."""
    nodes = [node for depth in sorted(model._nodes_by_depth, reverse=True) for node in model._nodes_by_depth[depth]]
    indices: dict[int, list[int]] = {}
    for node in nodes:
        indices.setdefault(id(node.operation), []).append(node.operation._inbound_nodes.index(node))
    return {layer: [sorted(found).index(index) for index in found] for layer, found in indices.items()}


@contextmanager
def marking(model: Any, graph: LayerGraph, mark: Mark) -> Iterator[None]:
    """While it holds, what the layers of the graph's nodes give goes through `mark`.

    A second functional model of the same layers would give their tensors too. It would follow them by recursion, could
    not distinguish two layers that give one tensor, and has no place for what gradients take.
    """
    layers = {layer.name: layer for layer in layers_of(model)}
    places = LayerNodes.of(graph, layers)
    frames = [_RunningModel("", "", _turns(model))]

    def marked(layer: Any) -> Callable[..., Any]:
        run = layer.call

        @wraps(run)  # Keras asks for the signature
        def call(*args: Any, **kwargs: Any) -> Any:
            result, frame = run(*args, **kwargs), frames[-1]
            path = frame.path_of(layer, places.layers.get(frame.model, {}).get(layer.name, []))
            if path is None:
                return result
            if isinstance(result, list | tuple):
                return [mark(value_name(path, index), part) for index, part in enumerate(result)]
            return mark(path, result)

        return call

    def entered(layer: Any, place: str) -> Callable[..., Any]:
        run, turns = layer.call, _turns(layer)

        @wraps(run)
        def call(*args: Any, **kwargs: Any) -> Any:
            frame = frames[-1]
            path = frame.path_of(layer, places.models.get(frame.model, {}).get(place, []))
            frames.append(_RunningModel(place, path or place, turns))
            try:
                return run(*args, **kwargs)
            finally:
                frames.pop()

        return call

    with ExitStack() as stack:
        for name in {name for found in places.layers.values() for name in found} & layers.keys():
            stack.enter_context(replaced(layers[name], "call", marked(layers[name])))
        for place in {place for found in places.models.values() for place in found}:
            for name, layer in layers.items():
                if name.rstrip("_") == f"{joined_name(place)}_model" and hasattr(layer, "layers"):
                    stack.enter_context(replaced(layer, "call", entered(layer, place)))
        yield
