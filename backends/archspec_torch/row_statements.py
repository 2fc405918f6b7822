"""Statements that call modules in a row: those that a class holds itself, parts of a row, iterations."""

from __future__ import annotations

import re
from collections.abc import Sequence

from archspec.codegen.carried_rows import CarriedRow
from archspec.codegen.escaping import variable_name
from archspec.codegen.marked_text import Paths, inside, whole
from archspec.codegen.pretty_printer import INDENT, call, lay_out, marked
from archspec.codegen.tensor_lists import TensorList
from archspec.codegen.tree import LoopUse, SequenceUse
from archspec.codegen.walk import held
from archspec.ir.scope import Result
from archspec_torch.forward_statements import ForwardStatements


class RowStatements(ForwardStatements):
    """Writes them for one class."""

    def own(self, item: SequenceUse, depth: int) -> None:
        """The modules that the class itself holds, one after the other."""
        [operand] = item.operands
        carried = self.variable(operand, depth)
        self.allocator.spend(item.operands)
        name = self.allocator.assign(Result(item.location), item.operands)
        if name != carried:
            self.lines.append(f"{INDENT * depth}{name} = {carried}")
        self.lines += self.each("self", name, [], held(item), depth)

    def parts(self, item: LoopUse | SequenceUse, ends: Sequence[int | None], depth: int) -> None:
        """A row of modules with tensors taken out of its middle.

        Each is called by its place where a tensor is taken after every one of them, and otherwise all in one loop that
        notes what is taken: TorchScript calls no slice of modules, and torch.fx knows none.

        `ends` has how many modules lead to each result; None for the last.
        """
        if isinstance(item, LoopUse) and item.columns:
            self.one_by_one(item, depth)
            return
        carried, *others = (self.variable(ref, depth) for ref in item.operands)
        indent = INDENT * depth
        count = len(item.body.items) if isinstance(item, SequenceUse) else len(item.iterations)
        self.allocator.spend(item.operands[:1])
        before = len(self.lines)
        row = self.spelling.member(self.spelling.members[(item.location,)])
        stops = sorted((count if end is None else end, index) for index, end in enumerate(ends))
        if [stop for stop, _ in stops] == [*range(1, count + 1)]:
            for place, (_, index) in enumerate(stops):
                name = self.allocator.assign(Result(item.location, index), () if place else item.operands[:1])
                code = marked(call(f"{row}[{place}]", carried, *others), _held_between(item, place, place + 1))
                self.lines += lay_out(code, depth, f"{name} = ")
                carried = name
        else:
            taken = {stop: self.allocator.assign(Result(item.location, index)) for stop, index in stops[:-1]}
            last = self.allocator.assign(Result(item.location, stops[-1][1]), item.operands[:1])
            starts = [name for name in (*taken.values(), last) if name != carried]
            self.lines.append(f"{indent}{' = '.join([*starts, carried])}")
            held_names = {*taken.values(), last, *others}
            counter = variable_name(
                "i", {*self.allocator.taken, *self.allocator.kept, *self.allocator.live(), *held_names}
            )
            self.lines.append(f"{indent}for {counter}, layer in enumerate({row}):")
            self.lines.append(f"{indent}{INDENT}{last} = layer({', '.join([last, *others])})")
            for place, (stop, name) in enumerate(taken.items()):
                self.lines.append(f"{indent}{INDENT}{'elif' if place else 'if'} {counter} == {stop - 1}:")
                self.lines.append(f"{indent}{INDENT * 2}{name} = {last}")
            self.lines[before:] = [whole(line, held(item)) for line in self.lines[before:]]
        self.lines[before:] = [whole(line, item.paths) for line in self.lines[before:]]
        self.allocator.spend(item.operands[1:])

    def collected(self, item: LoopUse, found: TensorList, depth: int) -> None:
        """Iterations called one by one, each result appended to a list; it begins with what is joined before them."""
        first = item.operands[: item.is_chain]
        carried = [self.variable(ref, depth) for ref in first]
        own = not item.name and item.number is None  # all that the class holds
        parts = "self.values()" if own else self.spelling.member(self.spelling.members[(item.location,)])
        header, others = self.turn(item, parts, depth)
        starts = [self.variable(ref, depth) for ref in found.starts]
        self.allocator.spend((*first, *found.starts))
        indent, before = INDENT * depth, len(self.lines)
        tensors = self.lists[found.taker] = variable_name(
            found.name, {*self.allocator.taken, *self.allocator.kept, *self.allocator.live(), *others}
        )
        self.allocator.taken.add(tensors)
        self.lines.append(f"{indent}{tensors} = [{', '.join(starts)}]")
        in_place = found.last_is_alone and (not carried or found.starts[-1:] == first)
        name = f"{tensors}[-1]" if in_place else self.allocator.fresh(carried)
        self.allocator.hold(Result(item.location), name)
        if [name] != carried and carried and not in_place:
            self.lines.append(f"{indent}{name} = {carried[0]}")
        self.lines.append(f"{indent}{header}")
        called = f"layer({', '.join([*([name] if carried else []), *others])})"
        self.lines += [] if in_place else [f"{indent}{INDENT}{name} = {called}"]
        self.lines.append(f"{indent}{INDENT}{tensors}.append({called if in_place else name})")
        self.lines[before:] = [whole(line, held(item)) for line in self.lines[before:]]
        self.allocator.spend(item.operands[len(first) :])
        self.allocator.spend(found.items)

    def carried(self, row: CarriedRow, depth: int) -> None:
        """All members of the class, each called on what the one before gives, which are several tensors."""
        first, last = row.items[0], row.items[-1]
        codes = [self.variable(ref, depth) for ref in first.operands]
        starts = {index: self.variable(ref, depth) for index, ref in row.starts().items()}
        ends = [Result(last.location, index) for index in range(row.results)]
        self.allocator.left.update(ends[index] for index in row.carried)  # each is needed by the next member
        self.allocator.spend(row.starts().values())
        targets = [self.allocator.assign(ref) if self.allocator.uses(ref) else "_" for ref in ends]
        self.allocator.spend(ends[index] for index in row.carried)
        self.allocator.spend(ref for ref, index in zip(first.operands, row.taken, strict=True) if index is None)
        indent, before = INDENT * depth, len(self.lines)
        given = [(targets[index], start) for index, start in starts.items() if targets[index] != start]
        if given:
            names, tensors = ([pair[side] for pair in given] for side in (0, 1))
            self.lines.append(f"{indent}{', '.join(names)} = {', '.join(tensors)}")
        taken = [code if index is None else targets[index] for code, index in zip(codes, row.taken, strict=True)]
        self.lines.append(f"{indent}for layer in self.values():")
        self.lines.append(f"{indent}{INDENT}{', '.join(targets)} = layer({', '.join(taken)})")
        self.lines[before:] = [whole(line, held(*row.items)) for line in self.lines[before:]]

    def loop(self, item: LoopUse, depth: int) -> None:
        """Iterations that take more than one tensor: `nn.Sequential` cannot, so they are called one by one."""
        first = item.operands[: item.is_chain]
        carried = [self.variable(ref, depth) for ref in first]
        header, others = self.turn(item, self.spelling.member(self.spelling.members[(item.location,)]), depth)
        self.allocator.spend(first)
        name = self.allocator.assign(Result(item.location), first)  # the others live on through all iterations
        self.allocator.spend(item.operands[len(first) :])
        indent = INDENT * depth
        if carried and [name] != carried:
            self.lines.append(f"{indent}{name} = {carried[0]}")
        called = f"{name} = layer({', '.join([*([name] if carried else []), *others])})"
        self.lines += [whole(line, held(item)) for line in (f"{indent}{header}", f"{indent}{INDENT}{called}")]

    def turn(self, item: LoopUse, parts: str, depth: int) -> tuple[str, list[str]]:
        """The header of a loop over the modules of a row, and what each takes besides what is carried along.

        Where each takes a tensor of its own, that is one of a list by the number of the module, or one of several in
        turn.
        """
        common = [self.variable(ref, depth) for ref in item.common]
        if not item.columns:
            return f"for layer in {parts}:", common
        columns = [[self.variable(ref, depth) for ref in column] for column in zip(*item.own, strict=True)]
        live = {*self.allocator.taken, *self.allocator.kept, *self.allocator.live()}
        lists = [_in_list(names) for names in columns]
        if all(lists):
            index = variable_name("i", live)
            own = [f"{name}[{index}{f' + {start}' if start else ''}]" for name, start in filter(None, lists)]
            return f"for {index}, layer in enumerate({parts}):", [*common, *own]
        own = []
        for names in columns:
            label = next((found for ref in names if (found := re.sub(r"s?_\d+$", "", ref)) != ref), "tensor")
            own.append(variable_name(label, {*live, *own}))
        over = ", ".join(f"({', '.join(names)})" for names in columns)
        return f"for layer, {', '.join(own)} in zip({parts}, {over}):", [*common, *own]

    def one_by_one(self, item: LoopUse, depth: int) -> None:
        """Iterations that take a tensor of their own each, some of which give tensors that others take."""
        member = self.spelling.member(self.spelling.members[(item.location,)])
        last = len(item.iterations) - 1
        given = {last: Result(item.location)} | {
            mark: Result(item.location, index) for index, mark in enumerate(item.marks, start=1)
        }
        carried = [self.variable(ref, depth) for ref in item.operands[: item.is_chain]]
        common = [self.variable(ref, depth) for ref in item.common]
        before = len(self.lines)
        for number, refs in enumerate(item.own):
            taken = [*carried, *common, *(self.variable(ref, depth) for ref in refs)]
            self.allocator.spend(refs)
            ref = given.get(number)
            name = self.allocator.fresh() if ref is None else self.allocator.assign(ref)
            self.lines += lay_out(call(f"{member}[{number}]", *taken), depth, f"{name} = ")
            carried = [name][: item.is_chain]
        self.lines[before:] = [whole(line, held(item)) for line in self.lines[before:]]
        self.allocator.spend((*item.operands[: item.is_chain], *item.common))

    def iterations(self, item: LoopUse, depth: int) -> None:
        """Iterations that all call one member, up to each that gives a further result, and to the last."""
        carried, *others = (self.variable(ref, depth) for ref in item.operands)
        self.allocator.spend(item.operands[:1])
        indent, count, start = INDENT * depth, self.spelling.counts[item.location], 0
        stops = sorted((mark + 1, index) for index, mark in enumerate(item.marks, start=1))
        before = len(self.lines)
        for stop, index in (*stops, (None, 0)):
            name = self.allocator.assign(
                Result(item.location, index), item.operands[:1] if index == 0 and not stops else ()
            )
            times = str(stop - start) if stop is not None else f"{count} - {start}" if start else count
            if times.isdigit() or count.isdigit():
                times = str((int(count) if stop is None else stop) - start)
            member = self.spelling.member(self.spelling.members[(item.location,)])
            code = call(member, carried if times == "1" else name, *others)
            if times != "1":
                self.lines += [f"{indent}{name} = {carried}"] if name != carried else []
                self.lines.append(f"{indent}for _ in range({times}):")
            self.lines += lay_out(code, depth + (times != "1"), f"{name} = ")
            carried, start = name, stop or 0
        self.lines[before:] = [whole(line, held(item)) for line in self.lines[before:]]
        self.allocator.spend(item.operands[1:])

    def each(self, parts: str, name: str, others: Sequence[str], paths: Paths, depth: int) -> list[str]:
        """One module after the other, called on what the one before gave."""
        indent = INDENT * depth
        lines = (f"{indent}for layer in {parts}:", f"{indent}{INDENT}{name} = layer({', '.join([name, *others])})")
        return [whole(line, paths) for line in lines]


def _in_list(names: Sequence[str]) -> tuple[str, int] | None:
    """The list and the place of the first, where tensors are the neighbors of one; None where they are not."""
    found = [re.fullmatch(r"(\w+)\[(\d+)\]", name) for name in names]
    places = [(match[1], int(match[2])) for match in found if match is not None]
    if len(places) < len(names) or places != [(places[0][0], places[0][1] + k) for k in range(len(names))]:
        return None
    return places[0]


def _held_between(item: LoopUse | SequenceUse, start: int, end: int | None) -> Paths:
    """The paths of some of the modules in a row, and of what they hold."""
    if isinstance(item, SequenceUse):
        return held(*item.body.items[start:end])
    return inside(held(item), {path for paths in item.iterations[start:end] for path in paths})
