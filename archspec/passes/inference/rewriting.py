"""What the passes of the inference form share: who takes a tensor, and a graph with some layers gone or changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from archspec.ir.def_use import Node
from archspec.ir.graph import LayerGraph, WeightStep
from archspec.ir.graph_edits import Address, Edit, Remove, Replace, apply_edits
from archspec.ir.op import Op
from archspec.ir.scope import Layer, Loop, Scope, walk


@dataclass(frozen=True, slots=True)
class Rename:
    """The weights of layers whose path has changed, since a numbered sequence counts anew."""

    paths: Mapping[str, str]
    """New paths by old ones."""

    def apply(self, weights: dict[str, object]) -> None:
        """Give the weights their new names."""
        moved = {}
        for name in [*weights]:
            path, dot, weight = name.rpartition(".")
            if name in self.paths:  # a layer whose path is the name of its weight
                moved[self.paths[name]] = weights.pop(name)
            elif path in self.paths:
                moved[f"{self.paths[path]}{dot}{weight}"] = weights.pop(name)
        weights.update(moved)


def sole_uses(graph: LayerGraph) -> dict[str, Node]:
    """The nodes that take a tensor, by its name, where one alone takes it, once, and it is no output."""
    outputs = set(graph.outputs.values())
    return {
        name: graph.nodes[takers[0]]
        for name, takers in graph.takers.items()
        if len(takers) == 1 and name not in outputs
    }


def users_of_weights(graph: LayerGraph) -> Mapping[str, frozenset[str]]:
    """The layers that compute with the weights of each, by the owner's path; itself is among them."""
    found: dict[str, set[str]] = {}
    for path, node in graph.nodes.items():
        found.setdefault(node.owner, set()).add(path)
    return {path: frozenset(users) for path, users in found.items()}


def copies_of_layers(graph: LayerGraph) -> Mapping[str, frozenset[str]]:
    """The layers that one layer in source stands for, by the path of each: itself, and where it is used again."""
    again = {item.path: item.shares for item in walk(graph.root) if isinstance(item, Scope | Loop) and item.shares}
    found: dict[str, set[str]] = {}
    homes: dict[str, str] = {}
    for path, node in graph.nodes.items():
        home = node.owner
        while scope := next((scope for scope in again if home.startswith(f"{scope}.")), ""):
            home = again[scope] + home[len(scope) :]
        homes[path] = home
        found.setdefault(home, set()).add(path)
    return {path: frozenset(found[home]) for path, home in homes.items()}


def agreeing_on_weights(
    graph: LayerGraph, pairs: Mapping[str, str], details: Mapping[str, object] | None = None
) -> dict[str, str]:
    """The pairs of a layer and a product whose weights are used again nowhere, or everywhere by such a pair.

    Args:
        graph: the network.
        pairs: the products that take the work of layers, by the paths of these.
        details: what is equal of pairs that have the same weights, by the paths of the layers.
    """
    users, details = users_of_weights(graph), details or {}
    layers = {product: layer for layer, product in pairs.items()}

    def agree(layer: str, product: str) -> bool:
        products = users[graph.nodes[product].owner]
        if not products <= layers.keys():
            return False
        others = {layers[other] for other in products}
        if any(graph.nodes[other].op != graph.nodes[layer].op for other in others):
            return False
        if any(details.get(other) != details.get(layer) for other in others):
            return False
        has_weights = bool(graph.weights(graph.nodes[layer]))
        return not has_weights or others == users[graph.nodes[layer].owner]

    return {layer: product for layer, product in pairs.items() if agree(layer, product)}


def agreeing(graph: LayerGraph, pairs: Mapping[str, str], change: Callable[[Op, Op], Op | None]) -> dict[str, str]:
    """The pairs of which the one layer may go and the other be changed: what is used again stays one layer in source.

    Args:
        graph: the network.
        pairs: the layers that are to be changed, by those that are to go.
        change: of the ops of both, what the one that stays gets.
    """
    copies, found = copies_of_layers(graph), dict(pairs)
    while True:
        stays = {kept: change(graph.nodes[gone].op, graph.nodes[kept].op) for gone, kept in found.items()}
        wrong = [
            gone
            for gone, kept in found.items()
            if not copies[gone] <= found.keys() or any(stays.get(other) != stays[kept] for other in copies[kept])
        ]
        if not wrong:
            return found
        for gone in wrong:
            del found[gone]


def rewritten(
    graph: LayerGraph,
    *,
    remove: Mapping[str, int],
    change: Mapping[str, Callable[[Layer], Op]],
    steps: tuple[WeightStep, ...] = (),
    operands: Mapping[str, tuple[int, ...]] | None = None,
) -> LayerGraph:
    """The graph without some layers and with others changed, and with what that does to its weights.

    Args:
        graph: the network.
        remove: the paths of layers to take out, each with the input that takes its place.
        change: new ops by the paths of their layers.
        steps: what becomes of the weights, by the names that they had.
        operands: of the inputs of layers, those that they still take, by the paths of these layers.
    """
    edits: dict[Address | str, Edit] = {path: Remove(operand) for path, operand in remove.items()}
    edits |= {path: Replace(op) for path, op in change.items()}
    edits |= {path: Replace(lambda layer: layer.op, taken) for path, taken in (operands or {}).items()}
    if not edits:
        return graph
    edited = apply_edits(graph, edits)
    moved = {old: new for old, new in edited.paths.items() if old != new}
    if moved:
        steps = (*steps, Rename(moved))
    return replace(edited.graph, training_form=graph.training_form or graph, weight_steps=(*graph.weight_steps, *steps))
