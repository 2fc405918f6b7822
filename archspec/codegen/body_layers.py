"""Layers and calls of a body, each made from all of its instances."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from archspec.codegen.anti_unification import NotUnifiable, layer_sizes, without_sizes
from archspec.codegen.attributes import Words, attributes
from archspec.codegen.body_context import BodyContext, ChoiceKey, Deciding
from archspec.codegen.marked_text import Instances
from archspec.codegen.open_lists import arriving_types
from archspec.codegen.open_words import OpenWords
from archspec.codegen.own_inputs import with_own_inputs
from archspec.codegen.sharing import Sharing
from archspec.codegen.tree import (
    CHANNELS,
    CallUse,
    Definition,
    LayerUse,
    channels_of,
)
from archspec.expr import Expr
from archspec.ir.def_use import DefUse, Node, trace_references, value_name
from archspec.ir.graph import LayerGraph
from archspec.ir.op import Op
from archspec.ir.ops.base import Elementwise
from archspec.ir.ops.merges import Pointwise
from archspec.ir.ops.shapes import Reshape
from archspec.ir.scope import Body, Choice, Item, Layer, Loop, Result, Scope
from archspec.ir.tensor_type import ANY
from archspec.limits import Budget

Kinds: TypeAlias = Callable[[Sequence[Node]], Sequence[object]]
"""Says of a layer's instances which can be written as one: those with equal keys."""


