"""Statements of loops: their iterations, alone or under a `for`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from archspec.codegen.folding import renamed_tree
from archspec.codegen.marked_text import inside
from archspec.codegen.merging import merged
from archspec.codegen.pretty_printer import call, flat
from archspec.codegen.table_rows import loop_header
from archspec.codegen.tensor_lists import TensorList
from archspec.codegen.tree import (
    CHANNELS,
    CallUse,
    ChoiceUse,
    ItemUse,
    LayerUse,
    LoopUse,
    Run,
    SequenceUse,
    Tree,
    iteration_names,
)
from archspec.errors import InternalError
from archspec.expr import Const, Expr
from archspec.ir.scope import Result
from archspec.limits import Budget
from archspec_keras.layer_names import LayerName, pattern_parts
from archspec_keras.shared_statements import SharedStatements
from archspec_keras.statements import Statement


class LoopStatements(SharedStatements):
    """Writes them."""

    def _loop(self, item: LoopUse, *, inline: bool = False) -> None:
        """A loop; one that is inline has its iterations in the scope around it."""
        name = self.prefix if inline else self._name(item)
        if item.location in self.collecting:
            self._collected(item, self.collecting[item.location], name)
            return
        if item.is_listed:
            raise InternalError(f"what the iterations of {item.paths[0]} give was to be a list")
        first, others = item.operands[: item.is_chain], item.operands[item.is_chain :]
        held = self._after(item, self._take(first)) if item.called else self._take(first)
        # What every iteration takes stays as it is, so the target is chosen while it is still needed.
        if item.called in self.shared.ordered:
            target = self._kept(item)
        else:
            target = self.allocator.fresh(held if self.preferred is None else [self.preferred, *held])
            if target not in (*held, self.preferred):  # else its own word would take a line to begin with
                target = self.allocator.labeled(Result(item.location)) or target
        held += [self.allocator.variable[ref] for ref in item.common]
        before = len(self.lines)
        runs = merged([_without_channels(run) for run in item.runs if run.count != 0])
        for index, part in _parts(runs, item.marks, self.definition.budget):
            if item.marks:
                target = self._assign(Result(item.location, index), ())
            for run in part:
                start, around, iterations = len(self.lines), self.iterations, item.iterations_of(run, self.iterations)
                self.iterations = {*iterations}
                self._iterations(item, run, name, held, target)
                self.iterations = around
                self.lines[start:] = [line.for_(iterations) for line in self.lines[start:]]
                held = _following(item, held, target)
        self.lines[before:] = [line.for_(inside(item.paths, self.iterations)) for line in self.lines[before:]]
        self.allocator.spend(others)
        self.allocator.hold(Result(item.location), target if item.runs and not item.is_chain else held[0])

    def _collected(self, item: LoopUse, found: TensorList, name: LayerName) -> None:
        """Iterations whose results are appended to a list, which begins with what is joined before them."""
        starts, held = self._take(found.starts), self._take(item.operands[: item.is_chain])
        held += [self.allocator.variable[ref] for ref in item.common]
        runs = merged([_without_channels(run) for run in item.runs if run.count != 0])
        tensors = self.lists[found.taker] = self._variable(found.name)
        before = len(self.lines)
        self._emit(tensors, f"[{', '.join(starts)}]")
        calls = all(isinstance(run.item, CallUse) for run in runs)
        goes_on = not item.is_chain or found.starts[-1:] == item.operands[:1]
        in_place = calls and found.last_is_alone and goes_on
        target = f"{tensors}[-1]" if in_place else self.allocator.fresh(held[: item.is_chain])
        self.allocator.hold(Result(item.location), target)
        if in_place:
            held = _following(item, held, target)
        for run in runs:
            start, around, iterations = len(self.lines), self.iterations, item.iterations_of(run, self.iterations)
            self.iterations = {*iterations}
            self._iterations(item, run, name, held, target, tensors)
            self.iterations = around
            self.lines[start:] = [line.for_(iterations) for line in self.lines[start:]]
            held = _following(item, held, target)
        self.lines[before:] = [line.for_(inside(item.paths, self.iterations)) for line in self.lines[before:]]
        self.allocator.spend(item.operands[item.is_chain :])
        self.allocator.spend(found.items)

    def _iterations(
        self, item: LoopUse, run: Run, name: LayerName, held: Sequence[str], target: str, tensors: str = ""
    ) -> None:
        """One iteration as it is, several as a loop; what each gives is appended to `tensors`, if there is a list."""
        index, channels = iteration_names(run.depth)
        budget = self.definition.budget
        own = [[self.allocator.variable[ref] for ref in refs] for refs in zip(*item.own, strict=True)]
        if run.count == 1 and run.carried is None and isinstance(run.start, Const) and isinstance(run.start.value, int):
            alone, held = name.then(*pattern_parts(item.pattern, run.start.value, budget)), [*held]
            held += [names[run.start.value] for names in own]
            self._iteration(run, alone, held, target, tensors, {*held[item.is_chain :]})
            return
        variable = self.printer.spelled[index]
        values = {*(run.rows.names if run.rows is not None else ())}
        before = len(self.lines)
        if item.is_chain and held[0] != target:
            self._emit(target, held[0])
        place = len(self.lines)
        self._emit("", "")
        turn = [self._single_name(names) for names in own]
        held = [*_following(item, held, target), *turn]
        self.loops += 1
        with self._part(target) as lines:
            self.printer.names -= {channels, *values}
            single = name.then(*pattern_parts(item.pattern, variable, budget))
            self._iteration(run, single, held, target, tensors, {*held[item.is_chain :]})
            if channels in self.printer.names:
                lines.insert(0, Statement(self.depth, self.printer.spelled[channels], f"{target}.shape[-1]"))
        unused = values - self.printer.names
        header = f"for {loop_header(run, self.printer, uses_index=not item.called, unused=unused)}:"
        if own:
            header = _in_turn(run, variable, turn, own)
        self.lines[place] = replace(self.lines[place], code=header)
        self.lines += lines
        self.loops -= 1
        self.allocator.taken -= {*turn}
        if not lines:  # iterations that do nothing
            del self.lines[before + (self.lines[before].target == target) :]

    def _single_name(self, names: Sequence[str]) -> str:
        """What a tensor of those that iterations take in turn is called."""
        label = next((found for name in names if (found := re.sub(r"s?_\d+$", "", name)) != name), "tensor")
        return self._variable(label)

    def _iteration(
        self, run: Run, name: LayerName, held: Sequence[str], target: str, tensors: str, kept: set[str]
    ) -> None:
        """One iteration: what it gives is in the target afterwards, or the last of the list.

        `kept` are the variables that are still needed after it.
        """
        if tensors and target == f"{tensors}[-1]":
            assert isinstance(run.item, CallUse)
            self._emit("", call(f"{tensors}.append", self._called(run.item, held, name)))
            return
        self._single(run, name, held, target, kept)
        if tensors:
            self._emit("", f"{tensors}.append({target})")

    def _single(self, run: Run, name: LayerName, held: Sequence[str], target: str, kept: set[str]) -> None:
        if run.item.reuses:
            self._emit(target, self._called_again(run.item, held))
            return
        if isinstance(run.item, CallUse):
            self._emit(target, self._called(run.item, held, name))
            return
        # The tensor that goes around is needed by no one else; the others are, in the next iteration.
        was, self.preferred = self.preferred, target
        [result] = self._inline(run.item, name, held, self.allocator.taken | (self.allocator.live() - {target}) | kept)
        self.preferred = was
        if result != target:
            self._emit(target, result)


def _following(item: LoopUse, held: Sequence[str], target: str) -> list[str]:
    """What the next iteration takes, where one has left what it gives in the target; what it takes alone left out."""
    return [target, *held[1:]] if item.is_chain else [*held]


def _in_turn(run: Run, index: str, turn: Sequence[str], own: Sequence[Sequence[str]]) -> str:
    """The header of a loop whose iterations take tensors in turn."""
    assert run.count is not None
    tuples = [f"({', '.join(names[run.first : run.first + run.count])})" for names in own]
    over = tuples[0] if len(tuples) == 1 else call("zip", *tuples)
    variables = turn[0] if len(turn) == 1 else f"({', '.join(turn)})"
    start = {"start": str(run.first)} if run.first else {}
    return f"for {index}, {variables} in {flat(call('enumerate', over, **start))}:"


def written(item: ItemUse) -> Iterator[Expr]:
    """The expressions that a function says of an item: channels come with the tensors."""
    match item:
        case LayerUse():
            yield from item.exprs.values()
            yield from (expr for expr in (item.flat_name,) if expr is not None)
        case CallUse():
            yield from (item.arguments[parameter.name] for parameter in item.definition.parameters)
        case SequenceUse():
            for inner in item.body.items:
                yield from written(inner)
        case ChoiceUse():
            yield item.condition
            for inner in (*item.then.items, *item.other.items):
                yield from written(inner)
        case LoopUse():
            for run in item.runs:
                yield from (run.start, run.stop)
                yield from written(run.item)


def _parts(runs: Sequence[Run], marks: Sequence[int], budget: Budget) -> Iterator[tuple[int, list[Run]]]:
    """The runs up to each mark in turn, with the mark's place among the loop's results; and those after all marks."""
    left = list(runs)
    for mark, index in sorted(zip(marks, range(1, len(marks) + 1), strict=True)):
        part: list[Run] = []
        while left and left[0].first <= mark:
            run, end = left.pop(0), Const(mark + 1)
            if run.count is None or run.first + run.count > mark + 1:
                left.insert(0, _settled(replace(run, start=end), budget))
                run = _settled(replace(run, stop=end), budget)
            part.append(run)
        yield index, part
    yield 0, left


def _settled(run: Run, budget: Budget) -> Run:
    """A part of a run; where it is one iteration, it speaks of that iteration by its number."""
    if run.count != 1:
        return run
    [item] = renamed_tree(Tree((run.item,), ()), {iteration_names(run.depth)[0]: run.start}, budget).items
    assert isinstance(item, CallUse | SequenceUse)
    return replace(run, item=item)


def _without_channels(run: Run) -> Run:
    """Keras's layers find out what arrives, so iterations that differ in nothing else are the same."""
    if not isinstance(run.item, CallUse):
        return run
    return replace(run, item=replace(run.item, arguments=written_arguments(run.item)))


def written_arguments(use: CallUse) -> dict[str, Expr]:
    """The arguments of a call that a function says: channels come with the tensors."""
    return {name: expr for name, expr in use.arguments.items() if name != CHANNELS.id}
