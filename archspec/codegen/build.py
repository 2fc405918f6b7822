"""From the scopes of a graph to definitions: all instances of a block become one body of expressions.

The instances are aligned by their locations. Where they differ, the difference is an expression that the spec itself
gives; it is evaluated for every instance and held against the graph. Where no expression distinguishes the instances,
they become definitions of their own, so that what is printed is always right, if sometimes longer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from archspec.codegen.anti_unification import NotUnifiable
from archspec.codegen.attributes import Words
from archspec.codegen.bodies import BodyBuilder
from archspec.codegen.body_context import BodyContext, ChoiceKey, Deciding
from archspec.codegen.body_layers import Kinds
from archspec.codegen.escaping import annotation
from archspec.codegen.instances import by_block
from archspec.codegen.marked_text import Instances
from archspec.codegen.open_lists import ClosedListError
from archspec.codegen.open_words import OpenWords
from archspec.codegen.tree import (
    CHANNELS,
    Definition,
    Local,
    Parameter,
    Tree,
    channels_of,
)
from archspec.errors import InternalError
from archspec.expr import Const, Expr, Value
from archspec.ir.def_use import Node
from archspec.ir.graph import BlockInfo, LayerGraph
from archspec.ir.scope import Body, Choice, Item, Operand, Ref, Scope
from archspec.limits import Budget


def alike(nodes: Sequence[Node]) -> Sequence[object]:
    """All instances can be."""
    return [None] * len(nodes)


def build(
    graph: LayerGraph,
    budget: Budget,
    kinds: Kinds,
    words: Words,
    open_words: OpenWords,
    *,
    has_flat_names: bool = False,
    is_open: bool = True,
    kept: Collection[ChoiceKey] = (),
    written_out: AbstractSet[str] = frozenset(),
) -> tuple[list[Definition], Mapping[int, list[Deciding]]]:
    """All definitions of a network, callees first, not yet simplified; and what decides each one's structure.

    Instances of which `kinds` says different things are never one; `words` says where padding can be given by a word,
    and `open_words` which words may be others.
    With `is_open` the counts of items in turn stay in source, where any other would be right, too. Conditions that are
    `kept` are printed though all instances decide them alike; repeats `written_out`, which have no scope of their own,
    are no loops.

    The second part has, by `id` of the definition, the conditions and counts that were settled while building it.
    """
    builder = _DefinitionBuilder(graph, budget, kinds, words, open_words, has_flat_names, is_open, kept, written_out)
    return builder.run(), builder.structural


@dataclass(slots=True)
class _DefinitionBuilder(BodyBuilder):
    made: list[Definition] = field(default_factory=list[Definition])
    structural: dict[int, list[Deciding]] = field(default_factory=dict[int, list[Deciding]])

    def run(self) -> list[Definition]:
        for _, scopes in sorted(by_block(self.root), key=lambda pair: pair[0]):
            self._define(scopes)
        self._define([self.root])
        return self.made

    def _define(self, scopes: list[Scope]) -> None:
        """One definition for these instances, or one for each kind of them."""
        try:
            definition = self._definition(scopes)
        except ClosedListError as found:
            self.closed_lists |= found.paths
            self._define(scopes)
            return
        except NotUnifiable as split:
            parts: dict[object, list[Scope]] = {}
            for key, scope in zip(split.keys, scopes, strict=True):
                parts.setdefault(key, []).append(scope)
            if len(parts) == 1:
                raise InternalError(f"instances of {scopes[0].block} cannot be distinguished") from None
            for part in parts.values():
                self._define(part)
            return
        self.made.append(definition)
        for scope in scopes:
            self.by_scope[scope.path] = definition

    def _definition(self, scopes: list[Scope]) -> Definition:
        first = scopes[0]
        wires = [self.def_use.scopes[scope.path] for scope in scopes]
        operands: dict[Ref, tuple[str, ...]] = {
            Operand(index): tuple(wire.operands[index] for wire in wires) for index in range(len(wires[0].operands))
        }
        envs: list[dict[str, Value]] = []
        for scope, wire in zip(scopes, wires, strict=True):
            env = {name: binding.value for name, binding in scope.bindings.items()}
            if first.kind == "network":
                env = {param.name: param.value for param in self.graph.params}
            env |= {name: let.value for name, let in scope.lets.items()}
            envs.append({**env, "channels": self.graph.types[wire.operands[0]].channels})
        features: dict[Ref, Expr] = {Operand(0): CHANNELS}
        for index, name in enumerate(self.inputs(first)[: len(operands) - 1], start=1):
            features[Operand(index)] = channels_of(name)
            for env, path in zip(envs, operands[Operand(index)], strict=True):
                env[channels_of(name).id] = self.graph.types[path].channels
        if first.kind == "network":
            for index, path in enumerate(self.graph.inputs):
                node = self.graph.nodes[path]
                features[Operand(index)] = node.exprs.get("channels", Const(node.type.channels))
        else:
            features |= self._vocabularies(operands)
        count = len(operands)
        own: dict[str, Expr] = {} if first.kind == "network" else {"in_channels": CHANNELS}
        context = BodyContext(self.graph, self.budget, envs, features, operands, [], own=own, block=first.block)
        context.arguments = self._arguments(first)
        if all(_numbered(scope.body) for scope in scopes):
            context.numbered = Const(0)
        tree = self.inside(scopes, context)
        lets = {name: context.at(let.expr, ()) for name, let in first.lets.items()}
        expanded: dict[str, Expr] = {}
        for name, expr in lets.items():
            expanded[name] = context.folded(expr, expanded)
        required: dict[str, Expr] = {
            name: expr for name, expr in context.required.items() if expr == CHANNELS and name in first.bindings
        }
        required |= {
            channels_of(name).id: context.folded(context.required[channels_of(name).id], required, is_whole=True)
            for name in self.inputs(first)
            if channels_of(name).id in context.required
        }
        known = {**expanded, **required}
        results = tuple(context.folded(context.features[ref], known, is_whole=True) for ref in tree.results)
        definition = self._head(scopes, count, tree, results)
        definition.required = required
        definition.locals = tuple(
            Local(name, annotation([scope.lets[name].value for scope in scopes]), expr) for name, expr in lets.items()
        )
        self.structural[id(definition)] = context.structural
        return definition

    def _arguments(self, scope: Scope) -> frozenset[str]:
        """The names of what a definition is given, and of its quantities."""
        if scope.kind == "network":
            return frozenset({param.name for param in self.graph.params}).union(scope.lets)
        return frozenset({CHANNELS.id}).union(scope.bindings, scope.lets)

    def _vocabularies(self, operands: Mapping[Ref, tuple[str, ...]]) -> dict[Ref, Expr]:
        """How many ids there are of those operands that are ids: a number, for a tensor of ids does not say it."""
        found: dict[Ref, Expr] = {}
        for ref, paths in operands.items():
            vocabularies = [self.graph.types[path].vocabulary for path in paths]
            if len(set(vocabularies)) > 1:
                raise NotUnifiable(vocabularies)
            if vocabularies[0] is not None:
                found[ref] = Const(vocabularies[0])
        return found

    def _head(self, scopes: list[Scope], operands: int, tree: Tree, features: tuple[Expr, ...]) -> Definition:
        graph, scope = self.graph, scopes[0]
        if scope.kind == "network":
            params = tuple(
                Parameter(
                    param.name,
                    annotation([param.value]),
                    Const(param.value),
                    param.doc,
                    param.expr,
                    choices=param.choices,
                )
                for param in graph.params
            )
            return Definition(
                graph.name,
                graph.class_name,
                graph.title,
                params,
                tree,
                operands,
                features,
                (scope.path,),
                inputs=graph.inputs if len(graph.inputs) > 1 else (),
                is_network=True,
                budget=self.budget,
            )
        assert scope.block is not None
        info = graph.blocks[scope.block]
        params = (
            *(Parameter(channels_of(name).id, "int", None) for name in info.inputs[: operands - 1]),
            *(self._parameter(info, name, [scope.bindings[name].value for scope in scopes]) for name in info.params),
        )
        camel = "".join(part[:1].upper() + part[1:] for part in info.name.split("_"))
        paths = Instances(scope.path for scope in scopes)
        inputs = ("", *info.inputs)
        return Definition(
            info.name,
            camel,
            info.doc,
            params,
            tree,
            operands,
            features,
            paths,
            inputs=inputs,
            outputs=info.outputs,
            budget=self.budget,
        )

    def _parameter(self, info: BlockInfo, name: str, values: list[Value]) -> Parameter:
        """A block's param, of a type that all its values have."""
        default = info.defaults.get(name)
        values += [default.value] if isinstance(default, Const) else []
        return Parameter(name, annotation(values), default, info.docs.get(name, ""))


def _numbered(body: Body) -> bool:
    """Whether a body's items have numbers for names, from 0: it is a row, as a named sequence is."""
    items: list[Item] = list(body.items)
    while any(isinstance(item, Choice) for item in items):
        items = [inner for item in items for inner in (item.body.items if isinstance(item, Choice) else (item,))]
    names = [item.name for item in items if not isinstance(item, Choice)]
    return bool(names) and names == [str(number) for number in range(len(names))]
