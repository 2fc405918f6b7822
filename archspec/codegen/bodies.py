"""The items of a body: beside layers and calls its sequences, conditions and loops, each made from all instances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from archspec.codegen.anti_unification import NotUnifiable, either
from archspec.codegen.body_context import LAYERS, BodyContext, Deciding
from archspec.codegen.body_layers import LayerBuilder
from archspec.codegen.loops import build_loop, in_turn, peeled, without_scope
from archspec.codegen.marked_text import Instances
from archspec.codegen.merging import with_uses
from archspec.codegen.open_lists import ClosedListError, all_of, apart, joined, width
from archspec.codegen.rounds import Carried, counted_rounds, leaves_names
from archspec.codegen.tree import (
    CHANNELS,
    CallUse,
    ChoiceUse,
    ItemUse,
    LoopUse,
    SequenceUse,
    Tree,
)
from archspec.errors import InternalError
from archspec.expr import Binary, Compare, Const, Expr, ExprError, IfElse, Name, evaluate, names, negated
from archspec.ir.scope import (
    Body,
    Choice,
    Item,
    Layer,
    Loop,
    Operand,
    Ref,
    Result,
    Scope,
    how_often_inline,
    iteration_at,
)


@dataclass(slots=True)
class BodyBuilder(LayerBuilder):
    """Builds bodies of definitions; those that they call have been built."""

    def inside(self, scopes: Sequence[Scope], context: BodyContext) -> Tree:
        """What is in a scope, with the names of its taps."""
        context.in_turn = all(in_turn(scope.body) for scope in scopes)
        context.counted = {} if self.is_open else None
        scopes, context.joined = joined(scopes, self.graph, self.closed_lists)
        tree = self._body([scope.body for scope in scopes], context)
        if scopes[0].kind != "network":
            context.fix_places(tree.results)
        if self.sharing.reuses:
            tree = with_uses(tree)
        labels: dict[Ref, str] = {}
        for ref, label in (pair for scope in scopes for pair in scope.labels.items()):
            labels.setdefault(context.ref(ref), label)  # the first name of a tensor stands
        counts: dict[int, Expr] = {}
        for rounds, times in (context.counted or {}).items():
            if leaves_names(rounds, tree):
                counts[rounds.all[0].location] = times
            else:
                context.structural.append(Deciding(times, how_often_inline(scopes[0].path)))
        made = replace(tree, labels=labels, counts=counts)
        return apart(made, context.lists) if context.lists else made

    def _body(self, bodies: Sequence[Body], context: BodyContext) -> Tree:
        items: list[ItemUse] = []
        locations = [tuple(item.location for item in body.items) for body in bodies]
        if len(set(locations)) > 1:  # some are cut short: nothing needs what comes after
            raise NotUnifiable(locations)
        for aligned in zip(*(body.items for body in bodies), strict=True):
            if len({(item.location, type(item)) for item in aligned}) != 1:
                raise InternalError(f"items at different locations: {aligned}")
            items += self._item(aligned, context)
        results = [tuple(context.ref(ref) for ref in body.results) for body in bodies]
        if len(set(results)) > 1:
            raise NotUnifiable(results)
        return Tree(tuple(items), results[0])

    def _item(self, aligned: tuple[Item, ...], context: BodyContext) -> list[ItemUse]:
        aligned = tuple(map(self._made_as, aligned))
        around = context.indices
        if isinstance(first := aligned[0], Scope) and first.index is not None:
            name, number = first.index
            context.indices = {**around, name: Const(number)}
        made = self._item_of(aligned, context)
        context.indices = around
        return made

    def _item_of(self, aligned: tuple[Item, ...], context: BodyContext) -> list[ItemUse]:
        match aligned[0]:
            case Layer():
                return [self._layer([item for item in aligned if isinstance(item, Layer)], context)]
            case Scope(kind="block"):
                return [self._call([item for item in aligned if isinstance(item, Scope)], context)]
            case Scope():
                sequence = self._sequence([item for item in aligned if isinstance(item, Scope)], context)
                return [] if self._passes_on(sequence, context) else [sequence]
            case Choice():
                return self._choice([item for item in aligned if isinstance(item, Choice)], context)
            case Loop():
                return self._loop([item for item in aligned if isinstance(item, Loop)], context)

    def _sequence(self, scopes: list[Scope], context: BodyContext) -> SequenceUse:
        operands = context.operands(scopes)
        inner = context.inside(operands)
        inner.numbered = Const(0)
        body = self.inside(scopes, inner)
        label, number = context.name(scopes)
        for index, ref in enumerate(body.results):
            context.record(Result(scopes[0].location, index), inner.features[ref], inner.nodes[ref])
        paths = Instances(scope.path for scope in scopes)
        return SequenceUse(scopes[0].location, label, number, body, operands, paths, self._reused(scopes))

    @staticmethod
    def _passes_on(sequence: SequenceUse, context: BodyContext) -> bool:
        """Whether nothing is in a sequence, which then is no item: what it gives is what it takes."""
        if sequence.body.items or context.numbered is not None or context.in_turn:
            return False
        for index, ref in enumerate(sequence.body.results):
            assert isinstance(ref, Operand)
            context.alias[Result(sequence.location, index)] = sequence.operands[ref.index]
        return True

    def _choice(self, items: list[Choice], context: BodyContext) -> list[ItemUse]:
        if (loop := self._in_loop(items, context)) is not None:
            return [loop]
        operand = context.ref(items[0].operand)
        condition = context.at(items[0].condition, (context.features[operand],))
        ref = Result(items[0].location)
        if len({item.taken for item in items}) == 1:
            key = (context.block, items[0].location)
            if key in self.kept and (use := self._open_choice(items, condition, context)) is not None:
                return [use]
            settled, around = len(context.structural), dict(context.required)
            tree = self._body([item.body for item in items], context)
            context.required.clear()  # what holds under a condition need not hold without it
            context.required.update(around)
            if not self._is_counted(items, tree, context):
                # It leaves no trace, so it must not come out otherwise.
                could_stay = CHANNELS.id in names(condition, self.budget) and _may_be_left_out(items)
                said = _said(items, context)
                what = LAYERS if items[0].repetition is None else said
                context.structural.insert(settled, Deciding(condition, what, key if could_stay else None, said=said))
            context.alias |= {Result(ref.location, index): result for index, result in enumerate(tree.results)}
            self._note_equality(condition, context.ref(ref), taken=items[0].taken, context=context)
            return list(tree.items)
        if any(len(item.body.results) > 1 for item in items):  # taps that are carried along come out of it, too
            raise NotUnifiable([(item.taken, None) for item in items])
        outcome = context.unified(condition, [item.taken for item in items])
        before, counts, settled = context.numbered, dict[bool, Expr | None](), len(context.structural)
        sides: dict[bool, Tree] = {}
        found: dict[bool, tuple[Expr, dict[int, str]]] = {}
        required: dict[bool, Mapping[str, Expr]] = {}
        for side in (True, False):
            chosen = [index for index, item in enumerate(items) if item.taken is side]
            part, start = context.chosen(chosen), len(context.structural)
            try:
                tree = sides[side] = self._body([items[index].body for index in chosen], part)
            except NotUnifiable as split:
                keys = dict(zip(chosen, split.keys, strict=True))
                raise NotUnifiable([(item.taken, keys.get(index)) for index, item in enumerate(items)]) from None
            last = tree.results[0]
            part.fix_places(tree.results)
            found[side] = part.features[last], dict(zip(chosen, part.nodes[last], strict=True))
            required[side] = part.required
            counts[side] = part.numbered
            here = outcome if side else negated(outcome)
            context.structural[start:] = [
                one._replace(within=(here, *one.within)) for one in context.structural[start:]
            ]
        if before is not None:
            yes, no = counts[True], counts[False]
            assert yes is not None and no is not None
            context.numbered = yes if yes == no else IfElse(outcome, yes, no)
            last_counts = sorted((_count(yes), _count(no)))
            context.hole = Const(last_counts[1]) if last_counts[1] - last_counts[0] == 1 else None
        paths = {**found[True][1], **found[False][1]}
        widths = [self.graph.types[paths[index]].channels for index in range(len(items))]
        context.nodes[ref] = tuple(paths[index] for index in range(len(items)))
        widths_by_side = {side: _also(found[side][0], found[not side][0], required[side]) for side in (True, False)}
        joined = either(outcome, widths_by_side[True], widths_by_side[False])
        context.features[ref] = context.unified(joined, widths)
        # What was found instead of an expression, or settled for one side alone, holds for these values alone; so does
        # which of several items makes what others are called with.
        makes = any(self._makes(item.body) for item in items)
        alone = not all(self._settled_in_all(deciding, context) for deciding in context.structural[settled:])
        if outcome != condition or context.features[ref] != joined or alone or makes:
            asked = outcome == condition
            context.structural.append(Deciding(condition, LAYERS, said=_said(items, context), asked=asked))
        if context.features[ref] != joined:
            context.structural.append(Deciding(joined, LAYERS, said=_said(items, context)))
        return [ChoiceUse(items[0].location, outcome, operand, sides[True], sides[False])]

    def _in_loop(self, items: list[Choice], context: BodyContext) -> LoopUse | None:
        """A loop without a scope of its own, of what stands under a condition; None where that is none."""
        if not context.in_turn or items[0].repetition is None or (loops := without_scope(items, context)) is None:
            return None
        paths = [scope.path for loop in loops for scope in loop.iterations]
        if not all(named.isdisjoint(paths) for named in (self.sharing.made_as.keys(), self.sharing.reuses.keys())):
            return None
        if not self.written_out.isdisjoint(paths):
            return None
        return replace(build_loop(loops, context, self.def_use, self._iteration), paths=Instances(paths))

    def _is_counted(self, items: list[Choice], tree: Tree, context: BodyContext) -> bool:
        """Whether items of a condition are rounds that any other count of would be right as well; it is noted then."""
        repetition = items[0].repetition
        if repetition is None or not repetition.is_alike:
            return False
        if context.counted is None or not tree.items or len(tree.results) > 1:
            return False
        arriving = context.ref(items[0].operand)
        rounds = counted_rounds(tree, len({iteration_at(item.location) for item in tree.items}))
        if rounds is None or not all(_is_as_before(one, context) for one in rounds.carried):
            return False
        context.counted[rounds] = context.at(repetition.times, (context.features[arriving],))
        return True

    def _open_choice(self, items: list[Choice], condition: Expr, context: BodyContext) -> ChoiceUse | None:
        """A condition that holds in all instances, and need not: without its items the tensor passes on.

        None where these do more than to change channels, so that what follows would have other sizes.
        """
        operand, ref = context.ref(items[0].operand), Result(items[0].location)
        arriving, width = context.nodes[operand], context.features[operand]
        before = len(context.structural)
        outcome = context.unified(condition, [True] * len(items))
        part = context.chosen(range(len(items)))
        tree = self._body([item.body for item in items], part)
        [last] = tree.results
        types = self.graph.types
        pairs = zip(arriving, part.nodes[last], strict=True)
        keeps_sizes = all(types[old].with_channels(1) == types[new].with_channels(1) for old, new in pairs)
        joined = either(outcome, part.features[last], width)
        settled = outcome == condition and len(context.structural) == before and part.numbered == context.numbered
        if not (keeps_sizes and settled) or any(self._makes(item.body) for item in items):
            del context.structural[before:]
            return None
        context.record(ref, joined, part.nodes[last])
        return ChoiceUse(ref.location, outcome, operand, tree, Tree((), (operand,)))

    def _note_equality(self, condition: Expr, ref: Ref, *, taken: bool, context: BodyContext) -> None:
        """Where a condition says that the channels that arrive are those asked for, they are called so from there."""
        match condition:
            case Compare(arriving, ("==" | "!=" as link,), (asked,)) if (link == "==") is taken:
                pair = {arriving: asked, asked: arriving}
                asked = pair.get(context.features[ref], arriving)
                if isinstance(asked, Name | Const) and context.features[ref] in pair:
                    counts = [self.graph.types[path].channels for path in context.nodes[ref]]
                    context.features[ref] = context.unified(asked, counts)
            case _:
                pass

    def _settled_in_all(self, deciding: Deciding, context: BodyContext) -> bool:
        """Whether what was settled on a side of a condition would be settled so in all instances that come there."""
        if deciding.asked:  # whichever instance comes to that side of the condition around it
            return True
        conditions = deciding.within[1:]  # the first is the one that an instance may come out otherwise of
        try:
            there = [
                env for env in context.envs if all(evaluate(condition, env, self.budget) for condition in conditions)
            ]
            outcomes = {repr(evaluate(deciding.expr, env, self.budget)) for env in there}
        except ExprError:
            return False
        return len(outcomes) == 1

    def _loop(self, loops: list[Loop], context: BodyContext) -> list[ItemUse]:
        """A loop; its first iteration stands before it where that makes what the others are called with."""
        first = loops[0]
        if not any(loop.iterations for loop in loops) and not first.name.isdigit():  # but for its number it is nothing
            [taken, *_] = context.operands(loops)
            context.alias[Result(first.location)] = taken
            counts = first.structure if first.times is None else (first.times,)
            found = [context.at(expr, (context.features[taken],)) for expr in counts]
            context.structural += [Deciding(expr, LAYERS) for expr in found]
            return []
        names = [self.sharing.made_as.get(loop.iterations[0].path) if loop.iterations else None for loop in loops]
        if not all(names):
            made = replace(build_loop(loops, context, self.def_use, self._iteration), reuses=self._reused(loops))
            if made.location in context.joined:
                self._note_list(made, loops, context)
            return [made]
        if first.location in context.joined:
            raise ClosedListError({loop.path for loop in loops})
        parts = [peeled(loop, name or "") for loop, name in zip(loops, names, strict=True)]
        use = self._iteration([scope for scope, _ in parts], context)
        kept = [index for index, mark in enumerate(first.marks, start=1) if mark]
        context.alias |= {
            Result(first.location, index): Result(use.location) for index in range(1, len(first.marks) + 1)
        }
        context.alias |= {Result(first.location, old): Result(first.location, new) for new, old in enumerate(kept, 1)}
        return [use, *self._loop([rest for _, rest in parts], context)]

    def _note_list(self, made: LoopUse, loops: Sequence[Loop], context: BodyContext) -> None:
        """What all iterations give together is one tensor, of as many channels.

        Raises:
            ClosedListError: no expression says how many.
        """
        each = width(made, self.budget)
        if each is None:
            raise ClosedListError({loop.path for loop in loops})
        times = made.runs[0].stop
        context.lists[made.location] = each
        context.features[all_of(made.location)] = context.folded(Binary("*", times, each), {}, is_whole=True)
        if context.joined[made.location]:
            context.structural.append(Deciding(Compare(times, (">=",), (Const(1),)), LAYERS))

    def _iteration(self, scopes: list[Scope], context: BodyContext) -> CallUse | SequenceUse:
        kinds = [scope.kind for scope in scopes]
        if len(set(kinds)) > 1:  # a param stands for a block in some instances, for an op in others
            raise NotUnifiable(kinds)
        return self._call(scopes, context) if kinds[0] == "block" else self._sequence(scopes, context)


def _is_as_before(carried: Carried, context: BodyContext) -> bool:
    """Whether what the last round hands on is as what the first one was given, but for its numbers."""
    types, last = context.graph.types, carried.results[-1]
    pairs = zip(context.nodes[carried.start], context.nodes[last], strict=True)
    same = context.features[carried.start] == context.features[last]
    return same and all(types[before] == types[after] for before, after in pairs)


def _said(items: Sequence[Choice], context: BodyContext) -> str:
    """What a condition decides, in words: by the path of the first item that it brings, as in the first instance."""
    ref = context.ref(items[0].operand)
    after = next((path for item in items for path in _paths(item.body)), None)
    if after is None:
        return f"whether more layers follow {context.nodes[ref][0]}"
    if items[0].repetition is not None:
        return f"how many times the layers from {after} on are there"
    return f"whether {after} is there{' or other layers' if any(item.has_other for item in items) else ''}"


def _paths(body: Body) -> Iterator[str]:
    """The paths of a body's items, those under conditions, too."""
    for item in body.items:
        if isinstance(item, Choice):
            yield from _paths(item.body)
        else:
            yield item.path


def _may_be_left_out(items: Sequence[Choice]) -> bool:
    """Whether the items of a condition are there in all instances, in place of nothing."""
    return all(item.taken and not item.has_other and len(item.body.results) == 1 for item in items)


def _also(width: Expr, other: Expr, required: Mapping[str, Expr]) -> Expr:
    """The channels on one side of a condition, called as on the other side where they are required to be equal."""
    return other if isinstance(other, Name) and required.get(other.id) == width else width


def _count(number: Expr) -> int:
    """A number in a row, where conditions do not change it; else one far from all others."""
    return number.value if isinstance(number, Const) and isinstance(number.value, int) else -2
