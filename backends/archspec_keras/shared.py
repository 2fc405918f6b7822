"""What is computed more than once with the same weights: a layer, or a model of its own, that is called each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TypeAlias

from archspec.codegen.escaping import literal
from archspec.codegen.pretty_printer import Code, call
from archspec.codegen.tree import CallUse, ChoiceUse, LayerUse, LoopUse, SequenceUse, Tree, is_reuse
from archspec.errors import SpecError
from archspec.ir.def_use import producer
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Operand, Result
from archspec.passes.resize import doubled
from archspec_keras.memory_layout import IDS_DTYPE, axis_order

SharedScope: TypeAlias = CallUse | SequenceUse | LoopUse


Use: TypeAlias = LayerUse | CallUse | SequenceUse | LoopUse


def uses_of(tree: Tree) -> dict[str, list[Use]]:
    """The items of a scope that have the weights of another, by that one's name."""
    found: dict[str, list[Use]] = {}
    for item in tree.items:
        if isinstance(item, ChoiceUse):
            for side in (item.then, item.other):
                for name, uses in uses_of(side).items():
                    found.setdefault(name, []).extend(uses)
        elif is_reuse(item):
            name = item.called if isinstance(item, LoopUse) and item.called else item.reuses
            found.setdefault(name, []).append(item)
    return found


def places(item: Use) -> list[str]:
    """The paths of what an item computes, in all instances: of a loop, its iterations."""
    if isinstance(item, LoopUse):
        return [path for paths in item.iterations for path in paths]
    return [*item.paths]


def computed_in_order(graph: LayerGraph, uses: Sequence[Use]) -> bool:
    """Whether the items that have the same weights must be computed in their order, and nothing sees to that.

    Running statistics depend on the order, and Keras orders what does not depend on each other as it likes.
    """
    first = places(uses[0])
    kept = any(
        not weight.trainable
        for path, node in graph.nodes.items()
        if _is_in(path, first)
        for weight in graph.weights(node)
    )
    return kept and any(is_independent(graph, one, other) for one, other in pairwise(uses))


def is_independent(graph: LayerGraph, earlier: Use, later: Use) -> bool:
    """Whether nothing that an item computes depends on what another does; all instances are alike."""
    before, after = _of_one(earlier), _of_one(later)
    seen: set[str] = set()
    stack = [path for path in graph.nodes if _is_in(path, after)]
    while stack:
        path = stack.pop()
        if _is_in(path, before):
            return False
        for source in map(producer, graph.nodes[path].inputs):
            if source not in seen:
                seen.add(source)
                stack.append(source)
    return True


def _of_one(item: Use) -> list[str]:
    """The paths of what an item computes in its first instance."""
    return [paths[0] for paths in item.iterations if paths] if isinstance(item, LoopUse) else [item.paths[0]]


def _is_in(path: str, scopes: Sequence[str]) -> bool:
    return any(path == scope or path.startswith(f"{scope}.") for scope in scopes)


def results_of(item: SharedScope) -> int:
    """How many tensors an item gives."""
    match item:
        case CallUse():
            return len(item.definition.tree.results)
        case SequenceUse():
            return len(item.body.results)
        case LoopUse():
            return 1 + len(item.marks)


def alone(item: SharedScope) -> Tree:
    """A tree of the item by itself, whose operands are the tree's."""
    own = replace(item, operands=tuple(Operand(index) for index in range(len(item.operands))))
    return Tree((own,), tuple(Result(item.location, index) for index in range(results_of(item))))


def input_shape(graph: LayerGraph, scopes: Sequence[str], index: int, variable: str) -> Code:
    """The shape of an input of the model that these scopes are: open where their layers take any size.

    Args:
        graph: the network.
        scopes: the paths of all scopes that are this model.
        index: which of the tensors that they take.
        variable: the first of these tensors, in source.
    """
    types = [graph.types[graph.def_use.scopes[path].operands[index]] for path in scopes]
    if types[0].is_ids:
        return "(None,)" if len(set(types)) > 1 else f"{variable}.shape[1:]"
    axis = types[0].channel_axis
    if types[0].rank == 1 or axis is None or not (len(set(types)) > 1 or _takes_any_size(graph, scopes)):
        return f"{variable}.shape[1:]"
    order = axis_order(types[0])
    sizes = [f"{variable}.shape[-1]" if place == axis else "None" for place in order]
    return f"({', '.join(sizes)})"


def input_dtype(graph: LayerGraph, path: str, index: int) -> dict[str, Code]:
    """What such an input says of its dtype: that of ids is no model's own."""
    type = graph.types[graph.def_use.scopes[path].operands[index]]
    return {"dtype": literal(IDS_DTYPE)} if type.is_ids else {}


def _takes_any_size(graph: LayerGraph, scopes: Sequence[str]) -> bool:
    """Whether the layers of these scopes have the same channels at other sizes in space: a flatten fixes them."""
    if not graph.spatial_sizes:
        return False
    try:
        twice = doubled(graph)
    except SpecError:
        return False

    def widths(found: LayerGraph) -> dict[str, int]:
        inside = tuple(f"{path}." for path in scopes)
        return {path: node.type.channels for path, node in found.nodes.items() if path.startswith(inside)}

    return widths(twice) == widths(graph)


def model_of(inputs: Sequence[str], outputs: Sequence[str], name: str) -> Code:
    """The expression that makes a model of its own."""
    given, results = (each[0] if len(each) == 1 else f"[{', '.join(each)}]" for each in (inputs, outputs))
    return call("keras.Model", given, results, name=name)
