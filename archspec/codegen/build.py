"""From the scopes of a graph to definitions: all instances of a block become one body of expressions.

The instances are aligned by their sites. Where they differ, the difference is an expression that the spec itself
gives; it is evaluated for every instance and held against the graph. Where no expression tells the instances apart,
they become definitions of their own, so that what is printed is always right, if sometimes longer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from archspec.codegen.attributes import attributes
from archspec.codegen.frame import Frame
from archspec.codegen.instances import by_block
from archspec.codegen.loops import build_loop
from archspec.codegen.marks import Instances
from archspec.codegen.merging import with_uses
from archspec.codegen.settle import Split, either, layer_sizes, without_sizes
from archspec.codegen.sharing import Sharing
from archspec.codegen.text import annotation
from archspec.codegen.tree import (
    CHANNELS,
    CallUse,
    ChoiceUse,
    Definition,
    ItemUse,
    LayerUse,
    Parameter,
    SequenceUse,
    Tree,
    channels_of,
    with_owners,
)
from archspec.errors import InternalError
from archspec.expr import Const, Expr, IfElse, Value
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Body, Choice, Item, Layer, Loop, Operand, Ref, Result, Scope
from archspec.ir.wiring import Wiring, value_name
from archspec.limits import Budget


def build(graph: LayerGraph, budget: Budget) -> tuple[list[Definition], Mapping[int, list[Expr]]]:
    """All definitions of a network, callees first, not yet simplified; and what decides each one's structure.

    The second part has, by `id` of the definition, the conditions and counts that were settled while building it.
    """
    builder = _Builder(graph, budget)
    return builder.run(), builder.structural


@dataclass(slots=True)
class _Builder:
    graph: LayerGraph
    budget: Budget
    wiring: Wiring = field(init=False)
    reuses: Mapping[str, str] = field(init=False)
    """The items that are computed once more; see `Sharing`."""
    made: list[Definition] = field(default_factory=list[Definition])
    by_scope: dict[str, Definition] = field(default_factory=dict[str, Definition])
    structural: dict[int, list[Expr]] = field(default_factory=dict[int, list[Expr]])

    def __post_init__(self) -> None:
        self.wiring = self.graph.wiring
        self.reuses = Sharing.of(self.graph).reuses

    def run(self) -> list[Definition]:
        for _, scopes in sorted(by_block(self.graph.root), key=lambda pair: pair[0]):
            self._define(scopes)
        self._define([self.graph.root])
        return self.made

    def _define(self, scopes: list[Scope]) -> None:
        """One definition for these instances, or one for each kind of them."""
        try:
            definition = self._definition(scopes)
        except Split as split:
            parts: dict[object, list[Scope]] = {}
            for key, scope in zip(split.keys, scopes, strict=True):
                parts.setdefault(key, []).append(scope)
            if len(parts) == 1:
                raise InternalError(f"instances of {scopes[0].block} cannot be told apart") from None
            for part in parts.values():
                self._define(part)
            return
        self.made.append(definition)
        for scope in scopes:
            self.by_scope[scope.path] = definition

    def _definition(self, scopes: list[Scope]) -> Definition:
        first = scopes[0]
        wires = [self.wiring.scopes[scope.path] for scope in scopes]
        operands: dict[Ref, tuple[str, ...]] = {
            Operand(index): tuple(wire.operands[index] for wire in wires) for index in range(len(wires[0].operands))
        }
        envs: list[dict[str, Value]] = []
        for scope, wire in zip(scopes, wires, strict=True):
            env = {name: binding.value for name, binding in scope.bindings.items()}
            if first.kind == "network":
                env = {param.name: param.value for param in self.graph.params}
            envs.append({**env, "channels": self.graph.types[wire.operands[0]].channels})
        features: dict[Ref, Expr] = {Operand(0): CHANNELS}
        for index, name in enumerate(self._inputs(first)[: len(operands) - 1], start=1):
            features[Operand(index)] = channels_of(name)
            for env, path in zip(envs, operands[Operand(index)], strict=True):
                env[channels_of(name).id] = self.graph.types[path].channels
        if first.kind == "network":
            for index, path in enumerate(self.graph.inputs):
                node = self.graph.nodes[path]
                features[Operand(index)] = node.exprs.get("channels", Const(node.type.channels))
        count = len(operands)
        frame = Frame(self.graph, self.budget, envs, features, operands, [])
        tree = self._inside(scopes, frame)
        results = tuple(frame.features[ref] for ref in tree.results)
        definition = self._head(scopes, count, tree, results)
        self.structural[id(definition)] = frame.structural
        return definition

    def _inputs(self, scope: Scope) -> tuple[str, ...]:
        """What the spec calls the operands after the first."""
        return self.graph.blocks[scope.block].inputs if scope.block is not None else ()

    def _head(self, scopes: list[Scope], operands: int, tree: Tree, features: tuple[Expr, ...]) -> Definition:
        graph, scope = self.graph, scopes[0]
        if scope.kind == "network":
            params = tuple(
                Parameter(param.name, annotation([param.value]), Const(param.value), param.doc, param.expr)
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
            *(
                self._parameter(name, info.defaults.get(name), [scope.bindings[name].value for scope in scopes])
                for name in info.params
            ),
        )
        camel = "".join(part[:1].upper() + part[1:] for part in info.name.split("_"))
        paths = Instances(scope.path for scope in scopes)
        inputs = ("", *info.inputs)
        return Definition(
            info.name, camel, info.doc, params, tree, operands, features, paths, inputs=inputs, budget=self.budget
        )

    def _parameter(self, name: str, default: Expr | None, values: list[Value]) -> Parameter:
        """A block's param, of a type that all its values have."""
        values += [default.value] if isinstance(default, Const) else []
        return Parameter(name, annotation(values), default)

    # -- bodies -----------------------------------------------------------------------------------

    def _inside(self, scopes: Sequence[Scope], frame: Frame) -> Tree:
        """What is in a scope, with the names of its taps."""
        tree = self._body([scope.body for scope in scopes], frame)
        if scopes[0].kind != "network":
            frame.settle_tokens(tree.results)
        if self.reuses:
            tree = with_uses(with_owners(tree))
        labels = {frame.ref(ref): label for scope in scopes for ref, label in scope.labels.items()}
        return replace(tree, labels=labels)

    def _body(self, bodies: Sequence[Body], frame: Frame) -> Tree:
        items: list[ItemUse] = []
        sites = [tuple(item.site for item in body.items) for body in bodies]
        if len(set(sites)) > 1:  # some are cut short: nothing needs what comes after
            raise Split(sites)
        for aligned in zip(*(body.items for body in bodies), strict=True):
            if len({(item.site, type(item)) for item in aligned}) != 1:
                raise InternalError(f"items at different sites: {aligned}")
            items += self._item(aligned, frame)
        results = [tuple(frame.ref(ref) for ref in body.results) for body in bodies]
        if len(set(results)) > 1:
            raise Split(results)
        return Tree(tuple(items), results[0])

    def _item(self, aligned: tuple[Item, ...], frame: Frame) -> list[ItemUse]:
        match aligned[0]:
            case Layer():
                return [self._layer([item for item in aligned if isinstance(item, Layer)], frame)]
            case Scope(kind="block"):
                return [self._call([item for item in aligned if isinstance(item, Scope)], frame)]
            case Scope():
                return [self._sequence([item for item in aligned if isinstance(item, Scope)], frame)]
            case Choice():
                return self._choice([item for item in aligned if isinstance(item, Choice)], frame)
            case Loop():
                loops = [item for item in aligned if isinstance(item, Loop)]
                made = build_loop(loops, frame, self.wiring, self._round)
                return [replace(made, reuses=self._reused(loops))]

    def _layer(self, items: list[Layer], frame: Frame) -> LayerUse:
        operands = frame.operands(items)
        nodes = [self.graph.nodes[item.path] for item in items]
        features = tuple(frame.features[ref] for ref in operands)
        arriving = [self.graph.input_types(node) for node in nodes]
        axes = [tuple(type.axes for type in given) for given in arriving]
        if len(set(axes)) > 1:  # an image in one call, flat data in another: frameworks have two layers for that
            raise Split(axes)
        sizes = [
            tuple(type.places for type in given) if node.op.sized else ()
            for node, given in zip(nodes, arriving, strict=True)
        ]
        if len(set(sizes)) > 1:  # they are numbers in what is written
            raise Split(sizes)
        ops = [without_sizes(node.op) for node in nodes]
        given = {name: frame.at(expr, features) for name, expr in nodes[0].exprs.items()}
        found = attributes(ops, given, frame.envs, self.budget)
        frame.structural += found.settled
        name, number = frame.name(items[0])
        use = LayerUse(
            site=items[0].site,
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
        )
        if use.sizes:
            frame.settle_tokens(operands)
        tokens = [frame.tokens.get(ref) for ref in operands]
        results = layer_sizes(ops[0], found.exprs, arriving[0], features, tokens, self.budget)
        for index, (channels, count) in enumerate(results):
            frame.record(Result(use.site, index), channels, [value_name(path, index) for path in use.paths])
            if count is not None:
                frame.tokens[Result(use.site, index)] = count
        return use

    def _reused(self, items: Sequence[Layer | Scope | Loop]) -> str:
        """The name of the item that these compute once more."""
        names = [self.reuses.get(item.path, "") for item in items]
        if len(set(names)) > 1:
            raise Split(names)
        return names[0]

    def _call(self, scopes: list[Scope], frame: Frame) -> CallUse:
        operands = frame.operands(scopes)
        found = [self.by_scope[scope.path] for scope in scopes]
        if any(definition is not found[0] for definition in found):
            raise Split([id(definition) for definition in found])
        frame.settle_tokens(operands)
        features = tuple(frame.features[ref] for ref in operands)
        arguments: dict[str, Expr] = {}
        for name, binding in scopes[0].bindings.items():
            expr = frame.at(binding.expr, features)
            arguments[name] = frame.settled(expr, [scope.bindings[name].value for scope in scopes])
        arguments[CHANNELS.id] = features[0]
        arguments |= {
            channels_of(input).id: feature
            for input, feature in zip(self._inputs(scopes[0]), features[1:], strict=False)  # a loop's are fewer
        }
        label, number = frame.name(scopes[0])
        paths = Instances(scope.path for scope in scopes)
        reuses = self._reused(scopes)
        given = {} if reuses else arguments
        use = CallUse(scopes[0].site, label, number, found[0], given, operands, paths, reuses)
        for index, feature in enumerate(found[0].features):
            nodes = [self.wiring.scopes[scope.path].results[index] for scope in scopes]
            frame.record(Result(use.site, index), frame.folded(feature, arguments, is_whole=True), nodes)
        return use

    def _sequence(self, scopes: list[Scope], frame: Frame) -> SequenceUse:
        operands = frame.operands(scopes)
        inner = frame.inside(operands)
        inner.numbered = Const(0)
        body = self._inside(scopes, inner)
        label, number = frame.name(scopes[0])
        for index, ref in enumerate(body.results):
            frame.record(Result(scopes[0].site, index), inner.features[ref], inner.nodes[ref])
        paths = Instances(scope.path for scope in scopes)
        return SequenceUse(scopes[0].site, label, number, body, operands, paths, self._reused(scopes))

    def _choice(self, items: list[Choice], frame: Frame) -> list[ItemUse]:
        operand = frame.ref(items[0].operand)
        condition = frame.at(items[0].condition, (frame.features[operand],))
        ref = Result(items[0].site)
        if len({item.taken for item in items}) == 1:
            frame.structural.append(condition)  # it leaves no trace, so it must not come out otherwise
            tree = self._body([item.body for item in items], frame)
            frame.alias |= {Result(ref.site, index): result for index, result in enumerate(tree.results)}
            return list(tree.items)
        outcome = frame.settled(condition, [item.taken for item in items])
        before, counts, settled = frame.numbered, dict[bool, Expr | None](), len(frame.structural)
        sides: dict[bool, Tree] = {}
        found: dict[bool, tuple[Expr, dict[int, str]]] = {}
        for side in (True, False):
            chosen = [index for index, item in enumerate(items) if item.taken is side]
            part = frame.chosen(chosen)
            try:
                tree = sides[side] = self._body([items[index].body for index in chosen], part)
            except Split as split:
                keys = dict(zip(chosen, split.keys, strict=True))
                raise Split([(item.taken, keys.get(index)) for index, item in enumerate(items)]) from None
            last = tree.results[0]
            part.settle_tokens(tree.results)
            found[side] = part.features[last], dict(zip(chosen, part.nodes[last], strict=True))
            counts[side] = part.numbered
        if before is not None:
            then, other = counts[True], counts[False]
            assert then is not None and other is not None
            frame.numbered = then if then == other else IfElse(outcome, then, other)
        paths = {**found[True][1], **found[False][1]}
        widths = [self.graph.types[paths[index]].channels for index in range(len(items))]
        frame.nodes[ref] = tuple(paths[index] for index in range(len(items)))
        joined = either(outcome, found[True][0], found[False][0])
        frame.features[ref] = frame.settled(joined, widths)
        # What was found instead of an expression, or settled for one side alone, holds for these values alone.
        if outcome != condition or frame.features[ref] != joined or len(frame.structural) > settled:
            frame.structural += [condition, joined]
        return [ChoiceUse(items[0].site, outcome, operand, sides[True], sides[False])]

    def _round(self, scopes: list[Scope], frame: Frame) -> CallUse | SequenceUse:
        return self._call(scopes, frame) if scopes[0].kind == "block" else self._sequence(scopes, frame)
