"""What is computed more than once with the same weights: a layer, or a model of its own, that is called each time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import TypeAlias

from archspec.codegen.escaping import literal
from archspec.codegen.marked_text import around
from archspec.codegen.pretty_printer import Code, call
from archspec.codegen.reuse import Use, owner_name, uses_of
from archspec.codegen.tree import CallUse, ChoiceUse, ItemUse, LoopUse, SequenceUse, Tree
from archspec.codegen.walk import results_of
from archspec.ir.def_use import producer
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Operand, Result
from archspec.limits import Budget
from archspec_keras.memory_layout import IDS_DTYPE, axis_order
from archspec_keras.static_properties import StaticProperties

SharedScope: TypeAlias = CallUse | SequenceUse | LoopUse

LastCalls: TypeAlias = Mapping[str, tuple[tuple[Use, str], ...]]
"""The last calls so far of what must be called in order, by name, each with a variable that is there after it."""


@dataclass(slots=True)
class SharedCalls:
    """The items of a scope that are called more than once, and how far they have been written."""

    uses: Mapping[int, Sequence[Use]] = field(default_factory=dict[int, Sequence[Use]])
    """What is called with the weights of an item, by that item's location."""
    ordered: frozenset[str] = frozenset()
    """The names of those that must be called in the order of the graph."""
    variables: dict[str, str] = field(default_factory=dict[str, str])
    """The variables of the layers and models, by their items' names."""
    last: LastCalls = field(default_factory=dict[str, "tuple[tuple[Use, str], ...]"])
    """After a condition there are several for a name, of which an instance has one."""

    @classmethod
    def of(cls, tree: Tree, order: ComputationOrder) -> SharedCalls:
        """Those of a scope, before any is written."""
        uses = uses_of(tree)
        if not uses:
            return cls()
        owners = (item for item in _items(tree) if not isinstance(item, ChoiceUse) and item.location in uses)
        return cls(uses, frozenset(one.name for one in owners if order.is_needed([one, *uses[one.location]])))

    def has(self, item: Use) -> bool:
        """Whether an item is one of several that are called with the same weights."""
        return bool(item.reuses) or item.location in self.uses

    def ordered_in(self, item: ChoiceUse) -> list[str]:
        """The names of those that must be called in order, and are called under a condition."""
        names = [
            owner_name(inner) or inner.name
            for inner in _items(Tree((item,), ()))
            if not isinstance(inner, ChoiceUse) and (owner_name(inner) or inner.location in self.uses)
        ]
        return [name for name in dict.fromkeys(names) if name in self.ordered]


def joined(before: LastCalls, sides: Sequence[LastCalls], variable: str) -> LastCalls:
    """The last calls after a condition, whose result, of each of its sides, is in this variable."""
    found = dict(before)
    for name in {name for side in sides for name in side}:
        old = before.get(name)
        changed = [side[name] for side in sides if side.get(name) is not old]
        kept = old or () if len(changed) < len(sides) else ()
        found[name] = (*kept, *((use, variable) for calls in changed for use, _ in calls))
    return found


def _items(tree: Tree) -> Iterator[ItemUse]:
    """The items of a scope, those under its conditions included."""
    for item in tree.items:
        yield item
        if isinstance(item, ChoiceUse):
            yield from _items(item.then)
            yield from _items(item.other)


def places(item: Use) -> list[str]:
    """The paths of what an item computes, in all instances: of a loop, its iterations."""
    if isinstance(item, LoopUse):
        return [path for paths in item.iterations for path in paths]
    return [*item.paths]


class ComputationOrder:
    """Which parts of a graph depend on each other, and which keep running statistics.

    Running statistics depend on the order of calls, and Keras orders what does not depend on each other as it likes.
    """

    def __init__(self, graph: LayerGraph, budget: Budget) -> None:
        self.graph = graph
        self.budget = budget

    @cached_property
    def position(self) -> Mapping[str, int]:
        """The place of each node in the order of computation."""
        return {path: place for place, path in enumerate(self.graph.nodes)}

    @cached_property
    def spans(self) -> Mapping[str, tuple[int, int]]:
        """The first and last of the nodes in each scope, which stand together, and each node's own place."""
        found: dict[str, tuple[int, int]] = {}
        for path, place in self.position.items():
            found |= {scope: (found.get(scope, (place,))[0], place) for scope in around(path)}
        return found

    @cached_property
    def statistics(self) -> frozenset[str]:
        """The nodes that keep some, and the scopes around them."""
        keeping = (
            path
            for path, node in self.graph.nodes.items()
            if not all(weight.trainable for weight in self.graph.weights(node))
        )
        return frozenset(scope for path in keeping for scope in around(path))

    def is_needed(self, uses: Sequence[Use]) -> bool:
        """Whether the items that have the same weights must be computed in their order, and nothing sees to that."""
        kept = not self.statistics.isdisjoint(uses[0].paths)
        return kept and any(self.is_independent(one, other) for one, other in pairwise(uses))

    def is_independent(self, earlier: Use, later: Use) -> bool:
        """Whether nothing that an item computes depends on what another does, in some instance that has both."""
        before = {self.graph.scope_around(path): path for path in earlier.paths}
        pairs = ((before[scope], path) for path in later.paths if (scope := self.graph.scope_around(path)) in before)
        return any(not self._depends(path, first) for first, path in pairs)

    def _depends(self, later: str, earlier: str) -> bool:
        """Whether something in one scope depends on something in another before it."""
        if later not in self.spans or earlier not in self.spans:
            return True  # there is nothing to be put in order
        (start, end), (first, last) = self.spans[earlier], self.spans[later]
        stack, seen = [*range(first, last + 1)], set[int]()
        while stack:
            place = stack.pop()
            self.budget.spend(1)
            if self.ways.back_to(place, end) >= start:
                return True
            merge = self.ways.merge[place]
            while merge > end and merge not in seen:  # the other ways on which tensors came here
                self.budget.spend(1)
                seen.add(merge)
                others = self.ways.others[merge]
                if any(start <= other <= end for other in others):
                    return True
                stack += (other for other in others if other > end)
                before = self.ways.parent[merge]
                merge = self.ways.merge[before] if before > end else -1
        return False

    @cached_property
    def ways(self) -> _FirstInputs:
        """The ways back from each node by the first of its inputs."""
        found = _FirstInputs()
        for node in self.graph.nodes.values():
            found.add([self.position[producer(source)] for source in node.inputs])
        return found