@dataclass(slots=True)
class LayerBuilder:
    """Builds the layers and calls of bodies, each from all of its instances; what they call has been built."""

    graph: LayerGraph
    budget: Budget
    kinds: Kinds
    words: Words
    open_words: OpenWords
    has_flat_names: bool
    is_open: bool
    """Whether source has the counts of items in turn as they are."""
    kept: Collection[ChoiceKey]
    """Conditions that stay in source though all instances decide them alike."""
    written_out: AbstractSet[str]
    """Paths of iterations without a scope around them that source has one by one."""
    root: Scope = field(init=False)
    """The network's scopes, in which iterations have as inputs what they read."""
    def_use: DefUse = field(init=False)
    sharing: Sharing = field(init=False)
    by_scope: dict[str, Definition] = field(default_factory=dict[str, Definition])
    closed_lists: set[str] = field(default_factory=set[str])
    """The paths of loops whose lists of tensors are as long as they are."""

    def __post_init__(self) -> None:
        self.root = with_own_inputs(self.graph, self.budget)
        same = self.root is self.graph.root
        self.def_use = self.graph.def_use if same else trace_references(self.root, self.graph.input_nodes)
        self.sharing = Sharing.of(self.graph)

    def inputs(self, scope: Scope) -> tuple[str, ...]:
        """What the spec calls the operands after the first."""
        return self.graph.blocks[scope.block].inputs if scope.block is not None else ()

    def _layer(self, items: list[Layer], context: BodyContext) -> LayerUse:
        operands = context.operands(items)
        nodes = [self.graph.nodes[item.path] for item in items]
        features = tuple(context.features[ref] for ref in operands)
        arriving = [arriving_types(operands, self.graph.input_types(node)) for node in nodes]
        axes = [tuple(type.axes for type in given) for given in arriving]
        # An image in one call, flat data in another: frameworks have two layers for that.
        if len(set(axes)) > 1 and not _is_blind(nodes[0].op):
            raise NotUnifiable(axes)
        sizes = [
            tuple(type.places for type in given) if node.op.sized else ()
            for node, given in zip(nodes, arriving, strict=True)
        ]
        if len(set(sizes)) > 1:  # they are numbers in what is written
            raise NotUnifiable(sizes)
        kinds = self.kinds(nodes)
        if len(set(kinds)) > 1:
            raise NotUnifiable(kinds)
        ops = [without_sizes(node.op) for node in nodes]
        given = {name: context.at(expr, features) for name, expr in nodes[0].exprs.items()}
        others = [op for item in items for op in self.open_words.others.get(item.path, ())]
        found = attributes(ops, given, context.envs, self.budget, context.arguments, self.words, others)
        for attribute, expr in found.unified.items():
            context.structural.append(Deciding(expr, f"the {attribute} of {items[0].path}"))
        name, number = context.name(items)
        use = LayerUse(
            location=items[0].location,
            name=name,
            named=items[0].named,
            number=number,
            op=type(ops[0]),
            values=found.values,
            exprs=found.exprs,
            has_weights=bool(nodes[0].op.weights(arriving[0])),
            features=features,
            axes=axes[0],
            operands=operands,
            paths=Instances(item.path for item in items),
            sizes=sizes[0],
            results=len(nodes[0].types),
            reuses=self._reused(items),
            draws=found.draws,
            flat_name=self._flat_name(items, features, context),
        )
        is_window = any(info.spatial for info in ops[0].attributes().values()) and not isinstance(ops[0], Reshape)
        if use.sizes or is_window:
            context.fix_places(operands)
        places = [None if is_window else context.places.get(ref) for ref in operands]
        if isinstance(ops[0], Pointwise) and all(len(set(given)) == 1 for given in arriving):
            context.require_equal(features)
        results = layer_sizes(ops[0], found.exprs, arriving[0], features, places, self.budget)
        for index, (channels, placed) in enumerate(results):
            ref = Result(use.location, index)
            context.record(ref, channels, [value_name(path, index) for path in use.paths])
            if placed is not None and not is_window:
                context.record_places(ref, placed)
        return use

    def _flat_name(self, items: Sequence[Layer], features: Sequence[Expr], context: BodyContext) -> Expr | None:
        """What gives the flat name of a layer, where source has such names."""
        if not self.has_flat_names or items[0].flat_name is None:
            return None
        expr = context.at(items[0].flat_name.expr, features)
        return context.unified(expr, [item.flat_name.value for item in items if item.flat_name is not None])

    def _made_as(self, item: Item) -> Item:
        """The item by the name under which it makes what others are called with."""
        name = None if isinstance(item, Choice) else self.sharing.made_as.get(item.path)
        return item if name is None or isinstance(item, Choice) else replace(item, name=name)

    def _makes(self, body: Body) -> bool:
        """Whether an item of a condition's side makes what others are called with, in place of one that is gone."""
        return any(
            self._makes(item.body) if isinstance(item, Choice) else item.path in self.sharing.made_as
            for loop_or_item in body.items
            for item in (loop_or_item, *(loop_or_item.iterations[:1] if isinstance(loop_or_item, Loop) else ()))
        )

    def _reused(self, items: Sequence[Layer | Scope | Loop]) -> str:
        """The name of the item that these compute once more."""
        names = [self.sharing.reuses.get(item.path, "") for item in items]
        if len(set(names)) > 1:
            raise NotUnifiable(names)
        return names[0]

    def _call(self, scopes: list[Scope], context: BodyContext) -> CallUse:
        operands = context.operands(scopes)
        found = [self.by_scope[scope.path] for scope in scopes]
        if any(definition is not found[0] for definition in found):
            raise NotUnifiable([id(definition) for definition in found])
        context.fix_places(operands)
        features = tuple(context.features[ref] for ref in operands)
        for ref, vocabulary in zip(operands, features, strict=True):
            if any(self.graph.types[path].is_ids for path in context.nodes[ref]):
                # The callee has it as a number.
                context.structural.append(Deciding(vocabulary, f"how many ids {scopes[0].path} is given"))
        arguments: dict[str, Expr] = {}
        for name, binding in scopes[0].bindings.items():
            expr = context.at(binding.expr, features)
            arguments[name] = context.unified(expr, [scope.bindings[name].value for scope in scopes])
            if arguments[name] != expr:  # what was found instead holds for these values alone
                context.structural.append(Deciding(expr, f"the {name} of {scopes[0].path}"))
        arguments[CHANNELS.id] = features[0]
        arguments |= {
            channels_of(input).id: feature
            for input, feature in zip(self.inputs(scopes[0]), features[1:], strict=False)  # a loop's are fewer
        }
        label, number = context.name(scopes)
        paths = Instances(scope.path for scope in scopes)
        reuses = self._reused(scopes)
        given = {} if reuses else arguments
        use = CallUse(scopes[0].location, label, number, found[0], given, operands, paths, reuses)
        for index, feature in enumerate(found[0].features):
            nodes = [self.def_use.scopes[scope.path].results[index] for scope in scopes]
            context.record(Result(use.location, index), context.folded(feature, arguments, is_whole=True), nodes)
        return use


def _is_blind(op: Op) -> bool:
    """Whether a layer is the same for all tensors: an op that treats all numbers alike, whatever their axes."""
    return isinstance(op, Elementwise) and op.accepted() is ANY and not op.random
