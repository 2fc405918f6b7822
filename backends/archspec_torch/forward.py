"""Writing `forward`: what comes in and what is returned, item by item, the sides of conditions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from archspec.codegen.carried_rows import CarriedRow, carried_rows
from archspec.codegen.conditions import as_elif, is_condition
from archspec.codegen.joined_rows import with_joined_rows
from archspec.codegen.marked_text import Paths, as_marked, inside, join, whole
from archspec.codegen.pretty_printer import (
    INDENT,
    Bracket,
    Code,
    Infix,
    call,
    conditional,
    flat,
    lay_out,
    marked,
    marks,
    one_line,
)
from archspec.codegen.tensor_lists import TensorList, tensor_lists
from archspec.codegen.training_outputs import apart
from archspec.codegen.tree import CallUse, ChoiceUse, Definition, ItemUse, LayerUse, LoopUse, SequenceUse, Tree
from archspec.codegen.variable_allocation import VariableAllocator, uses
from archspec.codegen.walk import held, stops
from archspec.ir.scope import Operand, Result
from archspec_torch.listed_rounds import ListedRounds, listed_rounds
from archspec_torch.ops import ROWS
from archspec_torch.round_statements import RoundStatements, all_parts
from archspec_torch.row_classes import RowClass, is_rolled
from archspec_torch.spelling import ACTIVATION, Spelling
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
    given in training alone: what only they need stands after the `return` of evaluation. Of a class that is a `row`
    there are no lines where its base class's own do.
    """
    tree = definition.tree if row is None or row.forward is None else row.forward
    if row is None and spelling.keyed:
        tree = _with_own_rows(tree, definition, spelling)
    collected = {} if row is not None else tensor_lists(tree, tree.labels)
    plan = _Plan(tree, spelling)
    if row is None and not training and spelling.lists:
        plan = _planned(definition, plan, collected)
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
        kept = [(name, writer.variable(ref, 2)) for name, ref in zip(outputs, evaluated.results, strict=False)]
        returned: Code = kept[0][1] if len(kept) == 1 else _by_name(kept)
        writer.lines += [f"{INDENT * 2}if not self.training:", *lay_out(returned, 3, "return ")]
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


def _writer(definition: Definition, plan: _Plan, collected: Mapping[int, TensorList]) -> _ForwardWriter:
    """What writes the statements of a tree, in which loops begin and end where these do."""
    allocator = VariableAllocator(
        plan.tree,
        definition.budget,
        definition.operands,
        _MODULE_NAMES,
        definition.inputs,
        is_network=definition.is_network,
    )
    return _ForwardWriter(allocator, plan, collected)


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


def _with_loops(writer: _ForwardWriter, loops: Sequence[Turns]) -> list[str]:
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


def _as_expression(then: Sequence[str], other: Sequence[str], name: str, test: str, depth: int) -> list[str]:
    """`shortcut = self.project(y) if self.has_project else x`, where both sides are one line; else nothing."""
    if len(then) != 1 or len(other) != 1:
        return []
    start = f"{INDENT * (depth + 1)}{name} = "
    sides = [line.removeprefix(start) for line in (*then, *other)]
    if sides == [*then, *other] or any("\n" in side or " if " in side for side in sides):
        return []
    lines = lay_out(conditional(sides[0], test, sides[1]), depth, f"{name} = ")
    if len(lines) > 1 + len(then) + 1 + len(other):  # each after its `if` or `else`
        return []
    return [as_marked(line, *then, *other) for line in lines]


def _unpacked(function: Callable[[Sequence[Code]], Code], operands: Sequence[Code]) -> Bracket:
    """The call that a row's function gives, of a list in place of a tuple of the operands."""
    code = function(operands)
    assert isinstance(code, Bracket)
    return replace(code, args=(Bracket("", tuple(operands), "[", "]"), *code.args[1:]))


def _by_name(outputs: Sequence[tuple[str, Code]]) -> Bracket:
    """A dict of outputs."""
    pairs = tuple(whole(f'"{name}": {flat(code)}', *marks(code)) for name, code in outputs)
    return Bracket("", pairs, "{", "}")


