"""Statements of rows whose parts hand on several tensors: one loop."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from archspec.codegen.carried_rows import CarriedRow, Part, carried_rows
from archspec.codegen.escaping import label_variable
from archspec.codegen.merging import likeness, united
from archspec.codegen.rolled import counted_name
from archspec.codegen.tree import CallUse, ChoiceUse, ItemUse, LayerUse, SequenceUse, Tree, iteration_names
from archspec.codegen.walk import loops
from archspec.ir.scope import Result
from archspec_keras.layer_names import pattern_parts
from archspec_keras.loop_statements import LoopStatements, written_arguments


class CarriedStatements(LoopStatements):
    """Writes them."""

    def _rows(self, tree: Tree) -> list[CarriedRow]:
        """The rows of a tree whose names count; none of what is called again."""
        rows = carried_rows(tree, _alike)
        return [
            row
            for row in rows
            if _counts(row) and not any(map(self.shared.has, row.items)) and not loops(Tree(row.items, ()))
        ]

    def _carried(self, row: CarriedRow) -> None:
        """A loop over the parts of a row."""
        first, last = row.items[0], row.items[-1]
        named, ends = counted_name(first), [Result(last.location, index) for index in range(row.results)]
        assert named is not None
        held = [self.allocator.variable[ref] for ref in first.operands]
        starts = {index: self.allocator.variable[ref] for index, ref in row.starts().items()}
        self.allocator.left.update(ends[index] for index in row.carried)  # each is needed by the next part
        self.allocator.spend(ref for ref, index in zip(first.operands, row.taken, strict=True) if index is not None)
        targets = [self._target(ref, last) if self.allocator.uses(ref) else "_" for ref in ends]
        given = [(targets[index], start) for index, start in starts.items() if targets[index] != start]
        if any(target in (start for _, start in given) for target, _ in given):
            self._emit(", ".join(target for target, _ in given), ", ".join(start for _, start in given))
        else:
            for target, start in given:
                self._emit(target, start)
        taken = [variable if index is None else targets[index] for variable, index in zip(held, row.taken, strict=True)]
        counter = self.printer.spelled[iteration_names(self.loops + 1)[0]]
        self._emit("", f"for {counter} in range({len(row.items)}):")
        self.loops += 1
        with self._part(None) as lines:
            self._carried_part(row, targets, taken, named.pattern(len(row.items)), counter)
        self.lines += lines
        self.loops -= 1
        self.allocator.spend(ends[index] for index in row.carried)
        self.allocator.spend(ref for ref, index in zip(first.operands, row.taken, strict=True) if index is None)

    def _target(self, ref: Result, last: Part) -> str:
        """The variable of what is handed on: the spec's word for it, here or in the part that gives it."""
        tree = last.definition.tree if isinstance(last, CallUse) else last.body
        label = tree.labels.get(tree.results[ref.index])
        own = label_variable(label, self.allocator.taken) if label and isinstance(last, SequenceUse) else None
        if self.allocator.labeled(ref) is None and own is not None and own not in self.allocator.live():
            return self.allocator.hold(ref, own)
        return self._assign(ref, ())

    def _carried_part(self, row: CarriedRow, targets: list[str], taken: list[str], pattern: str, counter: str) -> None:
        item = united(row.items[1], [*row.items[:1], *row.items[2:]])
        name = self.prefix.then(*pattern_parts(pattern, counter, self.definition.budget))
        if isinstance(item, CallUse):
            self._emit(", ".join(targets), self._called(item, taken, name))
            return
        assert isinstance(item, SequenceUse)
        around = self.allocator.live() - {*targets} | {variable for variable in taken if variable not in targets}
        results = self._inline(item, name, taken, self.allocator.taken | around)
        moved = [(target, found) for target, found in zip(targets, results, strict=True) if target not in ("_", found)]
        if moved:
            self._emit(", ".join(target for target, _ in moved), ", ".join(found for _, found in moved))


def _counts(row: CarriedRow) -> bool:
    """Whether the names of a row's parts are one after the other."""
    names = [counted_name(item) for item in row.items]
    return all(
        first is not None and second == first._replace(place=first.place + 1) for first, second in pairwise(names)
    )


def _alike(first: Part, second: Part) -> bool:
    """Whether two parts are written alike: Keras's layers find out what arrives."""
    one, other = (without_widths(replace(item, operands=())) for item in (first, second))
    return type(one) is type(other) and likeness(one) == likeness(other)


def without_widths(item: ItemUse) -> ItemUse:
    """An item without the channels that arrive, of which nothing is written."""
    match item:
        case LayerUse():
            return replace(item, features=())
        case CallUse():
            return replace(item, arguments=written_arguments(item))
        case SequenceUse():
            return replace(item, body=_treewithout_widths(item.body))
        case ChoiceUse():
            then, other = _treewithout_widths(item.then), _treewithout_widths(item.other)
            return replace(item, then=then, other=other)
        case _:
            return item


def _treewithout_widths(tree: Tree) -> Tree:
    return replace(tree, items=tuple(map(without_widths, tree.items)))
