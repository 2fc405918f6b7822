"""The iterations of a loop: a stage's units one by one, a repeat's all at once where an expression distinguishes
them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import TypeAlias

from archspec.codegen.anti_unification import NotUnifiable
from archspec.codegen.body_context import BodyContext, Deciding
from archspec.codegen.loop_channels import after_iterations, channels_after
from archspec.codegen.marked_text import Instances
from archspec.codegen.tree import CallUse, LayerUse, LoopUse, Run, SequenceUse, iteration_names
from archspec.expr import Binary, Const, Expr, Name, Value, fold, names
from archspec.ir.def_use import DefUse
from archspec.ir.scope import Loop, Operand, Ref, Result, Scope

MakeIteration: TypeAlias = Callable[[list[Scope], BodyContext], CallUse | SequenceUse]
"""Builds one iteration from its instances."""
_Rounds: TypeAlias = tuple[tuple[Run, ...], Sequence[Expr | None]]
"""The runs, and the channels after all of them and after each marked iteration, if an expression gives them."""


def build_loop(loops: list[Loop], context: BodyContext, def_use: DefUse, make_iteration: MakeIteration) -> LoopUse:
    """The loop that these instances of it are."""
    operands = context.operands(loops)
    label, number = context.name(loops)
    first = loops[0]
    if first.times is None:
        runs, [out, *inside] = _units(loops, operands, context, make_iteration)
    else:
        try:
            runs, [out, *inside] = _repeat(loops, operands, context, def_use, make_iteration)
        except NotUnifiable:  # no expression distinguishes the iterations: write them out
            times = context.at(first.times, (context.features[operands[0]],))
            context.structural.append(Deciding(times, _count_of(loops)))
            runs, [out, *inside] = _units(loops, operands, context, make_iteration)
    ends = [
        def_use.scopes[loop.iterations[-1].path].results[0] if loop.iterations else start
        for loop, start in zip(loops, context.nodes[operands[0]], strict=True)
    ]
    context.record(Result(first.location), out, ends)
    for index, mark in enumerate(first.marks, start=1):
        paths = [def_use.scopes[loop.iterations[mark].path].results[0] for loop in loops]
        context.record(Result(first.location, index), inside[index - 1], paths)
    iterations = zip_longest(*(loop.iterations for loop in loops))
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
    )


def peeled(loop: Loop, name: str) -> tuple[Scope, Loop]:
    """A repeat's first iteration as an item of this name beside it, and the repeat of the others, which follows it."""
    assert loop.times is not None
    place = -1 - loop.location  # where no other item of the body is
    first = dataclasses.replace(loop.iterations[0], location=place, name=name, operands=loop.operands)
    rest = dataclasses.replace(
        loop,
        times=Binary("-", loop.times, Const(1)),
        operands=(Result(place), *loop.operands[1:]),
        iterations=loop.iterations[1:],
        marks=tuple(mark - 1 for mark in loop.marks if mark),
    )
    return first, rest


def _indices(loop: Loop, index: Expr, context: BodyContext) -> dict[str, Expr]:
    """What the indices are called in an iteration, and what they are; those of loops around come first."""
    found = {loop.index: index}
    if loop.before is not None:
        found["unit_index"] = fold(Binary("+", index, Const(loop.before)), context.budget, is_whole=True)
    if loop.total is not None:
        found["unit_count"] = Const(loop.total)
    return {**found, **context.indices} if loop.times is None else {**context.indices, **found}


def _units(
    loops: list[Loop], operands: tuple[Ref, ...], context: BodyContext, make_iteration: MakeIteration
) -> _Rounds:
    """The iterations of a stage, one by one: each has arguments of its own."""
    if len({len(loop.iterations) for loop in loops}) > 1:
        raise NotUnifiable([len(loop.iterations) for loop in loops])
    what = f"how many units {loops[0].name} has"
    context.structural += [Deciding(context.at(expr, ()), what) for expr in loops[0].structure]
    runs: list[Run] = []
    after: list[Expr] = []
    inner = context.inside(operands)
    inner.depth += 1  # a loop inside may get a formula of its own index
    for index, scopes in enumerate(zip(*(loop.iterations for loop in loops), strict=True)):
        inner.indices = _indices(loops[0], Const(index), context)
        item = make_iteration(list(scopes), inner)
        runs.append(Run(Const(index), Const(index + 1), item, context.depth + 1))
        result = Result(item.location)
        inner.features[Operand(0)] = inner.features[result]
        inner.nodes[Operand(0)] = inner.nodes[result]
        after.append(inner.features[result])
    return tuple(runs), (inner.features[Operand(0)], *(after[mark] for mark in loops[0].marks))