class _ForwardWriter(RoundStatements):
    def __init__(self, allocator: VariableAllocator, plan: _Plan, collected: Mapping[int, TensorList]) -> None:
        super().__init__(allocator, plan.spelling, plan.tree, plan.listed)
        self.labels = plan.tree.labels
        """What the spec calls tensors, on the sides of conditions too."""
        listed = {made.turns.starts[0]: made.made for made in plan.listed if made.made is not None}
        self.collecting: Mapping[int, TensorList] = {**collected, **listed}
        """What loops append to lists, by location."""
        self.places: dict[int | None, int] = {place: 0 for turns in plan.loops for place in turns.places}
        """The locations of items before which what is pending is written, and how many lines there are then."""

    def end(self) -> None:
        """All items have been written."""
        if None in self.places:
            self.pause(None)

    def pause(self, location: int | None) -> None:
        """Write what is pending: an iteration of a loop begins or ends here."""
        for ref in list(self.pending):
            self.variable(ref, 2)
        self.begin(location)
        self.places[location] = len(self.lines)

    def items(self, tree: Tree, depth: int) -> None:
        together = {use.location: uses for uses in all_parts(tree, self.spelling) for use in uses}
        rows = {row.items[0].location: row for row in carried_rows(tree, _is_same_call)}
        rows = {place: row for place, row in rows.items() if self.is_all(row, tree)}
        if depth > 2:  # a side of a condition
            self.collecting = {**self.collecting, **tensor_lists(tree, self.labels)}
        in_row = {item.location for row in rows.values() for item in row.items}
        for item in tree.items:
            if depth == 2 and item.location in self.places:
                self.pause(item.location)
            if item.location in in_row:
                if item.location in rows:
                    self.carried(rows[item.location], depth)
            elif item.location not in together:
                self.item(item, depth)
                self.append(item, depth)
            elif together[item.location]:
                self.unpacked(together[item.location], depth)
                together |= {use.location: [] for use in together[item.location]}

    def is_all(self, row: CarriedRow, tree: Tree) -> bool:
        """Whether a row is all that the class holds, an `nn.ModuleDict`: a loop can go through its members."""
        own = {item.location for item in row.items}
        others = (item.location for item in tree.items if item.location not in own)
        return self.spelling.keyed and not any((location,) in self.spelling.members for location in others)

    def item(self, item: ItemUse, depth: int) -> None:
        self.write(item, depth)
        member = self.spelling.members.get((item.location,))
        if member in self.spelling.again and Result(item.location) in self.pending:
            self.variable(Result(item.location), depth)

    def write(self, item: ItemUse, depth: int) -> None:
        """An item's lines, or what is pending of it."""
        match item:
            case ChoiceUse() if item.location in self.spelling.joined:
                names = self.spelling.joined[item.location]
                make = self.member_calls(names)
                # Whose call it is, its member does not say where it serves several, or is one of several activations.
                if [*self.spelling.joined.values()].count(names) > 1 or names == [ACTIVATION]:
                    make = self.with_label(make, held(item))
                taken = [ref for side in (item.then, item.other) for ref in uses(side) if ref == item.operand]
                self.allocator.spend(taken[1:])  # one call stands for both sides
                self.add(item.location, make, (item.operand,), "heavy", held(item), depth)
            case ChoiceUse():
                self.choice(item, depth)
            case LayerUse() if item.results > 1:
                self.pieces(item, depth)
            case LayerUse() if item.location in self.lists:
                self.list_joined(item, depth)
            case LayerUse():
                row = ROWS[item.op.name]
                function = self.spelling.functions.get(item.location)
                make = self.with_label(
                    function or self.member_call(self.spelling.members[(item.location,)]), item.paths
                )
                self.add(item.location, make, item.operands, row.weight, item.paths, depth, row.most_operands)
            case LoopUse() if item.called:
                self.iterations(item, depth)
            case LoopUse() if item.location in self.collecting:
                self.collected(item, self.collecting[item.location], depth)
            case LoopUse() if item.marks:
                self.parts(item, [None, *(mark + 1 for mark in item.marks)], depth)
            case SequenceUse(name="", number=None):  # what the class itself holds
                self.own(item, depth)
            case SequenceUse() if (ends := stops(item.body)) is not None and len(ends) > 1:
                self.parts(item, [None if end == len(item.body.items) else end for end in ends], depth)
            case LoopUse() if len(item.operands) > 1:
                self.loop(item, depth)
            case CallUse() if len(item.definition.tree.results) > 1:
                self.several(item, depth)
            case CallUse() | SequenceUse() | LoopUse():
                member = self.spelling.members[(item.location,)]
                paths: Paths = held(item)
                if member in self.spelling.again:  # what it holds has the places of all calls
                    paths = inside(paths, {*item.paths})
                self.add(item.location, self.member_call(member), item.operands, "heavy", paths, depth)

    def list_joined(self, item: LayerUse, depth: int) -> None:
        """A layer that joins the tensors of a list, and others after them."""
        [found] = (found for found in self.collecting.values() if found.taker == item.location)
        function, tensors = self.spelling.functions[item.location], self.lists[item.location]

        def make(operands: Sequence[Code]) -> Code:
            code = _unpacked(function, operands)
            given = Infix("+", (tensors, code.args[0])) if operands else tensors
            return replace(code, args=(given, *code.args[1:]))

        self.add(item.location, self.with_label(make, item.paths), found.others, "merge", item.paths, depth)
        if Result(item.location) not in self.pending:
            self.allocator.taken.discard(tensors)  # another list may have the name

    def joined(self, merge: LayerUse, parts: Tree, variable: str) -> Code:
        """What all modules that the class itself holds give of a tensor, joined."""
        branch = "branch" if variable != "branch" else "part"
        function = self.spelling.functions[merge.location]
        code = self.with_label(lambda operands: _unpacked(function, operands), merge.paths)(
            [Infix(f"for {branch} in", (call(branch, variable), "self"))]
        )
        return marked(code, merge.paths, held(*parts.items))

    def several(self, item: CallUse, depth: int) -> None:
        """A call that gives several tensors."""
        codes: list[Code] = [self.variable(ref, depth) for ref in item.operands]
        self.allocator.spend(item.operands)
        code = call(self.spelling.member(self.spelling.members[(item.location,)]), *codes)
        names = self.targets(item.location, len(item.definition.tree.results), item.operands)
        self.lines += lay_out(marked(code, item.paths), depth, f"{', '.join(names)} = ")

    def choice(self, item: ChoiceUse, depth: int) -> None:
        """A condition that decides about more than one member."""
        for ref in list(self.pending):
            self.variable(ref, depth)
        name = self.allocator.join(item)
        bodies: list[list[str]] = []
        idle: list[Paths] = []
        before = self.lines
        nothing = Tree((), ())
        for side, unwritten in ((item.then, item.other), (item.other, nothing)):
            self.lines = []
            with self.allocator.side(unwritten):
                idle += self.side(side, name, depth + 1)
            bodies.append(self.lines)
        self.lines = before
        self.allocator.hold(Result(item.location), name)
        (flag, holds), indent = self.spelling.flags.get(item.location, ("", True)), INDENT * depth
        then, otherwise = bodies if holds else bodies[::-1]
        test, opposite = self.tests.get(item.location, (f"self.{flag}", f"not self.{flag}"))
        if lines := _as_expression(then, otherwise, name, test, depth):
            self.lines += [whole(line, *idle) for line in lines]
            return
        head = whole(f"{indent}if {test if then else opposite}:", *idle)
        if then:
            self.lines += [head, *then]
        if then and is_condition(otherwise, depth + 1):
            self.lines += as_elif(otherwise)
        elif otherwise:
            self.lines += [f"{indent}else:" if then else head, *otherwise]

    def side(self, tree: Tree, name: str, depth: int) -> list[Paths]:
        """One side of a condition, which leaves its result in the variable `name`.

        Returns:
            The marks of layers that have nothing to do, so that no line is written for them.
        """
        self.items(tree, depth)
        [result] = tree.results
        code = self.take(result)
        self.allocator.spend(tree.results)
        if flat(code) == name:
            return marks(code)
        self.lines += lay_out(code, depth, f"{name} = ")
        return []


def _with_own_rows(tree: Tree, definition: Definition, spelling: Spelling) -> Tree:
    """The tree with a loop in place of calls in a row that are joined, where the class holds nothing else."""
    made = with_joined_rows(tree, definition, 0)
    others = [item for item in made.items if not is_rolled(item)]
    return tree if any((item.location,) in spelling.members for item in others) else made


def _is_same_call(first: CallUse | SequenceUse, second: CallUse | SequenceUse) -> bool:
    """Whether two members are of one class."""
    return isinstance(first, CallUse) and isinstance(second, CallUse) and first.definition is second.definition
