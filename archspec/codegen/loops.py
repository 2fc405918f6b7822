"""The iterations of a loop: a stage's units one by one, a repeat's all at once where an expression distinguishes
them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Final, TypeAlias

from archspec.codegen.anti_unification import NotUnifiable
from archspec.codegen.body_context import LAYERS, BodyContext, Deciding
from archspec.codegen.equal_arms import with_refs
from archspec.codegen.loop_channels import after_iterations, channels_after
from archspec.codegen.marked_text import Instances
from archspec.codegen.tree import CallUse, LayerUse, LoopUse, Run, SequenceUse, iteration_names
from archspec.codegen.variable_allocation import uses
from archspec.expr import Binary, Compare, Const, Expr, Name, Value, evaluate, fold, names
from archspec.ir.def_use import DefUse
from archspec.ir.scope import Body, Choice, Loop, Operand, Ref, Result, Scope, how_often

MakeIteration: TypeAlias = Callable[[list[Scope], BodyContext], CallUse | SequenceUse]
"""Builds one iteration from its instances."""
_ARRIVING: Final[Ref] = Operand(0)
_Rounds: TypeAlias = tuple[tuple[Run, ...], Sequence[Expr | None]]
"""The runs, and the channels after all of them and after each marked iteration, if an expression gives them."""


def build_loop(loops: list[Loop], context: BodyContext, def_use: DefUse, make_iteration: MakeIteration) -> LoopUse:
    """The loop that these instances of it are."""
    operands = context.operands(loops)
    label, number = context.name(loops)
    first = loops[0]
    taken = _taken(loops)
    if first.times is not None:  # which of several blocks its iterations are
        context.structural += [Deciding(context.at(expr, ()), LAYERS) for expr in first.structure]
    if first.times is None:
        runs, [out, *inside] = _units(loops, operands, taken, context, make_iteration)
    else:
        try:
            runs, [out, *inside] = _repeat(loops, operands, taken, context, def_use, make_iteration)
        except NotUnifiable:  # no expression distinguishes the iterations: write them out
            times = context.at(first.times, (context.features[operands[0]],))
            context.structural.append(Deciding(times, how_often(loops[0].path)))
            runs, [out, *inside] = _units(loops, operands, taken, context, make_iteration)
    ends = [
        def_use.scopes[loop.iterations[-1].path].results[0] if loop.iterations else start
        for loop, start in zip(loops, context.nodes[operands[0]], strict=True)
    ]
    context.record(Result(first.location), out, ends)
    for index, mark in enumerate(first.marks, start=1):
        paths = [def_use.scopes[loop.iterations[mark].path].results[0] for loop in loops]
        context.record(Result(first.location, index), inside[index - 1], paths)
    iterations = zip_longest(*(loop.iterations for loop in loops))
    if context.numbered is not None and first.times is not None and not first.name and _are_numbered(loops):
        counts = [len(loop.iterations) for loop in loops]
        times = context.unified(context.at(first.times, (context.features[operands[0]],)), counts)
        context.numbered = context.folded(Binary("+", context.numbered, times), {}, is_whole=True)
    is_chain = True
    if taken.own:
        common = tuple(place for place in range(taken.count) if place not in taken.own)
        first_taken = taken.refs(operands, 0)
        own = [taken.refs(operands, index) for index in range(len(taken.by_iteration))]
        operands = (
            operands[0],
            *(first_taken[place] for place in common),
            *(refs[place] for refs in own for place in taken.own),
        )
    if taken.own or (taken.count and first.location in context.joined):
        runs, is_chain = _with_own_start(runs)
        operands = operands[not is_chain :]
    return LoopUse(
        first.location,
        label,
        number,
        first.pattern,
        runs,
        operands,
        Instances(loop.path for loop in loops),
        tuple(Instances(scope.path for scope in scopes if scope is not None) for scopes in iterations),
        first.marks,
        len(taken.own),
        is_chain,
    )


def _with_own_start(runs: tuple[Run, ...]) -> tuple[tuple[Run, ...], bool]:
    """The runs, and whether an iteration takes what the one before gives; where none does, no operand says so."""
    items = [run.item for run in runs]
    if any(not isinstance(item, SequenceUse) or Operand(0) in uses(item.body) for item in items):
        return runs, True
    shifted: dict[Ref, Ref] = {Operand(place): Operand(place - 1) for place in range(1, len(items[0].operands))}
    found: list[Run] = []
    for run in runs:
        assert isinstance(run.item, SequenceUse)
        body = with_refs(run.item.body, shifted)
        found.append(
            dataclasses.replace(run, item=dataclasses.replace(run.item, body=body, operands=run.item.operands[:-1]))
        )
    return tuple(found), False


@dataclasses.dataclass(frozen=True, slots=True)
class _Taken:
    """What iterations take besides what goes through them, by the places of the loop's operands."""

    by_iteration: tuple[tuple[int, ...], ...]
    count: int
    own: tuple[int, ...]
    """Of what an iteration takes those that are not the same in all of them."""

    def refs(self, operands: tuple[Ref, ...], index: int) -> tuple[Ref, ...]:
        """What an iteration takes, of the operands of the loop."""
        return tuple(operands[place] for place in self.by_iteration[index])


