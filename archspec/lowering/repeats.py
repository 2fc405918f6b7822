"""Lowering of what stands more than once: `repeat`, the units of a stage, and `reuse`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, NamedTuple

from archspec.errors import Diagnostic, Span, SpecError
from archspec.expr import Expr, exactly
from archspec.ir.assembly import Place
from archspec.ir.op import ShapeError
from archspec.ir.open_scopes import OpenLoop, OpenScope, Tensor, bring, enter, leave
from archspec.ir.scope import Binding, Layer, Operand, Result, how_often, walk
from archspec.lowering.bind import bind
from archspec.lowering.bodies import everything
from archspec.lowering.context import Context, Made
from archspec.lowering.diagnostics import layer_too_large, misfit
from archspec.lowering.layers import LayerLowering
from archspec.lowering.unit_count import count_units, mentioned
from archspec.lowering.units import UnitCall, call_fields, single_call, single_reuse, unit_calls, unit_name
from archspec.lowering.values import evaluated
from archspec.spec import Attribute, Block, Call, Item, Repeat, Reuse, Stage

DEFAULT_PATTERN: Final = "{i}"


class UnitMade(NamedTuple):
    """The unit of a block that was worked out last, and what that took."""

    loop: OpenLoop
    bindings: Mapping[str, Binding]
    x: Tensor
    """What arrives at it, and nothing else does."""
    layers: int
    written: int
    """Items, written out."""
    spent: int
    """Steps of the budget."""
    is_usual: bool
    """Whether it took what the next one like it would: whatever it reads was read before, or it was the second such."""


@dataclass(slots=True, eq=False)
class RepeatedItems(LayerLowering):
    """The steps for them."""

    unit: UnitMade | None = None

    def _block(self, scope: OpenScope, x: Tensor, item: Item, taps: dict[str, Tensor]) -> Tensor:
        """Fill the scope of a block's instance; it has been entered, bound and fed. `taps` gets those inside."""
        raise NotImplementedError

    def _fed(
        self, block: Block, given: Mapping[str, Attribute], scope: OpenScope, context: Context
    ) -> dict[str, Tensor]:
        """A block's own inputs, each the tap that the caller names, as the block's scope knows them."""
        raise NotImplementedError

    # -- reuse ------------------------------------------------------------------------------------

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
            context.scope.lend(Result(slot.location, index), output)
        if item.label is not None:
            context.made[name] = found
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

    # -- repeats and stages -----------------------------------------------------------------------

    def _repeat(self, item: Repeat, x: Tensor, context: Context) -> Tensor:
        times, expr = self._times(item, x, context)
        context = replace(context, variables=context.variables.without(item.index))
        pattern = item.names or DEFAULT_PATTERN
        loop = self._loop(item, expr, pattern, x, context)
        if any(isinstance(inner, Stage) for inner in everything(item.layers)):  # their units are counted
            self._fix(expr, context, how_often(loop.path))
        loop.index = item.index
        loop.collects = item.collect is not None
        collected: list[Tensor] = []
        again = single_reuse(item.layers)
        meant, tests = self._meant(item.layers, x, context)
        single = single_call(meant, self.spec.blocks)
        if single is not None:
            loop.structure = tests
        plan = self._plan(item.layers, numbered=True)
        for index in range(times):
            if index and item.collect is not None:
                collected.append(replace(x, ref=Result(loop.location, index)))
            self._count(item.times)
            variables = {**context.loop, item.index: index}
            name = unit_name(item, pattern, {"i": index}, self.budget)
            if again is not None:
                found = self._made(again, context)
                place = Place(index, name, False, f"{loop.path}.{name}", again.span)
                [x, *_] = self._again(loop, found, place, (x, *self._others(found, again, context)), again)
                continue
            if single is not None:
                env, block = {**self._env(context, x), **variables}, self.spec.blocks[single.name]
                fields = call_fields(single, block, env, self.budget)
                given = bind(block, single.attributes, fields, env, single.span, self.budget)
                bindings = self._bound(given, context)
                x = self._unit(loop, name, single.name, bindings, x, single, single.span, context)
                continue
            scope = enter(loop, index, name, f"{loop.path}.{name}", x, item.span)
            self._count(item, len(scope.path) // 100)
            start = Tensor(scope, Operand(0), x.path, x.type)
            # A tap inside a repeat stands for another tensor in each iteration, so none is seen outside.
            taps, lists = self._copied(context.taps), self._copied(context.lists)
            inner = Context(scope, plan, context.variables, taps, variables, lists)
            y = leave(scope, self._items(item.layers, start, inner))
            x = Tensor(context.scope, Result(loop.location), y.path, y.type)
        if item.collect is not None:
            self._gather(item.collect, [*collected, *[x][:times]], item.place("collect"), context)
        return self._looped(loop, item, x, context)

    def _meant(self, layers: Sequence[Item], x: Tensor, context: Context) -> tuple[Sequence[Item], tuple[Expr, ...]]:
        """The items, in place of one that calls what a param stands for that which is meant; and the tests of that."""
        tests: list[Expr] = []
        while len(layers) == 1 and isinstance(call := layers[0], Call) and call.param is not None:
            if call.when is None:
                break
            value, test = evaluated(call.when, self._env(context, x), self.budget)
            tests.append(self._outside(test, context))
            if value is True:
                break
            layers = call.otherwise or ()
        return layers, tuple(tests)

    def _times(self, item: Repeat, x: Tensor, context: Context) -> tuple[int, Expr]:
        """How many iterations there are, and the expression for it in the frame that they stand in."""
        times, expr = evaluated(item.times, self._env(context, x), self.budget)
        if isinstance(times, bool) or not isinstance(times, int) or times < 0:
            message = f"`times` is `{times!r}`; a whole number, 0 or more, is expected"
            raise SpecError(Diagnostic("E0202", message, item.times.span))
        if times > self.budget.limits.items:
            raise SpecError(
                Diagnostic("E0304", f"`times` is {times:,}; at most {self.budget.limits.items:,}", item.times.span)
            )
        self._expect(times * (1 + len(item.layers)), item.times)
        return times, self._outside(expr, context)

    def _looped(self, loop: OpenLoop, item: Item, x: Tensor, context: Context) -> Tensor:
        """What a loop gives. Every tensor that enters it enters each iteration, and takes room there."""
        self._count(item, (len(loop.operands) - 1) * len(loop.iterations) // 8)
        return Tensor(context.scope, Result(loop.location), x.path, x.type)

    def _loop(self, item: Repeat | Stage, times: Expr | None, pattern: str, x: Tensor, context: Context) -> OpenLoop:
        name, path = self._path(item, context)
        loop = OpenLoop(context.scope, context.plan[item].location, name, path, times, pattern, [x.ref], item.span)
        context.scope.items.append(loop)
        if item.label is not None:
            context.made[name] = Made(loop)
        return loop

    def _stage(self, stage: Stage, x: Tensor, context: Context) -> Tensor:
        assert stage.block is not None
        block = self.spec.blocks[stage.block]
        around = {**context.variables.env, **context.loop}
        calls, structural = unit_calls(stage, block, around, self.budget, self.written)
        self._expect(len(calls) * (2 + len(block.layers)), stage)
        structural = tuple(self._outside(expr, context) for expr in structural)
        pattern = stage.unit_names or DEFAULT_PATTERN
        loop = self._loop(stage, None, pattern, x, context)
        if context.variables.root:  # in a block these are the block's params; code generation follows them
            for expr in structural:
                self.top.fix(expr, f"how many units {loop.path} has")
        loop.structure, loop.index = structural, stage.index
        names = mentioned(stage, self.budget)
        if context.variables.root:
            if "unit_count" in names and self.all_units is None:
                self.all_units = count_units(self.spec, self.top.env, self.budget)
            loop.before, loop.total = self.units, self.all_units
            self.units += len(calls)
        indexed = not names.isdisjoint((stage.index, "unit_index"))
        before: tuple[tuple[str | Expr, ...], int] | None = None
        bindings: dict[str, Binding] = {}
        for index, call in enumerate(calls):
            self._count(call)
            name = unit_name(stage, pattern, {"i": index}, self.budget)
            given = _written(call), x.type.channels
            if indexed or given != before:  # else they are those of the unit before
                variables = {stage.index: index, **loop.whole_indices(index), **context.loop}
                env = {**self._env(context, x), **variables}
                bindings = self._bound(bind(block, stage.arguments, call.fields, env, call.span, self.budget), context)
                before = given
            x = self._unit(loop, name, stage.block, bindings, x, stage, call.span, context)
        return self._looped(loop, stage, x, context)

    def _bound(self, bindings: Mapping[str, Binding], context: Context) -> dict[str, Binding]:
        """A call's bindings in terms of the frame that it stands in."""
        if not context.variables.outer:
            return dict(bindings)
        return {name: replace(given, expr=self._outside(given.expr, context)) for name, given in bindings.items()}

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
        last = self.unit
        is_usual = last is not None and last.loop is loop and last.x.type == x.type and _alike(last.bindings, bindings)
        if last is not None and is_usual and (made := self._unit_like(last, name, x, item, span)) is not None:
            return made
        layers, written, left = len(self.builder.nodes), self.written, self.budget.left
        known = len(self.readings) + len(self.plans)
        scope = enter(loop, len(loop.iterations), name, f"{loop.path}.{name}", x, span)
        scope.kind, scope.block, scope.bindings = "block", block, bindings
        given = item.arguments if isinstance(item, Stage) else item.attributes
        y = self._block(scope, x, item, self._fed(self.spec.blocks[block], given, scope, context))
        self.unit = None
        if not self.spec.blocks[block].inputs:
            layers = len(self.builder.nodes) - layers
            is_usual |= known == len(self.readings) + len(self.plans)  # nothing was read that is now known
            self.unit = UnitMade(loop, bindings, x, layers, self.written - written, left - self.budget.left, is_usual)
        return Tensor(loop.parent, Result(loop.location), y.path, y.type)

    def _unit_like(self, last: UnitMade, name: str, x: Tensor, item: Call | Stage, span: Span | None) -> Tensor | None:
        """A unit that computes what the one before it does: all that its layers depend on is the same.

        None where it is not known what it takes, or where it would pass a limit, which is said where that happens.
        """
        if not last.is_usual or len(name) != len(last.loop.iterations[-1].name):  # long paths count for the limits
            return None
        if self.written + last.written > self.budget.limits.items or self.budget.left < last.spent:
            return None
        made = self.builder.add_iteration(last.loop, name, last.x.path, x, last.layers, span)
        if made is not None:
            self._count(item, last.written)
            self.budget.spend(last.spent)
            self.unit = last._replace(x=x)
        return made


def _written(call: UnitCall) -> tuple[str | Expr, ...]:
    """What a unit is given, wherever that stands; 1 and `true` are not the same, though Python says so."""
    return tuple(repr(given.raw) if isinstance(given, Attribute) else given for _, given in call.fields)


def _alike(bindings: Mapping[str, Binding], others: Mapping[str, Binding]) -> bool:
    """The same values, from the same expressions."""
    return bindings is others or (
        bindings == others and all(exactly(given.value, others[name].value) for name, given in bindings.items())
    )
