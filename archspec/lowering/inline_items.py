"""Lowering of items without a scope of their own: calls, and repeats, that are `inline`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from archspec.errors import Diagnostic, Note, SpecError
from archspec.expr import Compare, Const, Expr, Name, Value, fold, names, parse, source
from archspec.expr.evaluate import stands_in_names
from archspec.expr.pattern import split_pattern
from archspec.ir.open_scopes import OpenChoice, OpenLoop, OpenScope, Tensor, bring, enter, leave
from archspec.ir.scope import Binding, Operand, Repetition, Result, channels_at, how_often_inline
from archspec.limits import Budget
from archspec.lowering.bind import bind, bind_lets
from archspec.lowering.bodies import everything
from archspec.lowering.context import Context, Variables
from archspec.lowering.naming import is_named, items_of_scope, labels_of
from archspec.lowering.repeats import RepeatedItems
from archspec.lowering.units import call_fields, single_call, unit_name
from archspec.spec import Block, Call, Item, Repeat, Reuse, Stage, Tap


@dataclass(slots=True)
class InlineItems(RepeatedItems):
    """The steps for them."""

    def _given(self, call: Call, block: Block, x: Tensor, context: Context) -> dict[str, Binding]:
        """The values of a block's params in a call, by name or by a tuple."""
        env = self._env(context, x)
        fields = call_fields(call, block, env, self.budget)
        return bind(block, call.attributes, fields, env, call.span, self.budget)

    def _inline(self, call: Call, x: Tensor, context: Context) -> Tensor:
        """The layers of a block as the caller's own: its params stand for what the caller gives."""
        block = self.spec.blocks[call.name]
        bindings = self._bound(self._given(call, block, x, context), context)
        self._count(call)
        self.trail.append(Note(f"the layers of block {call.name} stand here", call.span))
        # Inside, `channels` are others, and in a repeat there `i` is another, too.
        here = {"channels": channels_at(level(context.scope), x.ref)}
        outer = {name: fold(given.expr, self.budget, here) for name, given in bindings.items()}
        counted = [name for name, expr in outer.items() if names(expr, self.budget) & context.loop.keys()]
        env = {name: given.value for name, given in bindings.items()} | {"in_channels": x.type.channels}
        outer["in_channels"] = here["channels"]
        for name, let in bind_lets(block.let, env, self.budget).items():
            env[name], outer[name] = let.value, fold(let.expr, self.budget, outer)
        if counted and any(isinstance(item, Repeat | Stage) for item in everything(block.layers)):
            help = f"call it with a scope: leave out `inline`, or give `{counted[0]}` without `i`"
            message = f"`{counted[0]}` depends on `i`, and block `{call.name}` counts with an `i` of its own"
            raise SpecError(Diagnostic("E0303", message, call.attributes[counted[0]].span, help=help))
        variables = Variables(env, context.variables.root, outer)
        plan, loop = context.plan.inside(call), context.loop if counted else {}
        inner = replace(context, plan=plan, variables=variables, taps={"input": x}, lists={}, loop=loop, made={})
        y = self._items(block.layers, x, inner)
        self.trail.pop()
        return y

    def _inline_repeat(self, item: Repeat, x: Tensor, context: Context) -> Tensor:
        """The iterations of a repeat in the scope around it, each written out: its index is a number there.

        What decides how many there are is kept as a condition, which holds.
        """
        if item.names is None and not context.plan.numbered and not _names_all(item.layers):
            message = "the items of this repeat would have the same names in each iteration"
            help = (
                'name the iterations, as in `names: "block{i + 1}"`, or the items, as in `name: "convs.{i}"`; '
                "items of a plain chain have numbers"
            )
            raise SpecError(Diagnostic("E0405", message, item.span, help=help))
        times, expr = self._times(item, x, context)
        is_alike = not _asks_for(item)
        if not is_alike and item.names is None:  # one loop of source can be all of what are scopes
            self._fix(expr, context, how_often_inline(context.scope.path))
        scope, location = context.scope, context.plan[item].location
        outer, scope.items = scope.items, []
        y, carried = x, {name: self._tap(name, given.key_span, context) for name, given in item.carry.items()}
        collected: tuple[Tensor, ...] = ()
        for index in range(times):
            self._count(item.times)
            taps, lists = self._copied(context.taps) | carried, self._copied(context.lists)
            if item.collect is not None:
                self._expect(len(collected), item)
                lists |= {item.collect: collected}
            y = self._inline_iteration(item, index, y, replace(context, taps=taps, lists=lists))
            collected += (y,) if item.collect is not None else ()
            carried = {
                name: self._tap(str(given.raw), given.span, replace(context, taps=taps))
                for name, given in item.carry.items()
            }
        made, scope.items = scope.items, outer
        tensors = [y, *carried.values(), *collected]
        if not names(expr, self.budget):
            outer += made
        else:
            tensors = [y, *(bring(tensor, scope) for tensor in tensors[1:])]
            refs = list(dict.fromkeys(tensor.ref for tensor in tensors))
            condition = Compare(expr, ("==",), (Const(times),))
            repetition = Repetition(expr, self._pattern(item, context), item.index, is_alike)
            outer.append(OpenChoice(location, condition, True, x.ref, made, refs, repetition=repetition))
            tensors = [replace(tensor, scope=scope, ref=Result(location, refs.index(tensor.ref))) for tensor in tensors]
        for name, tensor in zip(carried, tensors[1:], strict=False):
            context.taps[name] = tensor
            self._mark(name, tensor, context)
        if item.collect is not None:
            self._gather(item.collect, tensors[1 + len(carried) :], item.place("collect"), context)
        return tensors[0]

    def _known_in_names(self, item: Repeat, index: int, context: Context) -> Mapping[str, Value]:
        """What the names of iterations may speak of: indices and, in the network's own items, its params."""
        known: dict[str, Value] = {}
        if context.variables.root and item.names is not None:
            for expr in _mentioned(item.names, self.budget):
                self._fix(expr, context, "names of layers")
            known = self._params_in(item.names, context)
        return {**known, "i": index, **context.loop, item.index: index}

    def _params_in(self, pattern: str, context: Context) -> dict[str, Value]:
        """The network's params that the names of its own items speak of; a block's cannot speak of any."""
        if not context.variables.root:
            return {}
        found = (names(expr, self.budget) & self.spec.params.keys() for expr in _mentioned(pattern, self.budget))
        return {name: context.variables.env[name] for name in set[str]().union(*found)}

    def _pattern(self, item: Repeat, context: Context) -> str | None:
        """What gives the names of iterations that are scopes, in terms of `i`; None where no pattern says that."""
        if item.names is None:
            return None
        settled = {**self._params_in(item.names, context), **context.loop}
        known: dict[str, Expr] = {**{name: Const(value) for name, value in settled.items()}, item.index: Name("i")}
        parts: list[str] = []
        for text, is_expression in split_pattern(item.names):
            if is_expression and (item.index != "i" or names(parse(text, self.budget), self.budget) & settled.keys()):
                folded = fold(parse(text, self.budget), self.budget, known)
                if isinstance(folded, Const) and stands_in_names(folded.value):
                    parts.append(str(folded.value))
                    continue
                text = source(folded)
                if fold(parse(text, self.budget), self.budget) != folded:  # Python's own writing, not the language's
                    return None
            parts.append(f"{{{text}}}" if is_expression else text)
        return "".join(parts)

    def _inline_iteration(self, item: Repeat, index: int, x: Tensor, context: Context) -> Tensor:
        """One of them: items of the scope around it or, where iterations have names, a scope there."""
        loop = {**context.loop, item.index: index}
        # Where each is a scope, it speaks of the index by its name, so that one loop of source may be all of them.
        here = Const(index) if item.names is None else Name(item.index)
        variables = replace(context.variables, outer={**context.variables.outer, item.index: here})
        plan = context.plan.inside(item, index)
        inner = replace(context, variables=variables, loop=loop, made={})
        if item.names is None:
            return self._items(item.layers, x, replace(inner, plan=plan))
        name = unit_name(item, item.names, self._known_in_names(item, index, context), self.budget)
        path = self._taken(name, item, context)
        single = single_call([each for each in item.layers if not isinstance(each, Tap)], self.spec.blocks)
        single = None if single is not None and single.when is not None else single  # what a param stands for
        span = item.span if single is None else single.span
        before = item.layers[: next((place for place, each in enumerate(item.layers) if each is single), 0)]
        x = self._items(before, x, inner)
        scope = enter(context.scope, plan[item].location, name, path, x, span)
        scope.index = item.index, index
        if single is None:
            start = Tensor(scope, Operand(0), x.path, x.type)
            # What is carried enters each iteration by itself, so that all are wired alike.
            carried = {name: scope.feed(inner.taps[name]) for name in item.carry}
            plan = self._plan(item.layers, numbered=True)
            inside = replace(inner, scope=scope, plan=plan, taps=self._copied(inner.taps) | carried)
            y = leave(scope, self._items(item.layers, start, inside))
            inner.taps |= {name: tensor for name, tensor in inside.taps.items() if name not in inner.taps}
            return y
        block = self.spec.blocks[single.name]
        scope.kind, scope.block = "block", single.name
        scope.bindings = self._bound(self._given(single, block, x, inner), inner)
        y = self._block(scope, x, single, self._fed(block, single.attributes, scope, inner))
        return self._items(item.layers[len(before) + 1 :], y, inner)


