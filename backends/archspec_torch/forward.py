"""Writing `forward`: what comes in and what is returned, item by item, the sides of conditions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
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
from archspec.ir.def_use import value_name
from archspec.ir.scope import Operand, Ref, Result
from archspec_torch.ops import ROWS
from archspec_torch.row_classes import RowClass, is_rolled
from archspec_torch.row_statements import RowStatements
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
    found: list[Turns] = []
    if row is None and not training and spelling.lists:
        found = _loops(definition, tree, replace(spelling, labeled=False), collected)
        spelling.looped |= {name for turns in found for name in turns.names}
    writer = _writer(definition, tree, spelling, found, collected)
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


def _writer(
    definition: Definition, tree: Tree, spelling: Spelling, loops: Sequence[Turns], collected: Mapping[int, TensorList]
) -> _ForwardWriter:
    """What writes the statements of a tree, in which loops begin and end where these do."""
    allocator = VariableAllocator(
        tree,
        definition.budget,
        definition.operands,
        _MODULE_NAMES,
        definition.inputs,
        is_network=definition.is_network,
    )
    places = {place: 0 for turns in loops for place in turns.places}
    return _ForwardWriter(allocator, spelling, tree.labels, collected, places)


def _loops(definition: Definition, tree: Tree, spelling: Spelling, collected: Mapping[int, TensorList]) -> list[Turns]:
    """The loops over members that are called in turn: what they are written as is the same in each round."""
    plain = _writer(definition, tree, spelling, (), collected)
    plain.items(tree, 2)
    plain.end()
    taken = [*_MODULE_NAMES, *re.findall(r"(?<![\w.])\w+", " ".join(plain.lines)), *plain.allocator.kept]
    chosen: list[Turns] = []
    for possible in candidates(tree, spelling.lists, taken):
        for turns in possible:
            writer = _writer(definition, tree, spelling, (*chosen, turns), collected)
            writer.items(tree, 2)
            writer.end()
            if loop(writer.lines, [writer.places[place] for place in turns.places], turns, 2) is not None:
                chosen.append(turns)
                break
    return chosen


def _with_loops(writer: _ForwardWriter, loops: Sequence[Turns]) -> list[str]:
    """The lines with these loops; in labeled source round by round, each with what says so around it."""
    lines = writer.lines
    for turns in sorted(loops, key=lambda turns: -writer.places[turns.starts[0]]):
        ends = [writer.places[place] for place in turns.places]
        written = loop(lines, ends, turns, 2)
        if writer.spelling.labeled:
            written = []
            for number, some in enumerate(rounds(lines, ends)):
                written.append(f"{INDENT * 2}with {ROUND}({number}, {dict(turns.names)!r}):")
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


class _ForwardWriter(RowStatements):
    def __init__(
        self,
        allocator: VariableAllocator,
        spelling: Spelling,
        labels: Mapping[Ref, str],
        collected: Mapping[int, TensorList],
        places: dict[int | None, int],
    ) -> None:
        super().__init__(allocator, spelling)
        self.labels = labels
        """What the spec calls tensors, on the sides of conditions too."""
        self.collecting = collected
        """What loops append to lists, by location."""
        self.places = places
        """The locations of items before which what is pending is written, and how many lines there are then."""

    def end(self) -> None:
        """All items have been written."""
        if None in self.places:
            self.pause(None)

    def pause(self, location: int | None) -> None:
        """Write what is pending: an iteration of a loop begins or ends here."""
        for ref in list(self.pending):
            self.variable(ref, 2)
        self.places[location] = len(self.lines)

    def items(self, tree: Tree, depth: int) -> None:
        together = {use.location: uses for uses in _all_parts(tree, self.spelling) for use in uses}
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

    def pieces(self, use: LayerUse, depth: int) -> None:
        """A layer that gives several tensors."""
        codes: list[Code] = [self.variable(ref, depth) for ref in use.operands]
        self.allocator.spend(use.operands)
        names = self.targets(use.location, use.results, use.operands)
        paths = [[value_name(path, index) for path in use.paths] for index in range(use.results)]
        make = self.spelling.functions.get(use.location) or self.member_call(self.spelling.members[(use.location,)])
        code = marked(self.with_label(make, *paths)(codes), use.paths)
        self.lines += lay_out(code, depth, f"{', '.join(names)} = ")

    def unpacked(self, uses: Sequence[LayerUse], depth: int) -> None:
        """Layers that give all parts of one tensor: one call."""
        part = ROWS[uses[0].op.name].part
        assert part is not None
        [operand] = uses[0].operands
        variable = self.variable(operand, depth)
        for use in uses:
            self.allocator.spend(use.operands)
        names = [self.allocator.assign(Result(use.location), (operand,)) for use in uses]
        paths = [use.paths for use in uses]
        make = self.with_label(lambda operands: part(uses[0]).all(*operands), *paths)
        self.lines += lay_out(marked(make([variable]), *paths), depth, f"{', '.join(names)} = ")

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
        (flag, holds), indent = self.spelling.flags[item.location], INDENT * depth
        then, otherwise = bodies if holds else bodies[::-1]
        if lines := _as_expression(then, otherwise, name, f"self.{flag}", depth):
            self.lines += [whole(line, *idle) for line in lines]
            return
        head = whole(f"{indent}if self.{flag}:" if then else f"{indent}if not self.{flag}:", *idle)
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


def _all_parts(tree: Tree, spelling: Spelling) -> list[list[LayerUse]]:
    """The layers of a tree that together give all parts of one tensor, in order."""
    found: dict[tuple[object, ...], dict[int, LayerUse]] = {}
    for item in tree.items:
        row = ROWS[item.op.name] if isinstance(item, LayerUse) else None
        if row is not None and row.part is not None and item.location in spelling.functions:
            assert isinstance(item, LayerUse)
            if item.results > 1:  # it gives all parts itself
                continue
            part = row.part(item)
            found.setdefault((item.op, item.operands, part.count), {}).setdefault(part.index, item)
    return [[uses[index] for index in sorted(uses)] for (*_, count), uses in found.items() if len(uses) == count != 1]
