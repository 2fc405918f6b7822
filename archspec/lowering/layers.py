"""Lowering of ops, and what the lowering of every item needs: names and paths, taps, bounds."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from archspec.errors import Diagnostic, Note, Span, SpecError
from archspec.expr import Expr, ExprError, Value, evaluate, fold, pattern_text
from archspec.ir.builder import GraphBuilder
from archspec.ir.op import Op, ShapeError
from archspec.ir.open_scopes import Tensor, bring
from archspec.ir.ops import OPS
from archspec.ir.scope import Binding, Layer, item_label
from archspec.ir.tensor_type import TensorType
from archspec.limits import Budget
from archspec.lowering.bodies import list_named, lists_in, result_names
from archspec.lowering.context import Context, Made
from archspec.lowering.diagnostics import (
    layer_and_sequence,
    layer_too_large,
    results_named,
    shape_error,
    tap_marked_twice,
    too_many_items,
    two_layers,
    unmarked_tap,
)
from archspec.lowering.naming import NamePlan, Slot, apart, base_name, make_plan
from archspec.lowering.top import Top
from archspec.lowering.units import UnitCall, item_name
from archspec.lowering.values import OpReader, evaluated
from archspec.reserved_names import FLAT_NAME, in_sequence
from archspec.spec import Attribute, Call, Item, Spec
from archspec.spec import Sequence as Seq
from archspec.spec.checks import tap_and_index

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class LayerLowering:
    """How far the way through a spec's items has led, and the step for an op."""

    spec: Spec
    top: Top
    budget: Budget
    builder: GraphBuilder = field(init=False)
    plans: dict[int, NamePlan] = field(default_factory=dict[int, NamePlan])
    carries: dict[int, tuple[str, ...]] = field(default_factory=dict[int, tuple[str, ...]])
    """The taps that are carried along in an item under a condition, by its identity."""
    readings: dict[int, OpReader] = field(default_factory=dict[int, OpReader])
    trail: list[Note] = field(default_factory=list[Note])
    """The calls that led to where we are, outermost first."""
    written: int = 0
    """How many items there are so far, with all iterations and calls written out."""
    nesting: int = 0
    units: int = 0
    """How many units the stages of the network have so far."""
    all_units: int | None = None
    """How many they have in all, once a stage has asked for it."""
    seen: dict[int, Expr] = field(default_factory=dict[int, Expr])
    here: Item | None = None
    """The item that is worked out, for the message when there is too much work."""
    marked: dict[str, str] = field(default_factory=dict[str, str])
    """The nodes that the network's taps mark, those under a condition included."""
    under_conditions: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    """The outputs of the network that stand under conditions, as the scope around these knows them."""
    lists: Collection[str] = field(init=False)
    """The names of lists of tensors anywhere in the spec."""

    def __post_init__(self) -> None:
        spec = self.spec
        bodies = (spec.items, *(block.layers for block in spec.blocks.values()))
        self.lists = {name for items in bodies for name in lists_in(items)}
        self.builder = GraphBuilder(spec.name, spec.title, spec.class_name or "")
        self.builder.root.span = spec.span

    def _items(self, items: Sequence[Item], x: Tensor, context: Context) -> Tensor:
        """Items in order; what the last of them gives."""
        raise NotImplementedError

    def _nested(self, item: Item, x: Tensor, context: Context) -> Tensor:
        """One item, with its condition; what it gives."""
        raise NotImplementedError

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

    def _outside(self, expr: Expr, context: Context) -> Expr:
        """An expression in terms of the frame that its layer stands in."""
        return fold(expr, self.budget, context.variables.outer) if context.variables.outer else expr

    def _fix(self, expr: Expr, context: Context, what: str) -> None:
        """The names of an expression that decides the structure; in a block, code generation follows its params."""
        if context.variables.root and id(expr) not in self.seen:
            self.seen[id(expr)] = expr
            self.top.fix(expr, what)

    def _mark(self, name: str, x: Tensor, context: Context) -> None:
        """A tap that can be asked for: one of the network's body, and the same one however often it is built."""
        if context.variables.root and not context.loop:
            self.marked[name] = x.path

    def _copied(self, named: Mapping[str, T]) -> dict[str, T]:
        self.budget.spend(len(named) // 8)
        return dict(named)

    def _tap(self, text: str, place: Span | None, context: Context) -> Tensor:
        """The tensor that a tap marks, or one of a list of tensors, as in `parts[i]`."""
        name, index = tap_and_index(text)
        if index is not None:
            return self._item_of(name, self._listed(name, place, context), Attribute(index, place), context)
        found = context.taps.get(name)
        if found is None:
            raise SpecError(unmarked_tap(name, place))
        return found

    def _listed(self, name: str, place: Span | None, context: Context) -> tuple[Tensor, ...]:
        """The tensors of a list."""
        if name not in context.lists:
            raise SpecError(unmarked_tap(name, place, "list"))
        return context.lists[name]

    def _item_of(self, name: str, tensors: Sequence[Tensor], index: Attribute, context: Context) -> Tensor:
        """One tensor of a list; from the end where the index is negative."""
        place, expr = evaluated(index, {**context.variables.env, **context.loop}, self.budget)
        self._fix(self._outside(expr, context), context, "which tensor of a list is taken")
        if isinstance(place, bool) or not isinstance(place, int):
            message = f"`{name}[{index.raw}]`: a whole number is expected in the brackets, this is {place!r}"
            raise SpecError(Diagnostic("E0202", message, index.span))
        if not -len(tensors) <= place < len(tensors):
            count = f"{len(tensors)} tensor{'' if len(tensors) == 1 else 's'}" if tensors else "no tensor"
            message = f"`{name}` has {count} here, and none with the index {place}"
            help = "the first is 0, and -1 is the last" if tensors else "the list is there after its first iteration"
            raise SpecError(Diagnostic("E0406", message, index.span, help=help))
        return tensors[place]

    def _gather(self, name: str, tensors: Sequence[Tensor], place: Span | None, context: Context) -> None:
        """Tensors are a list of this name from now on."""
        if name in context.taps or name in context.lists:
            raise SpecError(tap_marked_twice(name, place))
        context.lists[name] = tuple(tensors)
        for index, tensor in enumerate(tensors):
            tensor.scope.label(tensor.ref, item_label(name, index))

    def _plan(self, items: Sequence[Item], *, numbered: bool) -> NamePlan:
        found = self.plans.get(id(items))
        if found is None:
            found = self.plans[id(items)] = make_plan(items, self.spec.blocks, self.lists, numbered=numbered)
        return found

    # -- ops --------------------------------------------------------------------------------------

    def _op(self, call: Call, x: Tensor, context: Context) -> Tensor:
        if call.branches is None:
            return self._joined(call, (x,), x, context, context.plan[call])
        always, omissible = apart(call.branches)
        inputs = self._inputs(always, x, context)
        while omissible and (given := self._settled(omissible[0], x, context)) is not None:
            inputs += given
            omissible = omissible[1:]
        if not inputs:
            message = f"{call.name} gets no tensor: the list has none here"
            help = "give it a branch that is always there, as in `[{from: input}, {from: outputs}]`"
            raise SpecError(Diagnostic("E0410", message, call.span, help=help))
        # What joins one tensor with those of a list that has none passes it on.
        is_alone = len(inputs) == 1 and (len(always) < len(call.branches) or OPS[call.name].least_inputs > 1)
        y = inputs[0] if is_alone else self._joined(call, inputs, x, context, context.plan[call])
        for branch in omissible:
            y = self._omissible(call, branch, x, y, context)
        return y

    def _inputs(self, branches: Sequence[Seq], x: Tensor, context: Context) -> tuple[Tensor, ...]:
        """What the branches of an op give that are always there."""
        return tuple(tensor for branch in branches for tensor in self._branch(branch, x, context))

    def _branch(self, branch: Seq, x: Tensor, context: Context) -> tuple[Tensor, ...]:
        """What a branch gives: one tensor, or those of a list."""
        if branch.origin is None or branch.origin not in context.lists:
            return (self._nested(branch, x, context),)
        tensors = context.lists[branch.origin]
        self._count(branch, 1 + len(tensors))
        return tuple(bring(tensor, context.scope) for tensor in tensors)

    def _settled(self, branch: Seq, x: Tensor, context: Context) -> tuple[Tensor, ...] | None:
        """What a branch gives that may be left out: nothing, where it is; None where arguments may decide that.

        The number of an iteration is none, where nothing is around it: all that is there is one merge then.
        """
        raise NotImplementedError

    def _omissible(self, call: Call, branch: Seq, x: Tensor, y: Tensor, context: Context) -> Tensor:
        """What has been joined, and a branch that starts from what arrives, where that is not left out."""
        raise NotImplementedError

    def _joined(self, call: Call, inputs: tuple[Tensor, ...], x: Tensor, context: Context, slot: Slot) -> Tensor:
        """The layer of a call; `x` is what arrived, `inputs` what its branches made of it."""
        op_class = OPS[call.name]
        self.budget.spend(15)  # beside its expressions there are its shapes and weights
        reading = self._reading(op_class, call)
        exprs: dict[str, Expr] = {}
        if (op := reading.same) is None:
            op, exprs = reading.read(self._env(context, x))
            if context.variables.outer:
                exprs = {key: self._outside(expr, context) for key, expr in exprs.items()}
        name = self._name(slot, call, context)
        path = self._taken(name, call, context, numbered=slot.name is None)
        arriving = [tensor.type for tensor in inputs]
        if reading.typed is None or reading.typed[:2] != (op, arriving):
            reading.typed = op, arriving, *self._typed(op, call, path, inputs, x)
        _, _, op, types = reading.typed
        if in_sequence(name)[0] and any(not weight.name for weight in op.weights(arriving)):
            message = f"`{name}` is a parameter itself, and a sequence holds layers: leave out `bare`, or the dot"
            raise SpecError(Diagnostic("E0404", message, call.place("label"), notes=tuple(reversed(self.trail))))
        refs = tuple(tensor.ref for tensor in inputs)
        flat_name = self._flat_name(call, x, context)
        layer = Layer(slot.location, name, slot.named, path, refs, op, types, exprs, call.span, flat_name=flat_name)
        if call.label is not None:
            context.made[name] = Made(layer)
        results = self.builder.add_layer(context.scope, layer, inputs)
        if op_class.several:
            self._name_results(call, op, path, results, context)
        return results[0]

    def _flat_name(self, call: Call, x: Tensor, context: Context) -> Binding | None:
        """What a layer is called where names are flat."""
        if call.flat_name is None:
            return None
        place, expr = call.place("flat_name"), pattern_text(call.flat_name, self.budget)
        try:
            name = str(evaluate(expr, self._env(context, x), self.budget))
        except ExprError as error:
            raise SpecError(Diagnostic("E0404", f"the layer gets no flat name: {error}", place)) from None
        if re.fullmatch(FLAT_NAME, name) is None or len(name) > self.budget.limits.name:
            message = f"`{name[:80]}` cannot be a flat name"
            help = f"it has letters, digits, `_` and `-`, none of the last two first, {self.budget.limits.name} at most"
            raise SpecError(Diagnostic("E0404", message, place, help=help, notes=tuple(reversed(self.trail))))
        return Binding(name, self._outside(expr, context))

    def _name_results(self, call: Call, op: Op, path: str, results: Sequence[Tensor], context: Context) -> None:
        """The taps of an op of several results, which its call names."""
        given = list_named(call)
        if given is not None and len(results) > 1:
            self._gather(str(given.raw), results, given.span, context)
            return
        names = result_names(call)
        if len(names) != (len(results) if len(results) > 1 else 0):
            raise SpecError(results_named(call, op, path, len(results), names))
        for (name, place), tensor in zip(names.items(), results, strict=False):
            if name in context.taps:
                raise SpecError(tap_marked_twice(name, place))
            context.taps[name] = tensor
            self._mark(name, tensor, context)
            context.scope.label(tensor.ref, name)

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
        slot = context.plan[item]
        name = self._name(slot, item, context)
        return name, self._taken(name, item, context, numbered=slot.name is None)

    def _name(self, slot: Slot, item: Item, context: Context) -> str:
        """What an item is called: its number in a chain, what its pattern gives, what its slot says.

        In an iteration without a scope, what has no name of its own is counted on.
        """
        if slot.name is None:
            return str(context.scope.count)
        if "{" in slot.name:
            return item_name(item, slot.name, context.loop, self.budget)
        if slot.named or not context.plan.is_iteration:
            return slot.name
        name, base, counted = slot.name, base_name(item), context.scope.counted
        number = counted.get(base, 1)
        while name in context.scope.names or (name != slot.name and name in context.plan.names):
            number, name = number + 1, f"{base}_{number + 1}"
        counted[base] = number
        return name

    def _taken(self, name: str, item: Item, context: Context, *, numbered: bool = False) -> str:
        """The path of a new layer or scope of this name, which nothing else has from now on."""
        scope = context.scope
        if numbered or (context.plan.numbered and name == str(scope.count)):
            scope.count += 1
        path = f"{scope.path}.{name}" if scope.path else name
        if path in self.builder.nodes and name not in scope.names:
            raise SpecError(
                two_layers(path, item, (Note("the first is here", self.builder.nodes[path].span), *self.trail))
            )
        if (other := scope.claim(name, item.span)) is not None:
            notes = (Note("the first is here", other[1]), *self.trail)
            if other[0] == name and name not in scope.sequences:
                raise SpecError(two_layers(path, item, notes))
            raise SpecError(layer_and_sequence(f"{scope.path}.{other[0]}".lstrip("."), item, notes))
        self._count(item, len(path) // 100)
        return path
