"""Statements of a `forward`, item by item: calls, several results, lists, the sides of conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from archspec.codegen.carried_rows import CarriedRow, carried_rows
from archspec.codegen.conditions import as_elif, is_condition
from archspec.codegen.marked_text import Paths, as_marked, inside, whole
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
)
from archspec.codegen.tensor_lists import TensorList, tensor_lists
from archspec.codegen.tree import CallUse, ChoiceUse, ItemUse, LayerUse, LoopUse, SequenceUse, Tree
from archspec.codegen.variable_allocation import VariableAllocator, uses
from archspec.codegen.walk import held, stops
from archspec.errors import InternalError
from archspec.ir.scope import Result
from archspec_torch.listed_rounds import ListedRounds
from archspec_torch.ops import ROWS
from archspec_torch.round_statements import RoundStatements, all_parts
from archspec_torch.spelling import ACTIVATION, Spelling


class ItemStatements(RoundStatements):
    """Writes them for one class."""

    def __init__(
        self,
        allocator: VariableAllocator,
        spelling: Spelling,
        tree: Tree,
        listed: Sequence[ListedRounds],
        collected: Mapping[int, TensorList],
        places: dict[int | None, int],
    ) -> None:
        super().__init__(allocator, spelling, tree, listed)
        self.labels = tree.labels
        """What the spec calls tensors, on the sides of conditions too."""
        made = {rounds.turns.starts[0]: rounds.made for rounds in listed if rounds.made is not None}
        self.collecting: Mapping[int, TensorList] = {**collected, **made}
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
        self.begin(location)
        self.places[location] = len(self.lines)

    def items(self, tree: Tree, depth: int) -> None:
        """The items of a class, or of a side of a condition, in order."""
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
        """An item's lines; what calls a member that others call too has lines of its own."""
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
            case LoopUse() if item.is_listed:
                raise InternalError(f"what the iterations of {item.paths[0]} give was to be a list")
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


def _is_same_call(first: CallUse | SequenceUse, second: CallUse | SequenceUse) -> bool:
    """Whether two members are of one class."""
    return isinstance(first, CallUse) and isinstance(second, CallUse) and first.definition is second.definition