@dataclass(slots=True)
class _FirstInputs:
    """The tree in which a node's parent is the first of its inputs, by places in the order of computation.

    A node that stands far back is found in logarithmic time, as each knows one of its far ancestors (Myers, "An
    applicative random-access stack", 1983). -1 stands for none.
    """

    parent: list[int] = field(default_factory=list[int])
    others: list[list[int]] = field(default_factory=list[list[int]])
    """The inputs after the first."""
    merge: list[int] = field(default_factory=list[int])
    """The nearest node on the way back, the node itself included, that has several inputs."""
    jump: list[int] = field(default_factory=list[int])
    depth: list[int] = field(default_factory=list[int])

    def add(self, inputs: Sequence[int]) -> None:
        """The next node, which takes what those at these places give."""
        parent, place = inputs[0] if inputs else -1, len(self.parent)
        before = self.merge[parent] if parent >= 0 else -1
        far = self._jump(parent)
        twice = self._jump(far)
        is_even = self._depth(parent) - self._depth(far) == self._depth(far) - self._depth(twice)
        self.jump.append(twice if is_even else parent)
        self.depth.append(self._depth(parent) + 1)
        self.parent.append(parent)
        self.others.append([*inputs[1:]])
        self.merge.append(place if len(inputs) > 1 else before)

    def back_to(self, place: int, last: int) -> int:
        """The first node on the way back from a place that stands no later than `last`."""
        while place > last:
            place = self.jump[place] if self.jump[place] > last else self.parent[place]
        return place

    def _jump(self, place: int) -> int:
        return self.jump[place] if place >= 0 else -1

    def _depth(self, place: int) -> int:
        return self.depth[place] if place >= 0 else 0


def alone(item: SharedScope) -> Tree:
    """A tree of the item by itself, whose operands are the tree's."""
    own = replace(item, operands=tuple(Operand(index) for index in range(len(item.operands))))
    return Tree((own,), tuple(Result(item.location, index) for index in range(results_of(item))))


def input_shape(graph: LayerGraph, facts: StaticProperties, scopes: Sequence[str], index: int, variable: str) -> Code:
    """The shape of an input of the model that these scopes are: open where their layers take any size.

    Args:
        graph: the network.
        facts: what is known of it.
        scopes: the paths of all scopes that are this model.
        index: which of the tensors that they take.
        variable: the first of these tensors, in source.
    """
    tensors = [graph.def_use.scopes[path].operands[index] for path in scopes]
    types = [graph.types[path] for path in tensors]
    if types[0].is_ids:
        return "(None,)" if len(set(types)) > 1 else f"{variable}.shape[1:]"
    axis = types[0].channel_axis
    is_open = len(set(types)) > 1
    if not is_open and graph.spatial_sizes and facts.takes_any_size(scopes):
        # Channels inside may follow from sizes that no input decides, as a transposed sequence's from its tokens.
        is_open = not facts.resized.isdisjoint(tensors)
    if types[0].rank == 1 or axis is None or not is_open:
        return f"{variable}.shape[1:]"
    order = axis_order(types[0])
    sizes = [f"{variable}.shape[-1]" if place == axis else "None" for place in order]
    return f"({', '.join(sizes)})"


def input_dtype(graph: LayerGraph, path: str, index: int) -> dict[str, Code]:
    """What such an input says of its dtype: that of ids is no model's own."""
    type = graph.types[graph.def_use.scopes[path].operands[index]]
    return {"dtype": literal(IDS_DTYPE)} if type.is_ids else {}


def model_of(inputs: Sequence[str], outputs: Sequence[str], name: Code) -> Code:
    """The expression that makes a model of its own."""
    given, results = (each[0] if len(each) == 1 else f"[{', '.join(each)}]" for each in (inputs, outputs))
    return call("keras.Model", given, results, name=name)
