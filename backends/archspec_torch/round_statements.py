"""Statements of rounds that take tensors of a list in turn, carry one along, and append to a list what they give."""

from __future__ import annotations

from collections.abc import Sequence

from archspec.codegen.escaping import variable_name
from archspec.codegen.pretty_printer import INDENT, Code, call, lay_out, marked
from archspec.codegen.singular import singular
from archspec.codegen.tensor_lists import MOST_NAMED
from archspec.codegen.tree import ItemUse, LayerUse, LoopUse, Tree
from archspec.codegen.variable_allocation import VariableAllocator
from archspec.ir.def_use import value_name
from archspec.ir.scope import Ref, Result
from archspec_torch.listed_rounds import ListedRounds
from archspec_torch.ops import ROWS
from archspec_torch.round_inputs import list_name
from archspec_torch.row_statements import RowStatements
from archspec_torch.spelling import Spelling


class RoundStatements(RowStatements):
    """Writes them for one class."""

    def __init__(
        self, allocator: VariableAllocator, spelling: Spelling, tree: Tree, loops: Sequence[ListedRounds]
    ) -> None:
        super().__init__(allocator, spelling)
        self.splits, self.in_turn = _taken_in_turn(tree, spelling)
        for made in loops:
            self.splits |= made.splits
            self.in_turn |= {Result(split, number) for split in made.splits for number in range(len(made.results))}
        """The lists that layers give, by location; those of their tensors that are taken in turn are `in_turn`."""
        self.tests = {location: test for made in loops for location, test in made.tests.items()}
        """What is asked in place of a condition's own attribute, and the opposite of it."""
        for ref in (ref for made in loops for ref in made.inside):
            self.allocator.labels.pop(ref, None)
        self.begins = {made.turns.starts[0]: made for made in loops}
        self.ends = {made.turns.end: made for made in loops}
        self.appended: dict[Ref, tuple[str, bool]] = {}
        """The lists to which tensors are appended, and whether the tensor is carried on as well."""
        self.allocator.taken.update(self.splits.values())
        self.allocator.left.update(made.start for made in loops if made.start is not None)  # where a loop begins

    def begin(self, location: int | None) -> None:
        """What stands before a loop, where one starts here; where one ends, its variables are free."""
        if (ended := self.ends.get(location)) is not None:
            self.allocator.kept -= {self.allocator.labels[ref] for ref in ended.carried}
        if location is None or (made := self.begins.get(location)) is None:
            return
        tensors = self._list(made)
        if made.start is None:
            return
        before = self.variable(made.start, 2)
        self.allocator.spend([made.start])
        single = singular(tensors)
        name = self.allocator.fresh([variable_name(single, self.allocator.taken) if single != tensors else before])
        self.allocator.labels |= dict.fromkeys(made.carried, name)
        self.allocator.kept.add(name)
        self.allocator.hold(made.entering, name)
        if name != before:
            self.lines.append(f"{INDENT * 2}{name} = {before}")

    def _list(self, made: ListedRounds) -> str:
        """The variable of the list to which a loop's rounds append, which is empty at first."""
        if made.made is None:
            return ""
        used = {*self.allocator.taken, *self.allocator.kept, *self.allocator.live()}
        name = self.lists[made.made.taker] = variable_name(made.made.name, used)
        self.allocator.taken.add(name)
        self.appended |= dict.fromkeys(made.results, (name, bool(made.carried)))
        self.lines.append(f"{INDENT * 2}{name} = []")
        return name

    def append(self, item: ItemUse, depth: int) -> None:
        """Append what an item gives, if it is the last of a round that does so."""
        ref = Result(item.location)
        if ref not in self.appended:
            return
        name, is_carried = self.appended[ref]
        code: Code = self.variable(ref, depth) if is_carried else self.take(ref)
        self.lines += lay_out(call(f"{name}.append", code), depth)
        self.allocator.spend([ref])

    def pieces(self, use: LayerUse, depth: int) -> None:
        """A layer that gives several tensors: each in a variable, or all in a list where rounds take them in turn."""
        codes: list[Code] = [self.variable(ref, depth) for ref in use.operands]
        self.allocator.spend(use.operands)
        paths = [[value_name(path, index) for path in use.paths] for index in range(use.results)]
        make = self.spelling.functions.get(use.location) or self.member_call(self.spelling.members[(use.location,)])
        code = marked(self.with_label(make, *paths)(codes), use.paths)
        if use.location not in self.splits:
            names = self.targets(use.location, use.results, use.operands)
            self.lines += lay_out(code, depth, f"{', '.join(names)} = ")
            return
        tensors = self.splits[use.location]
        for ref in (Result(use.location, index) for index in range(use.results)):
            is_last = ref.index == use.results - 1 and ref not in self.in_turn
            self.allocator.hold(ref, f"{tensors}[{-1 if is_last else ref.index}]")
        self.lines += lay_out(code, depth, f"{tensors} = ")

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


def _taken_in_turn(tree: Tree, spelling: Spelling) -> tuple[dict[int, str], set[Ref]]:
    """The layers that give lists from which modules in a row take one tensor each, by location, and those tensors.

    Each comes with what its list is called. So have those that give more tensors than are read by a name each.
    """
    found: dict[int, str] = {}
    taken: set[Ref] = set()
    layers = {item.location: item for item in tree.items if isinstance(item, LayerUse) and item.results > 1}
    for item in tree.items:
        if not isinstance(item, LoopUse) or not item.columns:
            continue
        for column in zip(*item.own, strict=True):
            first = column[0]
            layer = layers.get(first.location) if isinstance(first, Result) else None
            if layer is None or layer.location not in spelling.functions or not isinstance(first, Result):
                continue
            if column == tuple(Result(first.location, first.index + k) for k in range(len(column))):
                found[layer.location] = list_name(tree, layer)
                taken |= {*column}
    many = [layer for layer in layers.values() if layer.results > MOST_NAMED and layer.location in spelling.functions]
    return {layer.location: list_name(tree, layer) for layer in many} | found, taken


def all_parts(tree: Tree, spelling: Spelling) -> list[list[LayerUse]]:
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
