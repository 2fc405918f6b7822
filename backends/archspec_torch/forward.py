"""Writing `forward`: what comes in, the statements of its items, loops over members, and what is returned."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from archspec.codegen.joined_rows import with_joined_rows
from archspec.codegen.marked_text import as_marked, join, whole
from archspec.codegen.pretty_printer import (
    INDENT,
    Bracket,
    Code,
    flat,
    lay_out,
    marks,
    one_line,
)
from archspec.codegen.tensor_lists import TensorList, tensor_lists
from archspec.codegen.training_outputs import apart
from archspec.codegen.tree import Definition, Tree
from archspec.codegen.variable_allocation import VariableAllocator, uses
from archspec.ir.scope import Operand
from archspec_torch.item_statements import ItemStatements
from archspec_torch.listed_rounds import ListedRounds, listed_rounds
from archspec_torch.row_classes import RowClass, is_rolled
from archspec_torch.spelling import Spelling
from archspec_torch.turns import ROUND, Turns, candidates, loop, rounds

_MODULE_NAMES: Final = ("self", "torch", "F", "Tensor", "layer")
"""What a variable of `forward` may not hide."""


def forward(
    definition: Definition,
    spelling: Spelling,
    row: RowClass | None = None,
    *,
    outputs: Sequence[str] = (),
    training: int = 0,
) -> tuple[list[str], list[str]]:
    """The variables that come in, and the lines of the body of `forward`.

    Several results are returned as a tuple, or, where `outputs` names them, as a dict. The last `training` of them are
    given in training alone: what only they need stands after the `return` of evaluation, or where that gives a dict,
    which they are added to, under `if self.training`. Of a class that is a `row` there are no lines where its base
    class's own do.
    """
    tree = definition.tree if row is None or row.forward is None else row.forward
    if row is None and spelling.keyed:
        tree = _with_own_rows(tree, definition, spelling)
    collected = {} if row is not None else tensor_lists(tree, tree.labels)
    plan = _Plan(tree, spelling)
    if row is None and not training and spelling.lists:
        plan = _planned(definition, plan, collected)
        spelling.looped |= {name for turns in plan.loops for name in turns.names}
    tree, found = plan.tree, plan.loops
    writer = _writer(definition, plan, collected)
    names = [writer.allocator.variable[Operand(index)] for index in range(definition.operands)]
    if row is not None and row.merge is not None:
        return names, lay_out(writer.joined(row.merge, row.parts, names[0]), 2, "return ")
    if row is not None and row.forward is None:
        return names, []
    if training:
        evaluated, tree = apart(tree, training)
        writer.items(evaluated, 2)
        if len(evaluated.results) > 1:
            return names, _with_more_in_training(writer, evaluated, tree, outputs)
        kept = writer.variable(evaluated.results[0], 2)
        writer.lines += [f"{INDENT * 2}if not self.training:", f"{INDENT * 3}return {kept}"]
    writer.items(tree, 2)
    writer.end()
    if found:
        writer.lines = _with_loops(writer, found)
    if outputs:
        taken = _by_name([(name, writer.take(ref)) for name, ref in zip(outputs, tree.results, strict=True)])
        return names, [*writer.lines, *lay_out(taken, 2, "return ")]
    if len(tree.results) == 1:
        returned = writer.take(tree.results[0])
        last = _returned(writer.lines, returned)
        return names, last or [*writer.lines, *lay_out(returned, 2, "return ")]
    if not writer.fits(tree.results, 2):
        for ref in tree.results:
            writer.variable(ref, 2)
    together = join((one_line(writer.take(ref)) for ref in tree.results), ", ")
    return names, [*writer.lines, *lay_out(together, 2, "return ")]


def _with_more_in_training(writer: ItemStatements, evaluated: Tree, rest: Tree, outputs: Sequence[str]) -> list[str]:
    """The lines of a network that gives several tensors, and in training more: these are added to a dict of the others.

    The items of `evaluated` have been written. `rest` has the others, and all results.
    """
    count = len(evaluated.results)
    needed = {*uses(replace(rest, results=rest.results[count:]))}
    for ref in evaluated.results:
        if ref in needed:
            writer.variable(ref, 2)
    taken = _by_name([(name, writer.take(ref)) for name, ref in zip(outputs, evaluated.results, strict=False)])
    found = writer.allocator.fresh(["outputs"])
    writer.allocator.taken.add(found)
    writer.lines += [*lay_out(taken, 2, f"{found} = "), f"{INDENT * 2}if self.training:"]
    writer.items(rest, 3)
    for name, ref in zip(outputs[count:], rest.results[count:], strict=True):
        writer.lines += lay_out(writer.take(ref), 3, f'{found}["{name}"] = ')
    writer.end()
    return [*writer.lines, f"{INDENT * 2}return {found}"]


def _returned(lines: Sequence[str], code: Code) -> list[str]:
    """The lines, where the last statement gives the variable that is returned: it returns that; else nothing."""
    start = f"{INDENT * 2}{flat(code)} = "
    places = [place for place, line in enumerate(lines) if not line.startswith((INDENT * 3, f"{INDENT * 2})"))]
    if not places or not lines[places[-1]].startswith(start):
        return []
    last = places[-1]
    first = as_marked(f"{INDENT * 2}return {lines[last].removeprefix(start)}", lines[last])
    return [*lines[:last], whole(first, *marks(code)), *lines[last + 1 :]]


@dataclass(frozen=True, slots=True)
class _Plan:
    """A tree as it is written: which of its items are rounds of loops."""

    tree: Tree
    spelling: Spelling
    turns: tuple[Turns, ...] = ()
    listed: tuple[ListedRounds, ...] = ()

    @property
    def loops(self) -> tuple[Turns, ...]:
        """All loops over members that are called in turn."""
        return (*self.turns, *(made.turns for made in self.listed))

    def with_turns(self, turns: Turns) -> _Plan:
        """The plan with one loop more."""
        return replace(self, turns=(*self.turns, turns))

    def with_listed(self, made: ListedRounds) -> _Plan:
        """The plan with one loop more whose rounds take from a list or append to one."""
        return replace(self, tree=made.tree, spelling=made.spelled(self.spelling), listed=(*self.listed, made))


def _writer(definition: Definition, plan: _Plan, collected: Mapping[int, TensorList]) -> ItemStatements:
    """What writes the statements of a tree, in which loops begin and end where these do."""
    allocator = VariableAllocator(
        plan.tree,
        definition.budget,
        definition.operands,
        _MODULE_NAMES,
        definition.inputs,
        is_network=definition.is_network,
    )
    places: dict[int | None, int] = {place: 0 for turns in plan.loops for place in turns.places}
    return ItemStatements(allocator, plan.spelling, plan.tree, plan.listed, collected, places)


def _planned(definition: Definition, plan: _Plan, collected: Mapping[int, TensorList]) -> _Plan:
    """The loops over members that are called in turn: what they are written as is the same in each round."""
    labeled, plan = plan.spelling.labeled, replace(plan, spelling=replace(plan.spelling, labeled=False))
    plain = _writer(definition, plan, collected)
    plain.items(plan.tree, 2)
    plain.end()
    taken = [*_MODULE_NAMES, *re.findall(r"(?<![\w.])\w+", " ".join(plain.lines)), *plain.allocator.kept]

    def written(tried: _Plan, turns: Turns) -> bool:
        writer = _writer(definition, tried, collected)
        writer.items(tried.tree, 2)
        writer.end()
        return loop(writer.lines, [writer.places[place] for place in turns.places], turns, 2) is not None

    done: set[str] = set()
    more = True
    while more:
        more = False
        for made in listed_rounds(plan.tree, plan.spelling, _MODULE_NAMES, done, len(plan.listed)):
            tried = plan.with_listed(made)
            if written(tried, made.turns):
                plan, more = tried, True
                done |= made.turns.names.keys()
                break
    lists = {name: length for name, length in plan.spelling.lists.items() if name not in done}
    for possible in candidates(plan.tree, lists, taken):
        for turns in possible:
            if written(tried := plan.with_turns(turns), turns):
                plan = tried
                break
    return replace(plan, spelling=replace(plan.spelling, labeled=labeled))


def _with_loops(writer: ItemStatements, loops: Sequence[Turns]) -> list[str]:
    """The lines with these loops; in labeled source round by round, each with what says so around it."""
    lines = writer.lines
    for turns in sorted(loops, key=lambda turns: -writer.places[turns.starts[0]]):
        ends = [writer.places[place] for place in turns.places]
        written = loop(lines, ends, turns, 2)
        if writer.spelling.labeled:
            written = []
            for number, some in enumerate(rounds(lines, ends)):
                index = "" if turns.counted is None else turns.counted[0]
                written.append(f"{INDENT * 2}with {ROUND}({number}, {dict(turns.names)!r}, {index!r}):")
                written += [f"{INDENT}{line}" for line in some]
        assert written is not None
        lines = [*lines[: ends[0]], *written, *lines[ends[-1] :]]
    return lines


def _by_name(outputs: Sequence[tuple[str, Code]]) -> Bracket:
    """A dict of outputs."""
    pairs = tuple(whole(f'"{name}": {flat(code)}', *marks(code)) for name, code in outputs)
    return Bracket("", pairs, "{", "}")


def _with_own_rows(tree: Tree, definition: Definition, spelling: Spelling) -> Tree:
    """The tree with a loop in place of calls in a row that are joined, where the class holds nothing else."""
    made = with_joined_rows(tree, definition, 0)
    others = [item for item in made.items if not is_rolled(item)]
    return tree if any((item.location,) in spelling.members for item in others) else made
