"""What the passes of the inference form share: which layers are joined, in all instances alike, and what becomes of weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from archspec.ir.def_use import Node
from archspec.ir.graph import LayerGraph, WeightStep
from archspec.ir.graph_edits import Address, Edit, Remove, Replace, apply_edits, layers_by_address
from archspec.ir.op import Op
from archspec.ir.scope import Layer


@dataclass(frozen=True, slots=True)
class Rename:
    """The weights of layers whose path has changed, since a numbered sequence counts anew."""

    paths: Mapping[str, str]
    """New paths by old ones."""

    def apply(self, weights: dict[str, object]) -> None:
        """Give the weights their new names."""
        moved = {}
        for name in [*weights]:
            path, _, weight = name.rpartition(".")
            if path in self.paths:
                moved[f"{self.paths[path]}.{weight}"] = weights.pop(name)
        weights.update(moved)


def sole_uses(graph: LayerGraph) -> dict[str, Node]:
    """The node that takes a tensor, by the tensor's name, for those that one node alone takes, once, and no output is."""
    takers = Counter(name for node in graph.nodes.values() for name in node.inputs)
    outputs = set(graph.outputs.values())
    return {
        name: node
        for node in graph.nodes.values()
        for name in node.inputs
        if takers[name] == 1 and name not in outputs
    }


def shared_layers(graph: LayerGraph) -> frozenset[str]:
    """The paths of layers that compute with others' weights, or lend theirs."""
    borrowers = [node for node in graph.nodes.values() if node.shared]
    owners = {name.rpartition(".")[0] for node in borrowers for name in node.shared.values()}
    return frozenset(owners | {node.path for node in borrowers})


def in_all_instances(graph: LayerGraph, pairs: Mapping[str, str]) -> dict[str, str]:
    """The pairs of a layer to take out and the one that does its work, without those that are not joined everywhere.

    A layer is written once and may stand in many instances of a block. It is taken out in all of them, or in none.
    """
    groups = [tuple(layer.path for layer in layers) for layers in layers_by_address(graph).values()]
    found = dict(pairs)
    while True:
        taking, taken = set(found), set(found.values())
        broken = {
            path
            for paths in groups
            for role in (taking, taken)
            if 0 < sum(path in role for path in paths) < len(paths)
            for path in paths
        }
        if not broken.intersection(taking | taken):
            return found
        found = {gone: kept for gone, kept in found.items() if gone not in broken and kept not in broken}


def rewritten(
    graph: LayerGraph,
    *,
    remove: Mapping[str, int],
    change: Mapping[str, Callable[[Layer], Op]],
    steps: tuple[WeightStep, ...] = (),
) -> LayerGraph:
    """The graph without some layers and with others changed, and with what that does to its weights.

    Args:
        graph: the network.
        remove: the paths of layers to take out, each with the input that takes its place; in all instances of a block.
        change: new ops by the paths of their layers; in all instances of a block.
        steps: what becomes of the weights, by the names that they had.
    """
    edits: dict[Address, Edit] = {}
    for address, layers in layers_by_address(graph).items():
        first = layers[0].path
        if first in remove:
            edits[address] = Remove(remove[first])
        elif first in change:
            edits[address] = Replace(lambda layer: change[layer.path](layer))
    if not edits:
        return graph
    edited = apply_edits(graph, edits)
    moved = {old: new for old, new in edited.paths.items() if old != new}
    if moved:
        steps = (*steps, Rename(moved))
    return replace(edited.graph, training_form=graph.training_form or graph, weight_steps=(*graph.weight_steps, *steps))