def _taken(loops: Sequence[Loop]) -> _Taken:
    """What the iterations of loops take, which is the same in all of these.

    Raises:
        NotUnifiable: it is not.
    """
    found = [
        tuple(tuple(ref.index for ref in scope.operands[1:] if isinstance(ref, Operand)) for scope in loop.iterations)
        for loop in loops
    ]
    longest = max(found, key=len)
    count = len(longest[0]) if longest else 0
    own = tuple(place for place in range(count) if len({taken[place] for taken in longest}) > 1)
    if any(taken != longest[: len(taken)] or (own and len(taken) < len(longest)) for taken in found):
        raise NotUnifiable(found)
    return _Taken(longest, count, own)


def _entered(scope: Scope) -> Scope:
    """An iteration that takes what enters it in order, whichever of its loop's tensors that is."""
    return dataclasses.replace(scope, operands=tuple(Operand(place) for place in range(len(scope.operands))))


def peeled(loop: Loop, name: str) -> tuple[Scope, Loop]:
    """A repeat's first iteration as an item of this name beside it, and the repeat of the others, which follows it."""
    assert loop.times is not None
    place = -1 - loop.location  # where no other item of the body is
    taken = (ref for ref in loop.iterations[0].operands if isinstance(ref, Operand))
    operands = tuple(loop.operands[ref.index] for ref in taken)
    first = dataclasses.replace(loop.iterations[0], location=place, name=name, operands=operands)
    rest = dataclasses.replace(
        loop,
        times=Binary("-", loop.times, Const(1)),
        operands=(Result(place), *loop.operands[1:]),
        iterations=loop.iterations[1:],
        marks=tuple(mark - 1 for mark in loop.marks if mark),
    )
    return first, rest


def in_turn(body: Body, last: Ref = _ARRIVING) -> bool:
    """Whether each item of a body takes what the one before it gives, the first `last`, and nothing else."""
    for item in body.items:
        if isinstance(item, Choice):
            if item.operand != last or not in_turn(item.body, last):
                return False
        elif item.operands != (last,):
            return False
        last = Result(item.location)
    return body.results == (last,)


def without_scope(choices: Sequence[Choice], context: BodyContext) -> list[Loop] | None:
    """The loops whose iterations stand among the items around them; None where these are no chain of scopes.

    Args:
        choices: each the iterations, in one instance, under the condition that there are so many of them.
    """
    loops = [_without_scope(choice) for choice in choices]
    found = [loop for loop in loops if loop is not None]
    if len(found) < len(loops) or len({loop.operands for loop in found}) > 1:
        return None
    if not any(loop.iterations for loop in found):
        return None
    if context.numbered is not None and _are_numbered(found):
        for loop, env in zip(found, context.envs, strict=True):
            start = evaluate(context.numbered, env, context.budget)
            assert isinstance(start, int)
            if [each.name for each in loop.iterations] != [str(start + k) for k in range(len(loop.iterations))]:
                return None
    return found