def _repeat(
    loops: list[Loop], operands: tuple[Ref, ...], context: BodyContext, def_use: DefUse, make_iteration: MakeIteration
) -> _Rounds:
    """The iterations of a repeat, all at once: `i` and `channels` distinguish them."""
    assert loops[0].times is not None
    start = context.features[operands[0]]
    counts = [len(loop.iterations) for loop in loops]
    times = context.unified(context.at(loops[0].times, (start,)), counts)
    pairs = [(number, index) for number, loop in enumerate(loops) for index in range(len(loop.iterations))]
    if not pairs:
        context.structural.append(Deciding(times, _count_of(loops)))
        return (), (start,)
    envs: list[dict[str, Value]] = []
    inner = context.inside(operands, envs)
    inner.depth += 1
    index_name, channels_name = iteration_names(inner.depth)
    inner.indices = _indices(loops[0], Name(index_name), context)
    arrive: list[str] = []
    for number, index in pairs:
        wires = def_use.scopes[loops[number].iterations[index].path]
        arrive.append(wires.operands[0])
        count = context.graph.types[arrive[-1]].channels
        envs.append({**context.envs[number], index_name: index, channels_name: count})
    inner.features[Operand(0)] = Name(channels_name)
    inner.nodes = {
        Operand(k): tuple(context.nodes[ref][number] for number, _ in pairs) for k, ref in enumerate(operands)
    }
    inner.nodes[Operand(0)] = tuple(arrive)
    # Each iteration is numbered by its index, not by its place in the sequence around the loop.
    scopes = [dataclasses.replace(loops[number].iterations[index], location=0) for number, index in pairs]
    item = make_iteration(scopes, inner)
    after = inner.features[Result(item.location)]
    run = Run(Const(0), times, item, inner.depth, start, after)
    if not _any_count(run, loops, context, inner):
        context.structural.append(Deciding(times, _count_of(loops)))
    out = channels_after(run, context.budget)
    if out is None and len(set(counts)) == 1:  # the count decides the structure, so it may be put in as a number
        out = channels_after(dataclasses.replace(run, stop=Const(counts[0])), context.budget)
    if out is None and min(counts) > 0 and not names(after, context.budget) & {index_name, channels_name}:
        out = after  # each leaves as many, and the count decides the structure: it is not none
    if out is None:  # the number that is put there instead holds for these values alone
        context.structural += [Deciding(expr, f"how many channels {loops[0].path} gives") for expr in (start, after)]
        context.structural.append(Deciding(times, _count_of(loops)))
    stops = (dataclasses.replace(run, stop=Const(mark + 1)) for mark in loops[0].marks)
    return (run,), (out, *(channels_after(part, context.budget) for part in stops))


def _count_of(loops: list[Loop]) -> str:
    return f"how often {loops[0].path} runs"


def _any_count(run: Run, loops: list[Loop], context: BodyContext, inner: BodyContext) -> bool:
    """Whether the source of a repeat is right for any other count, too, none included.

    Each iteration has to leave what it got but for channels that grow by a formula: sizes are numbers in what follows.
    """
    assert run.carried is not None
    if any(loop.marks or loop.operands[0] == Result(-1 - loop.location) for loop in loops):  # one iteration stands out
        return False
    item = run.item
    if item.reuses or (
        isinstance(item, SequenceUse) and not all(isinstance(u, LayerUse | CallUse) for u in item.body.items)
    ):
        return False
    types = context.graph.types
    after = inner.nodes[Result(item.location)]
    for before, path in zip(inner.nodes[Operand(0)], after, strict=True):
        if types[path].with_channels(1) != types[before].with_channels(1):
            return False
    return after_iterations(run, Const(0), context.budget) == run.carried
