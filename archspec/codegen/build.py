"""From the scopes of a graph to definitions: all instances of a block become one body of expressions.

The instances are aligned by their sites. Where they differ, the difference is an expression that the spec itself
gives; it is evaluated for every instance and held against the graph. Where no expression tells the instances apart,
they become definitions of their own, so that what is printed is always right, if sometimes longer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from archspec.codegen.instances import by_block
from archspec.codegen.settle import Split, either, layer_channels, settle, without_sizes
from archspec.codegen.tree import (
    CHANNELS,
    CallUse,
    ChoiceUse,
    Definition,
    ItemUse,
    LayerUse,
    LoopUse,
    Parameter,
    Run,
    SequenceUse,
    Tree,
    channels_after,
    round_names,
)
from archspec.errors import InternalError
from archspec.expr import Binary, Const, Expr, IfElse, Name, Value, fold, substitute
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Body, Choice, Item, Layer, Loop, Operand, Ref, Result, Scope
from archspec.ir.wiring import Wiring, trace


def build(graph: LayerGraph) -> tuple[list[Definition], Mapping[int, list[Expr]]]:
    """All definitions of a network, callees first, not yet simplified; and what decides each one's structure.

    The second part has, by `id` of the definition, the conditions and counts that were settled while building it.
    """
    builder = _Builder(graph)
    return builder.run(), builder.structural


@dataclass(slots=True)
class _Frame:
    """The instances of one body, side by side, and what is known of its tensors."""

    envs: list[dict[str, Value]]
    features: dict[Ref, Expr]
    nodes: dict[Ref, tuple[str, ...]]
    """The node that each reference stands for in each instance."""
    structural: list[Expr]
    numbered: Expr | None = None
    """The next number, in a named sequence."""
    alias: dict[Ref, Ref] = field(default_factory=dict[Ref, Ref])
    """Results of conditions that all instances decide alike, whose items were taken into the body."""
    depth: int = 0
    """How many repeats are around."""
    index: Expr | None = None
    """What `i` is here."""

    def at(self, expr: Expr, features: Sequence[Expr]) -> Expr:
        """An expression of the spec, where a tensor of these features arrives, in the definition's own terms."""
        values = {CHANNELS.id: features[0]} if features else dict[str, Expr]()
        return substitute(expr, values if self.index is None else {**values, "i": self.index})

    def ref(self, ref: Ref) -> Ref:
        return self.alias.get(ref, ref)