def _asks_for(item: Repeat) -> bool:
    """Whether what stands in a repeat asks for its index elsewhere than in names, or counts what has an index too."""
    index = re.compile(rf"\b{re.escape(item.index)}\b")
    for inner in everything(item.layers):
        if isinstance(inner, Repeat | Stage | Reuse):
            return True
        given = [*inner.attributes.values(), inner.fields] if isinstance(inner, Call) else []
        if any(index.search(str(one.raw)) for one in (*given, inner.when) if one is not None):
            return True
    return False


def _mentioned(pattern: str, budget: Budget) -> Iterator[Expr]:
    """The expressions of a pattern."""
    return (parse(text, budget) for text, is_expression in split_pattern(pattern) if is_expression)


def _names_all(items: Sequence[Item]) -> bool:
    """Whether names of these have the indices around them: an item's own, or those of repeats that are all there is.

    So have those of items that give something on and have none.
    """
    return (
        not any(map(is_named, items_of_scope(items)))
        or any("{" in label for label in labels_of(items))
        or all(
            isinstance(item, Repeat) and item.inline and (item.names is not None or _names_all(item.layers))
            for item in items
        )
    )


def level(scope: OpenScope) -> int:
    """How many scopes and loops are around this one, up to the block or network whose frame it is."""
    level, here = 0, scope
    while here.kind == "sequence" and here.parent is not None:
        level += 1
        around = here.parent
        if isinstance(around, OpenLoop):
            level, around = level + 1, around.parent
        here = around
    return level
