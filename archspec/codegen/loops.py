"""The rounds of a loop: a stage's units one by one, a repeat's all at once where an expression tells them apart."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from itertools import zip_longest
from typing import TypeAlias

from archspec.codegen.frame import Frame
from archspec.codegen.marks import Instances
from archspec.codegen.settle import Split
from archspec.codegen.tree import CallUse, LoopUse, Run, SequenceUse, channels_after, round_names
from archspec.expr import Const, Expr, Name, Value
from archspec.ir.scope import Loop, Operand, Ref, Result, Scope
from archspec.ir.wiring import Wiring

MakeRound: TypeAlias = Callable[[list[Scope], Frame], CallUse | SequenceUse]
"""Builds one round from its instances."""
_Rounds: TypeAlias = tuple[tuple[Run, ...], Expr | None]
"""The runs, and the channels after them if an expression gives them."""


def build_loop(loops: list[Loop], frame: Frame, wiring: Wiring, make_round: MakeRound) -> LoopUse:
    """The loop that these instances of it are."""
    operands = frame.operands(loops)
    label, number = frame.name(loops[0])
    first = loops[0]
    if first.times is None:
        runs, out = _units(loops, operands, frame, make_round)
    else:
        try:
            runs, out = _repeat(loops, operands, frame, wiring, make_round)
        except Split:  # no expression tells the rounds apart: write them out
            runs, out = _units(loops, operands, frame, make_round)
    ends = [
        wiring.scopes[loop.iterations[-1].path].results[0] if loop.iterations else start
        for loop, start in zip(loops, frame.nodes[operands[0]], strict=True)
    ]
    frame.record(Result(first.site), out, ends)
    for index, mark in enumerate(first.marks, start=1):
        paths = [wiring.scopes[loop.iterations[mark].path].results[0] for loop in loops]
        frame.record(Result(first.site, index), None, paths)
    rounds = zip_longest(*(loop.iterations for loop in loops))
    return LoopUse(
        first.site,
        label,
        number,
        first.pattern,
        runs,
        operands,
        Instances(loop.path for loop in loops),
        tuple(Instances(scope.path for scope in scopes if scope is not None) for scopes in rounds),
        first.marks,
    )


def _units(loops: list[Loop], operands: tuple[Ref, ...], frame: Frame, make_round: MakeRound) -> _Rounds:
    """The rounds of a stage, one by one: each has arguments of its own."""
    if len({len(loop.iterations) for loop in loops}) > 1:
        raise Split([len(loop.iterations) for loop in loops])
    frame.structural += [frame.at(expr, ()) for expr in loops[0].structure]
    runs: list[Run] = []
    inner = frame.inside(operands)
    for index, scopes in enumerate(zip(*(loop.iterations for loop in loops), strict=True)):
        inner.index = Const(index)
        item = make_round(list(scopes), inner)
        runs.append(Run(Const(index), Const(index + 1), item, frame.depth + 1))
        result = Result(item.site)
        inner.features[Operand(0)] = inner.features[result]
        inner.nodes[Operand(0)] = inner.nodes[result]
    return tuple(runs), inner.features[Operand(0)]


def _repeat(
    loops: list[Loop], operands: tuple[Ref, ...], frame: Frame, wiring: Wiring, make_round: MakeRound
) -> _Rounds:
    """The rounds of a repeat, all at once: `i` and `channels` tell them apart."""
    assert loops[0].times is not None
    start = frame.features[operands[0]]
    counts = [len(loop.iterations) for loop in loops]
    times = frame.settled(frame.at(loops[0].times, (start,)), counts)
    frame.structural.append(times)
    pairs = [(number, index) for number, loop in enumerate(loops) for index in range(len(loop.iterations))]
    if not pairs:
        return (), start
    envs: list[dict[str, Value]] = []
    inner = frame.inside(operands, envs)
    inner.depth += 1
    index_name, channels_name = round_names(inner.depth)
    inner.index = Name(index_name)
    arrive: list[str] = []
    for number, index in pairs:
        wires = wiring.scopes[loops[number].iterations[index].path]
        arrive.append(wires.operands[0])
        count = frame.graph.types[arrive[-1]].channels
        envs.append({**frame.envs[number], index_name: index, channels_name: count})
    inner.features[Operand(0)] = Name(channels_name)
    inner.nodes = {Operand(k): tuple(frame.nodes[ref][number] for number, _ in pairs) for k, ref in enumerate(operands)}
    inner.nodes[Operand(0)] = tuple(arrive)
    # Each round is numbered by its index, not by its place in the sequence around the loop.
    scopes = [dataclasses.replace(loops[number].iterations[index], site=0) for number, index in pairs]
    item = make_round(scopes, inner)
    after = inner.features[Result(item.site)]
    run = Run(Const(0), times, item, inner.depth, start, after)
    out = channels_after(run, frame.budget)
    if out is None and len(set(counts)) == 1:  # the count decides the structure, so it may be put in as a number
        out = channels_after(dataclasses.replace(run, stop=Const(counts[0])), frame.budget)
    if out is None:  # the number that is put there instead holds for these values alone
        frame.structural += [start, times, after]
    return (run,), out
