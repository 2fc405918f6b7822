"""Lowering: a checked spec becomes a layer graph, item by item, with shapes worked out on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final, TypeVar

from archspec.errors import Diagnostic, InternalError, Note, Span, SpecError
from archspec.expr import Expr, ExprError, Value, names
from archspec.expr.evaluate import truth
from archspec.ir.assembly import Place
from archspec.ir.builder import GraphBuilder
from archspec.ir.graph import LayerGraph, NetworkParam, ids_as_output
from archspec.ir.op import Op, ShapeError
from archspec.ir.open_scopes import OpenChoice, OpenLoop, OpenScope, Tensor, bring, enter, leave
from archspec.ir.ops import OPS
from archspec.ir.scope import Binding, Layer, Operand, Result, walk
from archspec.ir.tensor_type import TensorType
from archspec.limits import Budget
from archspec.lowering.bind import bind, block_info
from archspec.lowering.bodies import result_names
from archspec.lowering.context import Context, Made, Variables
from archspec.lowering.diagnostics import (
    layer_too_large,
    misfit,
    results_named,
    shape_error,
    tap_marked_twice,
    too_many_items,
    two_layers,
    unmarked_tap,
)
from archspec.lowering.naming import NamePlan, make_plan
from archspec.lowering.top import Top
from archspec.lowering.units import UnitCall, single_call, single_reuse, unit_calls, unit_name
from archspec.lowering.values import OpReader, evaluated
from archspec.spec import Attribute, Block, Call, Item, Refused, Repeat, Reuse, Spec, Stage, Tap
from archspec.spec import Sequence as Seq

DEFAULT_PATTERN: Final = "{i}"
T = TypeVar("T")


@dataclass(slots=True)
class Lowering:
    """The way through a spec's items, each with what arrives at it."""

    spec: Spec
    top: Top
    budget: Budget
    builder: GraphBuilder = field(init=False)
    fixed: set[str] = field(default_factory=set[str])
    """Params of the network that decide its structure, or that no generated code could take as arguments."""
    plans: dict[int, NamePlan] = field(default_factory=dict[int, NamePlan])
    readings: dict[int, OpReader] = field(default_factory=dict[int, OpReader])
    trail: list[Note] = field(default_factory=list[Note])
    """The calls that led to where we are, outermost first."""
    written: int = 0
    """How many items there are so far, with all iterations and calls written out."""
    nesting: int = 0
    seen: dict[int, Expr] = field(default_factory=dict[int, Expr])
    here: Item | None = None
    """The item that is worked out, for the message when there is too much work."""
    marked: dict[str, str] = field(default_factory=dict[str, str])
    """The nodes that the network's taps mark, those under a condition included."""

    def __post_init__(self) -> None:
        spec = self.spec
        self.builder = GraphBuilder(spec.name, spec.title, spec.class_name or "")
        self.builder.root.span = spec.span

    def run(self) -> LayerGraph:
        """The graph of the whole network."""
        spec, top = self.spec, self.top
        self.fixed |= top.fixed
        variables = Variables(top.env, root=True)
        tensors = [self.builder.add_input(node) for node in top.inputs]
        taps = {tensor.path: tensor for tensor in tensors}
        taps.setdefault("input", tensors[0])
        items = spec.items
        context = Context(self.builder.root, self._plan(items, numbered=False), variables, taps, {})
        outputs = {"output": self._items(items, tensors[0], context)}
        if spec.outputs:
            for index, name in enumerate(spec.outputs):
                if name not in taps:
                    raise SpecError(unmarked_tap(name, spec.item_place("outputs", index), output=True))
            outputs = {name: taps[name] for name in spec.outputs}
        for index, (name, tensor) in enumerate(outputs.items()):
            if tensor.type.is_ids:
                place = spec.item_place("outputs", index) if spec.outputs else spec.span
                raise SpecError(ids_as_output(name, place))
        return self.builder.graph(
            outputs,
            source=spec.path.name if spec.path else spec.name,
            params=tuple(
                NetworkParam(name, top.env[name], param.doc, name in self.fixed, top.derived.get(name))
                for name, param in spec.params.items()
            ),
            blocks={name: block_info(block, self.budget) for name, block in spec.blocks.items()},
            depth=top.depth,
            limits=self.budget.limits,
            taps=self.marked,
            texts=tuple(spec.texts),
        )

    def _count(self, item: Item | UnitCall | Attribute, items: int = 1) -> None:
        """One more item, written out."""
        self.written += items
        if self.written > self.budget.limits.items:
            raise SpecError(too_many_items(item.span, self.budget.limits.items))

    def _expect(self, items: int, place: Item | Attribute) -> None:
        """At least so many items are to come: what will be refused is refused before the work."""
        if self.written + items > self.budget.limits.items:
            raise SpecError(too_many_items(place.span, self.budget.limits.items))

    def _env(self, context: Context, x: Tensor) -> dict[str, Value]:
        """The variables that an item sees, `channels` among them."""
        self.budget.spend(len(context.variables.env) // 16)
        return context.env(x)

    def _fix(self, expr: Expr, context: Context) -> None:
        """The names of an expression that decides the structure; in a block, code generation follows its params."""
        if context.variables.root and id(expr) not in self.seen:
            self.seen[id(expr)] = expr
            self.fixed |= names(expr, self.budget)

    # -- items ------------------------------------------------------------------------------------

    def _items(self, items: Sequence[Item], x: Tensor, context: Context) -> Tensor:
        for item in items:
            x = self._nested(item, x, context)
        return x

    def _nested(self, item: Item, x: Tensor, context: Context) -> Tensor:
        self._count(item)
        self.here = item
        self.nesting += 1
        if self.nesting > self.budget.limits.nesting:
            message = f"blocks, sequences and branches are nested more than {self.budget.limits.nesting} deep"
            raise SpecError(Diagnostic("E0304", message, item.span, notes=tuple(self.trail[:1])))
        y = self._guarded(item, x, context)
        self.nesting -= 1
        return y

    def _guarded(self, item: Item, x: Tensor, context: Context) -> Tensor:
        """An item with its condition, where it has one."""
        when: Attribute | None = getattr(item, "when", None)
        if when is None:
            return self._item(item, x, context)
        slot = context.plan[item]
        assert slot.choice is not None
        value, condition = evaluated(when, self._env(context, x), self.budget)
        try:
            taken = truth(value)
        except ExprError as error:
            raise SpecError(Diagnostic("E0303", str(error), when.span)) from None
        self._fix(condition, context)
        scope = context.scope
        outer, scope.items = scope.items, []
        # A tap or a name under a condition is not seen outside it.
        inner = replace(context, taps=self._copied(context.taps), made=self._copied(context.made))
        otherwise: Sequence[Item] = getattr(item, "otherwise", None) or ()
        y = self._item(item, x, inner) if taken else self._items(otherwise, x, inner)
        choice = OpenChoice(slot.choice, condition, taken, x.ref, scope.items, y.ref)
        outer.append(choice)
        scope.items = outer
        return Tensor(scope, Result(slot.choice), y.path, y.type)

    def _item(self, item: Item, x: Tensor, context: Context) -> Tensor:
        match item:
            case Call():
                if item.name not in self.spec.blocks:
                    return self._op(item, x, context)
                return self._call(item, x, context)
            case Seq():
                start = x
                if item.origin is not None:
                    start = bring(self._tap(item.origin, item.place("from"), context), context.scope)
                if item.label is None:
                    return self._items(item.layers, start, context)
                return self._sequence(item, item.layers, start, context)
            case Repeat():
                return self._repeat(item, x, context)
            case Reuse():
                return self._reuse(item, x, context)
            case Stage():
                if item.block is None:
                    return self._sequence(item, item.layers, x, context)
                return self._stage(item, x, context)
            case Refused():
                raise InternalError("an item that is refused is lowered")
            case Tap():
                if item.name in context.taps:
                    raise SpecError(tap_marked_twice(item.name, item.span))
                context.taps[item.name] = x
                self._mark(item.name, x, context)
                context.scope.labels.setdefault(x.ref, item.name)
                return x

    def _mark(self, name: str, x: Tensor, context: Context) -> None:
        """A tap that can be asked for: one of the network's body, and the same one however often it is built."""
        if context.variables.root and not context.loop:
            self.marked[name] = x.path

    def _copied(self, named: Mapping[str, T]) -> dict[str, T]:
        self.budget.spend(len(named) // 8)
        return dict(named)

    def _tap(self, name: str, place: Span | None, context: Context) -> Tensor:
        found = context.taps.get(name)
        if found is None:
            raise SpecError(unmarked_tap(name, place))
        return found

    def _op(self, call: Call, x: Tensor, context: Context) -> Tensor:
        inputs = self._inputs(call, x, context)
        op_class = OPS[call.name]
        self.budget.spend(15)  # beside its expressions there are its shapes and weights
        reading = self._reading(op_class, call)
        op, exprs = reading.read(self._env(context, x))
        name, path = self._path(call, context)
        arriving = [tensor.type for tensor in inputs]
        if reading.typed is None or reading.typed[:2] != (op, arriving):
            reading.typed = op, arriving, *self._typed(op, call, path, inputs, x)
        _, _, op, types = reading.typed
        if context.variables.root:
            known = op_class.attributes()
            self.fixed |= {
                word for key, expr in exprs.items() if known[key].spatial for word in names(expr, self.budget)
            }
        slot = context.plan[call]
        refs = tuple(tensor.ref for tensor in inputs)
        layer = Layer(slot.location, name, slot.named, path, refs, op, types, exprs, call.span)
        if call.label is not None:
            context.made[call.label] = Made(layer)
        results = self.builder.add_layer(context.scope, layer, inputs)
        if op_class.several:
            self._name_results(call, op, path, results, context)
        return results[0]

    def _name_results(self, call: Call, op: Op, path: str, results: Sequence[Tensor], context: Context) -> None:
        """The taps of an op of several results, which its call names."""
        names = result_names(call)
        if len(names) != (len(results) if len(results) > 1 else 0):
            raise SpecError(results_named(call, op, path, len(results), names))
        for (name, place), tensor in zip(names.items(), results, strict=False):
            if name in context.taps:
                raise SpecError(tap_marked_twice(name, place))
            context.taps[name] = tensor
            self._mark(name, tensor, context)
            context.scope.labels.setdefault(tensor.ref, name)

    def _inputs(self, call: Call, x: Tensor, context: Context) -> tuple[Tensor, ...]:
        """What the branches of an op give, or what arrives at it."""
        if call.branches is None:
            return (x,)
        return tuple(self._nested(branch, x, context) for branch in call.branches)

    def _typed(
        self, op: Op, call: Call, path: str, inputs: Sequence[Tensor], x: Tensor
    ) -> tuple[Op, tuple[TensorType, ...]]:
        """An op for these inputs, and what it gives for them; `x` is what arrived at its branches."""
        arriving = [tensor.type for tensor in inputs]
        try:
            op = op.fitted(arriving)
            types = op.output_types(arriving)
        except ShapeError as error:
            given = tuple(tensor.path for tensor in inputs)
            raise SpecError(shape_error(error, op, call, path, given, x.path, self.builder.nodes, self.trail)) from None
        if (reason := layer_too_large(op, arriving, types, self.budget.limits)) is not None:
            notes = tuple(reversed(self.trail))
            raise SpecError(Diagnostic("E0304", f"{path} is too large: {reason}", call.span, notes=notes))
        return op, types

    def _reading(self, op: type[Op], call: Call) -> OpReader:
        found = self.readings.get(id(call))
        if found is None:
            found = self.readings[id(call)] = OpReader(op, call, self.top.defaults.get(call.name, {}), self.budget)
        return found

    def _path(self, item: Item, context: Context) -> tuple[str, str]:
        """The name and path of a new layer or scope; its number, in a named sequence."""
        slot, scope = context.plan[item], context.scope
        name = slot.name
        if name is None:
            name = str(scope.count)
            scope.count += 1
        path = f"{scope.path}.{name}" if scope.path else name
        if name in scope.names or path in self.builder.nodes:
            place = scope.names[name] if name in scope.names else self.builder.nodes[path].span
            notes = (Note("the first is here", place), *self.trail)
            raise SpecError(two_layers(path, item, notes))
        self._count(item, len(path) // 100)
        scope.names[name] = item.span
        return name, path

    def _call(self, call: Call, x: Tensor, context: Context) -> Tensor:
        name, path = self._path(call, context)
        block = self.spec.blocks[call.name]
        bindings = bind(block, call.attributes, (), self._env(context, x), call.span, self.budget)
        slot = context.plan[call]
        scope = enter(context.scope, slot.location, name, path, x, call.span)
        scope.kind, scope.block, scope.bindings = "block", call.name, bindings
        taps = self._fed(block, call.attributes, scope, context)
        y = self._block(scope, x, call, taps)
        places = {output: scope.results[bring(taps[output], scope).ref] for output in block.outputs}
        for output, index in places.items():
            context.taps[f"{name}.{output}"] = taps[output]
            self._mark(f"{name}.{output}", taps[output], context)
            context.scope.labels.setdefault(Result(slot.location, index), output)
        if call.label is not None:
            context.made[call.label] = Made(scope, places, block.inputs)
        return y

    def _fed(
        self, block: Block, given: Mapping[str, Attribute], scope: OpenScope, context: Context
    ) -> dict[str, Tensor]:
        """A block's own inputs, each the tap that the caller names, as the block's scope knows them."""
        found: dict[str, Tensor] = {}
        for name in block.inputs:
            found[name] = scope.feed(self._tap(str(given[name].raw), given[name].span, context))
        return found

    def _block(self, scope: OpenScope, x: Tensor, item: Item, taps: dict[str, Tensor]) -> Tensor:
        """Fill the scope of a block's instance; it has been entered, bound and fed. `taps` gets those inside."""
        assert scope.block is not None
        block = self.spec.blocks[scope.block]
        self._count(item, 1 + len(scope.path) // 100)
        self.trail.append(Note(f"{scope.path} is block {scope.block}, called here", item.span))
        variables = Variables({name: binding.value for name, binding in scope.bindings.items()}, root=False)
        start = Tensor(scope, Operand(0), x.path, x.type)
        plan = self._plan(block.layers, numbered=False)
        taps["input"] = start
        y = self._items(block.layers, start, Context(scope, plan, variables, taps, {}))
        for index, output in enumerate(block.outputs):
            if output not in taps:
                raise SpecError(unmarked_tap(output, block.item_place("outputs", index)))
            scope.give(bring(taps[output], scope).ref)  # in their order, whichever of them a caller uses
        self.trail.pop()
        return leave(scope, y)

    def _sequence(self, item: Seq | Stage, layers: Sequence[Item], x: Tensor, context: Context) -> Tensor:
        name, path = self._path(item, context)
        scope = enter(context.scope, context.plan[item].location, name, path, x, item.span)
        start = Tensor(scope, Operand(0), x.path, x.type)
        inner = replace(context, scope=scope, plan=self._plan(layers, numbered=True), made={})
        y = leave(scope, self._items(layers, start, inner))
        if item.label is not None:
            context.made[item.label] = Made(scope)
        return y

    def _reuse(self, item: Reuse, x: Tensor, context: Context) -> Tensor:
        """An item before this one, once more."""
        found = self._made(item, context)
        name, path = self._path(item, context)
        slot = context.plan[item]
        others = self._others(found, item, context)
        results = self._again(
            context.scope, found, Place(slot.location, name, slot.named, path, item.span), (x, *others), item
        )
        for output, index in found.outputs.items():
            context.taps[f"{name}.{output}"] = results[index]
            self._mark(f"{name}.{output}", results[index], context)
            context.scope.labels.setdefault(Result(slot.location, index), output)
        if item.label is not None:
            context.made[item.label] = found
        return results[0]

    def _made(self, item: Reuse, context: Context) -> Made:
        """What a `reuse` names."""
        return context.made[item.item]

    def _others(self, found: Made, item: Reuse, context: Context) -> list[Tensor]:
        """What it takes besides the tensor that arrives: a block what it is given here, all else what it had."""
        if isinstance(found.item, Layer):
            return []
        given = [self._tap(str(item.inputs[name].raw), item.inputs[name].span, context) for name in found.inputs]
        return [bring(tensor, context.scope) for tensor in given or found.item.others]

    def _again(
        self, scope: OpenScope | OpenLoop, found: Made, place: Place, inputs: Sequence[Tensor], item: Reuse
    ) -> tuple[Tensor, ...]:
        frozen = found.item if isinstance(found.item, Layer) else found.item.freeze()
        size = sum(1 for _ in walk(frozen))
        self._count(item, size)
        self.budget.spend(15 * size)
        before = len(self.builder.nodes)
        try:
            results = self.builder.add_again(scope, found.item, place, inputs)
        except ShapeError as error:
            raise SpecError(misfit(error, item, found.item, self.trail)) from None
        for node in islice(self.builder.nodes.values(), before, None):
            arriving = [self.builder.type_of(name) for name in node.inputs]
            if (reason := layer_too_large(node.op, arriving, node.types, self.budget.limits)) is not None:
                raise SpecError(Diagnostic("E0304", f"{node.path} is too large: {reason}", item.span))
        return results

    def _repeat(self, item: Repeat, x: Tensor, context: Context) -> Tensor:
        times, expr = evaluated(item.times, self._env(context, x), self.budget)
        if isinstance(times, bool) or not isinstance(times, int) or times < 0:
            message = f"`times` is `{times!r}`; a whole number, 0 or more, is expected"
            raise SpecError(Diagnostic("E0202", message, item.times.span))
        if times > self.budget.limits.items:
            raise SpecError(
                Diagnostic("E0304", f"`times` is {times:,}; at most {self.budget.limits.items:,}", item.times.span)
            )
        self._expect(times * (1 + len(item.layers)), item.times)
        self._fix(expr, context)
        loop = self._loop(item, expr, DEFAULT_PATTERN, x, context)
        again = single_reuse(item.layers)
        single = single_call(item.layers, self.spec.blocks)
        plan = self._plan(item.layers, numbered=True)
        for index in range(times):
            self._count(item.times)
            variables = {**context.loop, "i": index}
            if again is not None:
                found = self._made(again, context)
                place = Place(index, str(index), False, f"{loop.path}.{index}", again.span)
                [x, *_] = self._again(loop, found, place, (x, *self._others(found, again, context)), again)
                continue
            if single is not None:
                env, block = {**self._env(context, x), **variables}, self.spec.blocks[single.name]
                bindings = bind(block, single.attributes, (), env, single.span, self.budget)
                x = self._unit(loop, str(index), single.name, bindings, x, single, single.span, context)
                continue
            scope = enter(loop, index, str(index), f"{loop.path}.{index}", x, item.span)
            self._count(item, len(scope.path) // 100)
            start = Tensor(scope, Operand(0), x.path, x.type)
            # A tap inside a repeat stands for another tensor in each iteration, so none is seen outside.
            inner = Context(scope, plan, context.variables, self._copied(context.taps), variables)
            y = leave(scope, self._items(item.layers, start, inner))
            x = Tensor(context.scope, Result(loop.location), y.path, y.type)
        return self._looped(loop, item, x, context)

    def _looped(self, loop: OpenLoop, item: Item, x: Tensor, context: Context) -> Tensor:
        """What a loop gives. Every tensor that enters it enters each iteration, and takes room there."""
        self._count(item, (len(loop.operands) - 1) * len(loop.iterations) // 8)
        return Tensor(context.scope, Result(loop.location), x.path, x.type)

    def _loop(self, item: Repeat | Stage, times: Expr | None, pattern: str, x: Tensor, context: Context) -> OpenLoop:
        name, path = self._path(item, context)
        loop = OpenLoop(context.scope, context.plan[item].location, name, path, times, pattern, [x.ref], item.span)
        context.scope.items.append(loop)
        if item.label is not None:
            context.made[item.label] = Made(loop)
        return loop

    def _stage(self, stage: Stage, x: Tensor, context: Context) -> Tensor:
        assert stage.block is not None
        block = self.spec.blocks[stage.block]
        calls, structural = unit_calls(stage, block, context.variables.env, self.budget, self.written)
        self._expect(len(calls) * (2 + len(block.layers)), stage)
        if context.variables.root:  # in a block these are the block's params; code generation follows them
            self.fixed.update(*(names(expr, self.budget) for expr in structural))
        pattern = stage.unit_names or DEFAULT_PATTERN
        loop = self._loop(stage, None, pattern, x, context)
        loop.structure = structural
        for index, call in enumerate(calls):
            self._count(call)
            variables = {**context.loop, "i": index}
            name = unit_name(stage, pattern, index, self.budget)
            env = {**self._env(context, x), **variables}
            bindings = bind(block, stage.arguments, call.fields, env, call.span, self.budget)
            x = self._unit(loop, name, stage.block, bindings, x, stage, call.span, context)
        return self._looped(loop, stage, x, context)

    def _unit(
        self,
        loop: OpenLoop,
        name: str,
        block: str,
        bindings: Mapping[str, Binding],
        x: Tensor,
        item: Call | Stage,
        span: Span | None,
        context: Context,
    ) -> Tensor:
        scope = enter(loop, len(loop.iterations), name, f"{loop.path}.{name}", x, span)
        scope.kind, scope.block, scope.bindings = "block", block, bindings
        given = item.arguments if isinstance(item, Stage) else item.attributes
        y = self._block(scope, x, item, self._fed(self.spec.blocks[block], given, scope, context))
        return Tensor(loop.parent, Result(loop.location), y.path, y.type)

    def _plan(self, items: Sequence[Item], *, numbered: bool) -> NamePlan:
        found = self.plans.get(id(items))
        if found is None:
            found = self.plans[id(items)] = make_plan(items, self.spec.blocks, numbered=numbered)
        return found