def _are_numbered(loops: Sequence[Loop]) -> bool:
    return any(each.name.isdigit() for loop in loops for each in loop.iterations)


def _without_scope(choice: Choice) -> Loop | None:
    repetition, body = choice.repetition, choice.body
    if repetition is None or repetition.pattern is None:
        return None
    last: Ref = choice.operand
    iterations: list[Scope] = []
    others: set[tuple[Ref, ...]] = set()
    for item in body.items:
        if not isinstance(item, Scope) or item.operands[0] != last or last in item.operands[1:]:
            return None
        others.add(item.operands[1:])
        operands = tuple(map(Operand, range(len(item.operands))))
        iterations.append(dataclasses.replace(item, operands=operands, index=None))
        last = Result(item.location)
    within = {Result(item.location) for item in body.items}
    if body.results != (last,) or len(others) > 1 or any(within.intersection(refs) for refs in others):
        return None
    around = iterations[0].path.rpartition(".")[0] if iterations else ""
    return Loop(
        choice.location,
        "",
        f"{around}.{repetition.pattern}",
        repetition.times,
        repetition.pattern,
        (choice.operand, *(others.pop() if others else ())),
        tuple(iterations),
        None,
        index=repetition.index,
    )


def _indices(loop: Loop, index: Expr, context: BodyContext) -> dict[str, Expr]:
    """What the indices are called in an iteration, and what they are; those of loops around come first."""
    found = {loop.index: index}
    if loop.before is not None:
        found["unit_index"] = fold(Binary("+", index, Const(loop.before)), context.budget, is_whole=True)
    if loop.total is not None:
        found["unit_count"] = Const(loop.total)
    return {**found, **context.indices} if loop.times is None else {**context.indices, **found}


def _units(
    loops: list[Loop],
    operands: tuple[Ref, ...],
    taken: _Taken,
    context: BodyContext,
    make_iteration: MakeIteration,
) -> _Rounds:
    """The iterations of a stage, one by one: each has arguments of its own."""
    if len({len(loop.iterations) for loop in loops}) > 1:
        raise NotUnifiable([len(loop.iterations) for loop in loops])
    what = f"how many units {loops[0].path} has"
    context.structural += [Deciding(context.at(expr, ()), what) for expr in loops[0].structure]
    runs: list[Run] = []
    after: list[Expr] = []
    inner = context.inside(operands)
    inner.is_level = bool(loops[0].name)
    inner.depth += 1  # a loop inside may get a formula of its own index
    for index, scopes in enumerate(zip(*(loop.iterations for loop in loops), strict=True)):
        inner.indices = _indices(loops[0], Const(index), context)
        for place, ref in enumerate(taken.refs(operands, index), start=1):
            inner.features[Operand(place)], inner.nodes[Operand(place)] = context.features[ref], context.nodes[ref]
        item = make_iteration([_entered(scope) for scope in scopes], inner)
        runs.append(Run(Const(index), Const(index + 1), item, context.depth + 1))
        result = Result(item.location)
        inner.features[Operand(0)] = inner.features[result]
        inner.nodes[Operand(0)] = inner.nodes[result]
        after.append(inner.features[result])
    return tuple(runs), (inner.features[Operand(0)], *(after[mark] for mark in loops[0].marks))


