"""Lowering: a checked spec becomes a layer graph, item by item, with shapes worked out on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from archspec.errors import Diagnostic, InternalError, Note, SpecError
from archspec.expr import ExprError, Value, fold, names
from archspec.expr.evaluate import truth
from archspec.ir.graph import LayerGraph, NetworkParam, ids_as_output
from archspec.ir.open_scopes import OpenChoice, OpenScope, Tensor, bring, enter, leave
from archspec.ir.scope import Operand, Result, channels_at
from archspec.lowering.bind import bind_lets, block_info
from archspec.lowering.bodies import carried_out, conditional_marks
from archspec.lowering.context import Context, Made, Variables
from archspec.lowering.diagnostics import tap_marked_twice, unmarked_tap
from archspec.lowering.inline_items import InlineItems, level
from archspec.lowering.size_use import sizes_decide
from archspec.lowering.values import evaluated
from archspec.spec import Attribute, Block, Call, Item, Refused, Repeat, Reuse, Stage, Tap
from archspec.spec import Sequence as Seq


@dataclass(slots=True)
class Lowering(InlineItems):
    """The way through a spec's items, each with what arrives at it."""

    def run(self) -> LayerGraph:
        """The graph of the whole network."""
        spec, top = self.spec, self.top
        variables = Variables(top.env, root=True)
        tensors = [self.builder.add_input(node) for node in top.inputs]
        taps = {tensor.path: tensor for tensor in tensors}
        taps.setdefault("input", tensors[0])
        items = spec.items
        self.builder.root.lets = top.lets
        context = Context(self.builder.root, self._plan(items, numbered=False), variables, taps, {})
        last = self._items(items, tensors[0], context)
        outputs, training_outputs = self._outputs(taps, last)
        places = dict(spec.output_places)
        for name, tensor in outputs.items():
            if tensor.type.is_ids:
                raise SpecError(ids_as_output(name, places.get(name, spec.span)))
        for name, let in reversed(top.lets.items()):  # what is computed is fixed with all that it is computed from
            if name in top.fixed:
                top.fix(let.expr, top.fixed[name])
        reference = spec.reference or ()
        graph = self.builder.graph(
            outputs,
            training_outputs=training_outputs,
            source=spec.path.name if spec.path else spec.name,
            reference=(reference,) if isinstance(reference, str) else tuple(reference),
            params=tuple(
                NetworkParam(
                    name,
                    top.env[name],
                    param.doc,
                    top.fixed.get(name, ""),
                    top.derived.get(name),
                    param.plain_choices,
                )
                for name, param in spec.params.items()
            ),
            blocks={name: block_info(block, self.budget) for name, block in spec.blocks.items()},
            depth=top.depth,
            limits=self.budget.limits,
            taps=self.marked,
            texts=tuple(spec.texts),
        )
        return replace(graph, sizes_decide=sizes_decide(graph.root, top.sizes, top.lets, self.budget))

    def _outputs(self, taps: Mapping[str, Tensor], last: Tensor) -> tuple[dict[str, Tensor], tuple[str, ...]]:
        """The network's outputs by name, without those whose conditions do not hold, and those of training alone."""
        spec = self.spec
        found: dict[str, Tensor] = {} if spec.outputs else {"output": last}
        may_be_gone = conditional_marks(spec.items)
        for name, place in spec.output_places:
            tensor = taps.get(name) or self.under_conditions.get(name)
            if tensor is not None:
                found[name] = tensor
            elif name not in may_be_gone:
                raise SpecError(unmarked_tap(name, place))
        training_outputs = tuple(name for name in spec.training_outputs or () if name in found)
        if len(found) == len(training_outputs):
            message = "the network has no output: all of them stand under conditions that do not hold"
            help = "list a tap that stands under none, or leave `outputs` out: then the last item gives the output"
            raise SpecError(Diagnostic("E0406", message, spec.place("outputs"), help=help))
        return found, training_outputs

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
        if item.when is None:
            return self._item(item, x, context)
        when, otherwise = item.when, item.otherwise or ()

        def side(taken: bool, inner: Context) -> Tensor:
            return self._item(item, x, inner) if taken else self._items(otherwise, x, inner)

        return self._chosen(item, when, x, x, side, context)

    def _settled(self, branch: Seq, x: Tensor, context: Context) -> tuple[Tensor, ...] | None:
        assert branch.when is not None
        if not context.loop:
            return None
        value, condition = evaluated(branch.when, self._env(context, x), self.budget)
        if names(self._outside(condition, context), self.budget) or self._carried(branch):
            return None
        self._count(branch)
        if not _truth(value, branch.when):
            return ()
        # A tap or a name under a condition is not seen outside it.
        taps, lists, made = self._copied(context.taps), self._copied(context.lists), self._copied(context.made)
        return (self._items(branch.layers, x, replace(context, taps=taps, lists=lists, made=made)),)

    def _omissible(self, call: Call, branch: Seq, x: Tensor, y: Tensor, context: Context) -> Tensor:
        assert branch.when is not None

        def side(taken: bool, inner: Context) -> Tensor:
            if not taken:
                return y
            z = self._items(branch.layers, x, inner)
            return self._joined(call, (y, z), x, inner, inner.plan.join(branch))

        self._count(branch)
        return self._chosen(branch, branch.when, x, y, side, context)

    def _chosen(
        self,
        item: Item,
        when: Attribute,
        x: Tensor,
        operand: Tensor,
        side: Callable[[bool, Context], Tensor],
        context: Context,
    ) -> Tensor:
        """What one of the sides of a condition gives; `x` is what arrives there, `operand` what may be passed on."""
        slot = context.plan[item]
        assert slot.choice is not None
        value, condition = evaluated(when, self._env(context, x), self.budget)
        taken = _truth(value, when)
        if operand is not x:
            condition = fold(condition, self.budget, {"channels": channels_at(level(context.scope), x.ref)})
        condition = self._outside(condition, context)
        scope = context.scope
        outer, scope.items = scope.items, []
        # A tap or a name under a condition is not seen outside it.
        taps, lists = self._copied(context.taps), self._copied(context.lists)
        inner = replace(context, taps=taps, lists=lists, made=self._copied(context.made))
        before, self.under_conditions = self.under_conditions, {}
        y = side(taken, inner)
        has_other = not taken or bool(item.otherwise)
        choice = OpenChoice(slot.choice, condition, taken, operand.ref, scope.items, [y.ref], has_other)
        outer.append(choice)
        for name in self._carried(item):
            if name in context.taps:  # on either side it comes out, so that both give the same results
                choice.results.append(bring(inner.taps[name], scope).ref)
                carried = replace(inner.taps[name], scope=scope, ref=Result(slot.choice, len(choice.results) - 1))
                context.taps[name] = carried
                self._mark(name, carried, context)
        found, self.under_conditions = self.under_conditions, before
        if context.variables.root and not context.loop:
            marked = {name: tensor for name, tensor in inner.taps.items() if name not in context.taps}
            self._keep_outputs(choice, {**found, **marked}, context)
        scope.items = outer
        return Tensor(scope, Result(slot.choice), y.path, y.type)

    def _carried(self, item: Item) -> tuple[str, ...]:
        """The taps that repeats in an item, or in its `else`, carry along; they stand for others after it."""
        found = self.carries.get(id(item))
        if found is None:
            found = self.carries[id(item)] = tuple(dict.fromkeys(carried_out((item,))))
        return found

    def _keep_outputs(self, choice: OpenChoice, taps: Mapping[str, Tensor], context: Context) -> None:
        """The taps of a condition that are outputs of the network come out of it."""
        for name, _ in self.spec.output_places:
            if name not in taps:
                continue
            tensor = bring(taps[name], context.scope)
            choice.results += [tensor.ref] if tensor.ref not in choice.results else []
            ref = Result(choice.location, choice.results.index(tensor.ref))
            self.under_conditions[name] = Tensor(context.scope, ref, tensor.path, tensor.type)

    def _item(self, item: Item, x: Tensor, context: Context) -> Tensor:
        match item:
            case Call():
                if item.name not in self.spec.blocks:
                    return self._op(item, x, context)
                return self._inline(item, x, context) if item.inline else self._call(item, x, context)
            case Seq():
                start = x
                if item.origin is not None:
                    start = bring(self._tap(item.origin, item.place("from"), context), context.scope)
                if item.label is None:
                    return self._items(item.layers, start, context)
                return self._sequence(item, item.layers, start, context)
            case Repeat():
                return self._inline_repeat(item, x, context) if item.inline else self._repeat(item, x, context)
            case Reuse():
                return self._reuse(item, x, context)
            case Stage():
                if item.block is None:
                    return self._sequence(item, item.layers, x, context)
                return self._stage(item, x, context)
            case Refused():
                raise InternalError("an item that is refused is lowered")
            case Tap():
                if item.name in context.taps or item.name in context.lists:
                    raise SpecError(tap_marked_twice(item.name, item.span))
                context.taps[item.name] = x
                self._mark(item.name, x, context)
                context.scope.label(x.ref, item.name)
                return x

    # -- blocks and sequences ---------------------------------------------------------------------

    def _call(self, call: Call, x: Tensor, context: Context) -> Tensor:
        name, path = self._path(call, context)
        block = self.spec.blocks[call.name]
        bindings = self._bound(self._given(call, block, x, context), context)
        slot = context.plan[call]
        scope = enter(context.scope, slot.location, name, path, x, call.span)
        scope.kind, scope.block, scope.bindings = "block", call.name, bindings
        taps = self._fed(block, call.attributes, scope, context)
        y = self._block(scope, x, call, taps)
        places = {output: scope.results[bring(taps[output], scope).ref] for output in block.outputs}
        for output, index in places.items():
            context.taps[f"{name}.{output}"] = taps[output]
            self._mark(f"{name}.{output}", taps[output], context)
            context.scope.lend(Result(slot.location, index), output)
        if call.label is not None:
            context.made[name] = Made(scope, places, block.inputs)
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
        env = {name: binding.value for name, binding in scope.bindings.items()} | {"in_channels": x.type.channels}
        scope.lets = bind_lets(block.let, env, self.budget)
        variables = Variables(env | {name: let.value for name, let in scope.lets.items()}, root=False)
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
            context.made[name] = Made(scope)
        return y


def _truth(value: Value, when: Attribute) -> bool:
    """Whether a condition holds, by its value."""
    try:
        return truth(value)
    except ExprError as error:
        raise SpecError(Diagnostic("E0303", str(error), when.span)) from None