@dataclass(slots=True)
class _Builder:
    graph: LayerGraph
    wiring: Wiring = field(init=False)
    made: list[Definition] = field(default_factory=list[Definition])
    by_scope: dict[str, Definition] = field(default_factory=dict[str, Definition])
    structural: dict[int, list[Expr]] = field(default_factory=dict[int, list[Expr]])

    def __post_init__(self) -> None:
        self.wiring = trace(self.graph)

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
            envs.append({**env, "channels": self.graph.nodes[wire.operands[0]].shape[0]})
        features: dict[Ref, Expr] = {Operand(0): CHANNELS}
        if first.kind == "network":
            for index, path in enumerate(self.graph.inputs):
                node = self.graph.nodes[path]
                features[Operand(index)] = node.exprs.get("channels", Const(node.shape[0]))
        count = len(operands)
        frame = _Frame(envs, features, operands, [])
        tree = self._body([scope.body for scope in scopes], frame)
        results = tuple(frame.features[ref] for ref in tree.results)
        definition = self._head(first, count, tree, results)
        self.structural[id(definition)] = frame.structural
        return definition

    def _head(self, scope: Scope, operands: int, tree: Tree, features: tuple[Expr, ...]) -> Definition:
        graph = self.graph
        if scope.kind == "network":
            params = tuple(
                Parameter(param.name, type(param.value).__name__, Const(param.value), param.doc)
                for param in graph.params
            )
            return Definition(
                graph.name, graph.class_name, graph.title, params, tree, operands, features, is_network=True
            )
        assert scope.block is not None
        info = graph.blocks[scope.block]
        params = tuple(
            Parameter(name, type(scope.bindings[name].value).__name__, info.defaults.get(name)) for name in info.params
        )
        camel = "".join(part[:1].upper() + part[1:] for part in info.name.split("_"))
        return Definition(info.name, camel, info.doc, params, tree, operands, features)

    # -- bodies -----------------------------------------------------------------------------------

    def _body(self, bodies: Sequence[Body], frame: _Frame) -> Tree:
        items: list[ItemUse] = []
        for aligned in zip(*(body.items for body in bodies), strict=True):
            if len({(item.site, type(item)) for item in aligned}) != 1:
                raise InternalError(f"items at different sites: {aligned}")
            items += self._item(aligned, frame)
        results = [tuple(frame.ref(ref) for ref in body.results) for body in bodies]
        if len(set(results)) > 1:
            raise Split(results)
        return Tree(tuple(items), results[0])

    def _item(self, aligned: tuple[Item, ...], frame: _Frame) -> list[ItemUse]:
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
                return [self._loop([item for item in aligned if isinstance(item, Loop)], frame)]

    def _name(self, item: Layer | Scope | Loop, frame: _Frame) -> tuple[str, Expr | None]:
        """The item's name, or its number in a named sequence, which conditions before it may change."""
        if frame.numbered is None or not item.name.isdigit():
            return item.name, None
        number = frame.numbered
        frame.numbered = fold(Binary("+", number, Const(1)))
        return "", number

    def _operands(self, items: Sequence[Layer | Scope | Loop], frame: _Frame) -> tuple[Ref, ...]:
        found = [tuple(frame.ref(ref) for ref in item.operands) for item in items]
        if len(set(found)) > 1:
            raise Split(found)
        return found[0]

    def _record(self, ref: Ref, expr: Expr | None, paths: Iterable[str], frame: _Frame) -> None:
        """A new tensor: which node it is in each instance, and how many channels it has."""
        frame.nodes[ref] = tuple(paths)
        channels = [self.graph.nodes[path].shape[0] for path in frame.nodes[ref]]
        found = frame.features[ref] = settle(expr, channels, frame.envs)
        if expr is not None and found != expr:
            frame.structural.append(expr)  # what was found instead holds for these values alone

    def _layer(self, items: list[Layer], frame: _Frame) -> LayerUse:
        operands = self._operands(items, frame)
        nodes = [self.graph.nodes[item.path] for item in items]
        features = tuple(frame.features[ref] for ref in operands)
        ops = [without_sizes(node.op) for node in nodes]
        exprs: dict[str, Expr] = {}
        for name in nodes[0].op.attributes():
            expr = nodes[0].exprs.get(name)
            if expr is not None:
                exprs[name] = frame.at(expr, features)
            elif len({getattr(op, name) for op in ops}) > 1:
                raise Split([getattr(op, name) for op in ops])
        name, number = self._name(items[0], frame)
        use = LayerUse(
            site=items[0].site,
            name=name,
            named=items[0].named,
            number=number,
            op=ops[0],
            exprs=exprs,
            features=features,
            shapes=tuple(dict.fromkeys(self.graph.input_shapes(node) for node in nodes)),
            operands=operands,
            paths=tuple(item.path for item in items),
        )
        out = layer_channels(use, self.graph.input_shapes(nodes[0]))
        self._record(Result(use.site), out, use.paths, frame)
        return use

    def _call(self, scopes: list[Scope], frame: _Frame) -> CallUse:
        operands = self._operands(scopes, frame)
        found = [self.by_scope[scope.path] for scope in scopes]
        if any(definition is not found[0] for definition in found):
            raise Split([id(definition) for definition in found])
        features = tuple(frame.features[ref] for ref in operands)
        arguments: dict[str, Expr] = {}
        for name, binding in scopes[0].bindings.items():
            expr = frame.at(binding.expr, features)
            arguments[name] = settle(expr, [scope.bindings[name].value for scope in scopes], frame.envs)
        arguments[CHANNELS.id] = features[0]
        label, number = self._name(scopes[0], frame)
        use = CallUse(scopes[0].site, label, number, found[0], arguments, operands)
        for index, feature in enumerate(found[0].features):
            paths = [self.wiring.scopes[scope.path].results[index] for scope in scopes]
            self._record(Result(use.site, index), substitute(feature, arguments), paths, frame)
        return use

    def _sequence(self, scopes: list[Scope], frame: _Frame) -> SequenceUse:
        operands = self._operands(scopes, frame)
        inner = _Frame(
            frame.envs,
            {Operand(index): frame.features[ref] for index, ref in enumerate(operands)},
            {Operand(index): frame.nodes[ref] for index, ref in enumerate(operands)},
            frame.structural,
            numbered=Const(0),
            depth=frame.depth,
            index=frame.index,
        )
        body = self._body([scope.body for scope in scopes], inner)
        label, number = self._name(scopes[0], frame)
        for index, ref in enumerate(body.results):
            self._record(Result(scopes[0].site, index), inner.features[ref], inner.nodes[ref], frame)
        return SequenceUse(scopes[0].site, label, number, body, operands, scopes[0].path)

    def _choice(self, items: list[Choice], frame: _Frame) -> list[ItemUse]:
        operand = frame.ref(items[0].operand)
        condition = frame.at(items[0].condition, (frame.features[operand],))
        frame.structural.append(condition)
        ref = Result(items[0].site)
        if len({item.taken for item in items}) == 1:
            tree = self._body([item.body for item in items], frame)
            frame.alias[ref] = tree.results[0]
            return list(tree.items)
        outcome = settle(condition, [item.taken for item in items], frame.envs)
        before, counts = frame.numbered, dict[bool, Expr | None]()
        sides: dict[bool, Tree] = {}
        found: dict[bool, tuple[Expr, dict[int, str]]] = {}
        for side in (True, False):
            chosen = [index for index, item in enumerate(items) if item.taken is side]
            part = _Frame(
                [frame.envs[index] for index in chosen],
                dict(frame.features),
                {key: tuple(paths[index] for index in chosen) for key, paths in frame.nodes.items()},
                frame.structural,
                before,
                dict(frame.alias),
                frame.depth,
                frame.index,
            )
            try:
                tree = sides[side] = self._body([items[index].body for index in chosen], part)
            except Split as split:
                keys = dict(zip(chosen, split.keys, strict=True))
                raise Split([(item.taken, keys.get(index)) for index, item in enumerate(items)]) from None
            last = tree.results[0]
            found[side] = part.features[last], dict(zip(chosen, part.nodes[last], strict=True))
            counts[side] = part.numbered
        if before is not None:
            then, other = counts[True], counts[False]
            assert then is not None and other is not None
            frame.numbered = then if then == other else IfElse(outcome, then, other)
        paths = {**found[True][1], **found[False][1]}
        channels = [self.graph.nodes[paths[index]].shape[0] for index in range(len(items))]
        frame.nodes[ref] = tuple(paths[index] for index in range(len(items)))
        joined = either(outcome, found[True][0], found[False][0])
        frame.features[ref] = settle(joined, channels, frame.envs)
        return [ChoiceUse(items[0].site, outcome, operand, sides[True], sides[False])]

    # -- loops ------------------------------------------------------------------------------------

    def _loop(self, loops: list[Loop], frame: _Frame) -> LoopUse:
        operands = self._operands(loops, frame)
        label, number = self._name(loops[0], frame)
        first = loops[0]
        ref = Result(first.site)
        if first.times is None:
            runs, out = self._units(loops, operands, frame)
        else:
            try:
                runs, out = self._repeat(loops, operands, frame)
            except Split:  # no expression tells the rounds apart: write them out
                runs, out = self._units(loops, operands, frame)
        ends = [
            self.wiring.scopes[loop.iterations[-1].path].results[0] if loop.iterations else start
            for loop, start in zip(loops, frame.nodes[operands[0]], strict=True)
        ]
        self._record(ref, out, ends, frame)
        return LoopUse(first.site, label, number, first.pattern, runs, operands)

    def _round(self, scopes: list[Scope], frame: _Frame) -> CallUse | SequenceUse:
        return self._call(scopes, frame) if scopes[0].kind == "block" else self._sequence(scopes, frame)

    def _units(
        self, loops: list[Loop], operands: tuple[Ref, ...], frame: _Frame
    ) -> tuple[tuple[Run, ...], Expr | None]:
        """The rounds of a stage, one by one: each has arguments of its own."""
        if len({len(loop.iterations) for loop in loops}) > 1:
            raise Split([len(loop.iterations) for loop in loops])
        runs: list[Run] = []
        inner = _inside(frame, operands, frame.envs)
        for index, scopes in enumerate(zip(*(loop.iterations for loop in loops), strict=True)):
            inner.index = Const(index)
            item = self._round(list(scopes), inner)
            runs.append(Run(Const(index), Const(index + 1), item, frame.depth + 1))
            result = Result(item.site)
            inner.features[Operand(0)] = inner.features[result]
            inner.nodes[Operand(0)] = inner.nodes[result]
        return tuple(runs), inner.features[Operand(0)]

    def _repeat(
        self, loops: list[Loop], operands: tuple[Ref, ...], frame: _Frame
    ) -> tuple[tuple[Run, ...], Expr | None]:
        """The rounds of a repeat, all at once: `i` and `channels` tell them apart."""
        assert loops[0].times is not None
        start = frame.features[operands[0]]
        counts = [len(loop.iterations) for loop in loops]
        times = settle(frame.at(loops[0].times, (start,)), counts, frame.envs)
        frame.structural.append(times)
        pairs = [(number, index) for number, loop in enumerate(loops) for index in range(len(loop.iterations))]
        if not pairs:
            return (), start
        envs: list[dict[str, Value]] = []
        inner = _inside(frame, operands, envs)
        inner.depth += 1
        index_name, channels_name = round_names(inner.depth)
        inner.index = Name(index_name)
        arrive: list[str] = []
        for number, index in pairs:
            wires = self.wiring.scopes[loops[number].iterations[index].path]
            arrive.append(wires.operands[0])
            channels = self.graph.nodes[arrive[-1]].shape[0]
            envs.append({**frame.envs[number], index_name: index, channels_name: channels})
        inner.features[Operand(0)] = Name(channels_name)
        inner.nodes = {
            Operand(k): tuple(frame.nodes[ref][number] for number, _ in pairs) for k, ref in enumerate(operands)
        }
        inner.nodes[Operand(0)] = tuple(arrive)
        scopes = [loops[number].iterations[index] for number, index in pairs]
        # Each round is numbered by its index, not by its place in the sequence around the loop.
        for position, scope in enumerate(scopes):
            scopes[position] = dataclasses.replace(scope, site=0)
        item = self._round(scopes, inner)
        after = inner.features[Result(item.site)]
        run = Run(Const(0), times, item, inner.depth, start, after)
        out = channels_after(run)
        if out is None and len(set(counts)) == 1:  # the count decides the structure, so it may be put in as a number
            out = channels_after(dataclasses.replace(run, stop=Const(counts[0])))
        if out is None:  # the number that is put there instead holds for these values alone
            frame.structural += [start, times, after]
        return (run,), out


def _inside(frame: _Frame, operands: tuple[Ref, ...], envs: list[dict[str, Value]]) -> _Frame:
    return _Frame(
        envs,
        {Operand(index): frame.features[ref] for index, ref in enumerate(operands)},
        {Operand(index): frame.nodes[ref] for index, ref in enumerate(operands)},
        frame.structural,
        depth=frame.depth,
        index=frame.index,
    )