def _repeat(
    loops: list[Loop],
    operands: tuple[Ref, ...],
    taken: _Taken,
    context: BodyContext,
    def_use: DefUse,
    make_iteration: MakeIteration,
) -> _Rounds:
    """The iterations of a repeat, all at once: `i` and `channels` distinguish them."""
    assert loops[0].times is not None
    start = context.features[operands[0]]
    counts = [len(loop.iterations) for loop in loops]
    times = context.unified(context.at(loops[0].times, (start,)), counts)
    pairs = [(number, index) for number, loop in enumerate(loops) for index in range(len(loop.iterations))]
    if not pairs:
        context.structural.append(Deciding(times, how_often(loops[0].path)))
        return (), (start,)
    envs: list[dict[str, Value]] = []
    inner = context.inside(operands, envs)
    inner.is_level = bool(loops[0].name)
    inner.depth += 1
    index_name, channels_name = iteration_names(inner.depth)
    inner.indices = _indices(loops[0], Name(index_name), context)
    arrive: list[str] = []
    for number, index in pairs:
        wires = def_use.scopes[loops[number].iterations[index].path]
        arrive.append(wires.operands[0])
        count = context.graph.types[arrive[-1]].channels
        envs.append({**context.envs[number], index_name: index, channels_name: count})
    inner.features, inner.nodes = {Operand(0): Name(channels_name)}, {Operand(0): tuple(arrive)}
    for place in range(1, 1 + taken.count):
        refs = [taken.refs(operands, index)[place - 1] for _, index in pairs]
        inner.nodes[Operand(place)] = tuple(
            context.nodes[ref][number] for ref, (number, _) in zip(refs, pairs, strict=True)
        )
        widths = {context.features[ref] for ref in refs}
        if len(widths) > 1:
            raise NotUnifiable(list(widths))
        inner.features[Operand(place)] = widths.pop()
    # Each iteration is numbered by its index, not by its place in the sequence around the loop.
    scopes = [_entered(dataclasses.replace(loops[number].iterations[index], location=0)) for number, index in pairs]
    item = make_iteration(scopes, inner)
    after = inner.features[Result(item.location)]
    run = Run(Const(0), times, item, inner.depth, start, after)
    least = _least_count(run, loops, context, inner)
    if least is None or min(counts) < least:
        context.structural.append(Deciding(times, how_often(loops[0].path)))
    elif least:
        context.structural.append(Deciding(Compare(times, (">=",), (Const(least),)), LAYERS))
    out = channels_after(run, context.budget)
    if out is None and len(set(counts)) == 1:  # the count decides the structure, so it may be put in as a number
        out = channels_after(dataclasses.replace(run, stop=Const(counts[0])), context.budget)
    if out is None and min(counts) > 0 and channels_name not in names(after, context.budget):
        # What the last one leaves; the count decides the structure: it is not none.
        out = fold(after, context.budget, {index_name: Binary("-", times, Const(1))}, whole=inner.whole, is_whole=True)
    if out is None:  # the number that is put there instead holds for these values alone
        context.structural += [
            Deciding(expr, f"the channels that {loops[0].path} gives, a number in the source")
            for expr in (start, after)
        ]
        context.structural.append(Deciding(times, how_often(loops[0].path)))
    stops = (dataclasses.replace(run, stop=Const(mark + 1)) for mark in loops[0].marks)
    return (run,), (out, *(channels_after(part, context.budget) for part in stops))


def _least_count(run: Run, loops: list[Loop], context: BodyContext, inner: BodyContext) -> int | None:
    """The least count for which the source of a repeat is right, and from which on it is; None where it is not.

    Each iteration has to leave what it got but for channels that grow by a formula: sizes are numbers in what follows.
    """
    assert run.carried is not None
    alone = any(loop.marks or loop.operands[0] == Result(-1 - loop.location) for loop in loops)
    if alone or _taken(loops).own:  # one iteration stands out, or each has a tensor of its own
        return None
    item = run.item
    if item.reuses or (
        isinstance(item, SequenceUse) and not all(isinstance(u, LayerUse | CallUse) for u in item.body.items)
    ):
        return None
    types = context.graph.types
    after = inner.nodes[Result(item.location)]
    for before, path in zip(inner.nodes[Operand(0)], after, strict=True):
        if types[path].with_channels(1) != types[before].with_channels(1):
            return None
    if after_iterations(run, Const(0), context.budget) == run.carried:
        return 0
    assert run.carried_next is not None
    leaves_alike = not names(run.carried_next, context.budget) & {*iteration_names(run.depth)}
    return 1 if leaves_alike else None
