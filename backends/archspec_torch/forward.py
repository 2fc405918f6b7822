"""Writing `forward`: which calls nest, which get a line of their own, which variable holds what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from archspec.codegen.escaping import attribute, quoted
from archspec.codegen.marked_text import Paths, inside, join, whole
from archspec.codegen.pretty_printer import INDENT, Bracket, Code, Infix, call, flat, lay_out, marked, marks, one_line
from archspec.codegen.training_outputs import apart
from archspec.codegen.tree import CallUse, ChoiceUse, Definition, ItemUse, LayerUse, LoopUse, SequenceUse, Tree
from archspec.codegen.variable_allocation import VariableAllocator, uses
from archspec.codegen.walk import held, stops
from archspec.ir.def_use import value_name
from archspec.ir.scope import Operand, Ref, Result
from archspec_torch.nesting import LABEL, Pending, nests
from archspec_torch.ops import ROWS, Weight
from archspec_torch.row_classes import RowClass

_MODULE_NAMES: Final = ("self", "torch", "F", "Tensor", "layer")
"""What a variable of `forward` may not hide."""


@dataclass(slots=True)
class Spelling:
    """What the class writer has decided about members, by location."""

    members: dict[tuple[int, ...], str] = field(default_factory=dict[tuple[int, ...], str])
    flags: dict[int, tuple[str, bool]] = field(default_factory=dict[int, tuple[str, bool]])
    """Conditions that `forward` has to ask again: the attribute that keeps each, or, if not True, its opposite."""
    joined: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    """Choices that members stand for: layers in one case, identities in the other."""
    functions: dict[int, Callable[[Sequence[Code]], Code]] = field(
        default_factory=dict[int, Callable[[Sequence[Code]], Code]]
    )
    again: set[str] = field(default_factory=set[str])
    """Members that several items are called with: each call has a statement of its own, in the order of the graph."""
    counts: dict[int, str] = field(default_factory=dict[int, str])
    """How often a loop calls its member, where all iterations call the same one."""
    labeled: bool = False
    """Whether `forward` says of each of its layers which expression it is."""
    keyed: bool = False
    """Whether the class is an `nn.ModuleDict`, since the name of a member cannot be an attribute."""

    def member(self, name: str, target: str = "self") -> str:
        """How a member is reached in an instance."""
        return f"{target}[{quoted(name)}]" if self.keyed else attribute(target, name)


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
    writer = _ForwardWriter(
        VariableAllocator(
            tree,
            definition.budget,
            definition.operands,
            _MODULE_NAMES,
            definition.inputs,
            is_network=definition.is_network,
        ),
        spelling,
    )
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
    if outputs:
        taken = _by_name([(name, writer.take(ref)) for name, ref in zip(outputs, tree.results, strict=True)])
        return names, [*writer.lines, *lay_out(taken, 2, "return ")]
    results = [writer.take(ref) for ref in tree.results]
    code = results[0] if len(results) == 1 else join(map(one_line, results), ", ")
    return names, [*writer.lines, *lay_out(code, 2, "return ")]


def _unpacked(function: Callable[[Sequence[Code]], Code], operands: Sequence[Code]) -> Code:
    """The call that a row's function gives, of a list in place of a tuple of the operands."""
    code = function(operands)
    assert isinstance(code, Bracket)
    return replace(code, args=(Bracket("", tuple(operands), "[", "]"), *code.args[1:]))


def _by_name(outputs: Sequence[tuple[str, Code]]) -> Bracket:
    """A dict of outputs."""
    pairs = tuple(whole(f'"{name}": {flat(code)}', *marks(code)) for name, code in outputs)
    return Bracket("", pairs, "{", "}")


class _ForwardWriter:
    def __init__(self, allocator: VariableAllocator, spelling: Spelling) -> None:
        self.allocator = allocator
        self.spelling = spelling
        self.pending: dict[Ref, Pending] = {}
        self.lines: list[str] = []

    def items(self, tree: Tree, depth: int) -> None:
        together = {use.location: uses for uses in _all_parts(tree, self.spelling) for use in uses}
        for item in tree.items:
            if item.location not in together:
                self.item(item, depth)
            elif together[item.location]:
                self.unpacked(together[item.location], depth)
                together |= {use.location: [] for use in together[item.location]}

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
                make = self._members(names)
                if [*self.spelling.joined.values()].count(names) > 1:  # whose call it is, its member does not say
                    make = self._labeled(make, held(item))
                taken = [ref for side in (item.then, item.other) for ref in uses(side) if ref == item.operand]
                self.allocator.spend(taken[1:])  # one call stands for both sides
                self.add(item.location, make, (item.operand,), "heavy", held(item), depth)
            case ChoiceUse():
                self.choice(item, depth)
            case LayerUse() if item.results > 1:
                self.pieces(item, depth)
            case LayerUse():
                row = ROWS[item.op.name]
                function = self.spelling.functions.get(item.location)
                make = self._labeled(function or self._member(self.spelling.members[(item.location,)]), item.paths)
                self.add(item.location, make, item.operands, row.weight, item.paths, depth, row.most_operands)
            case LoopUse() if item.called:
                self.iterations(item, depth)
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
                self.add(item.location, self._member(member), item.operands, "heavy", paths, depth)

    def own(self, item: SequenceUse, depth: int) -> None:
        """The modules that the class itself holds, one after the other."""
        [operand] = item.operands
        carried = self.variable(operand, depth)
        self.allocator.spend(item.operands)
        name = self.allocator.assign(Result(item.location), item.operands)
        if name != carried:
            self.lines.append(f"{INDENT * depth}{name} = {carried}")
        self.lines += self._each("self", name, [], held(item), depth)

    def joined(self, merge: LayerUse, parts: Tree, variable: str) -> Code:
        """What all modules that the class itself holds give of a tensor, joined."""
        branch = "branch" if variable != "branch" else "part"
        function = self.spelling.functions[merge.location]
        code = self._labeled(lambda operands: _unpacked(function, operands), merge.paths)(
            [Infix(f"for {branch} in", (call(branch, variable), "self"))]
        )
        return marked(code, merge.paths, held(*parts.items))

    def _member(self, name: str) -> Callable[[Sequence[Code]], Code]:
        return lambda operands: call(self.spelling.member(name), *operands)

    def _members(self, names: Sequence[str]) -> Callable[[Sequence[Code]], Code]:
        def made(operands: Sequence[Code]) -> Code:
            [code] = operands
            for name in names:
                code = call(self.spelling.member(name), code)
            return code

        return made

    def _labeled(self, make: Callable[[Sequence[Code]], Code], *paths: Paths) -> Callable[[Sequence[Code]], Code]:
        """What writes a layer, or layers that one call gives, with their label where one is wanted."""
        if not self.spelling.labeled:
            return make
        return lambda operands: call(LABEL, make(operands), *(repr([*found]) for found in paths))

    def add(
        self,
        location: int,
        make: Callable[[Sequence[Code]], Code],
        operands: tuple[Ref, ...],
        weight: Weight,
        paths: Paths,
        depth: int,
        most: int | None = None,
    ) -> None:
        """An item becomes pending; what it takes is nested or written first.

        Where it takes more than `most` tensors, it is written in parts.
        """
        sources: list[Ref] = []
        weights: list[Weight] = []
        codes: list[Code] = []
        simple = True
        for ref in operands:
            pending = self.pending.get(ref)
            if pending is not None and self.allocator.uses(ref) == 1 and nests(pending, weight):
                del self.pending[ref]
                self.allocator.spend((ref,))
                codes.append(pending.code)
                sources += pending.sources
                weights += pending.weights
                simple = False
            else:
                codes.append(self.variable(ref, depth))
                sources.append(ref)
        result = Result(location)
        if most is not None and len(codes) > most:
            self.merge(result, make, codes, sources, most, paths, depth)
            return
        code = make(codes)
        kept = {id(mark) for mark in marks(code)}  # a row may have printed an operand, as in `x.transpose(1, 2)`
        lost = [mark for operand in codes for mark in marks(operand) if id(mark) not in kept]
        self.pending[result] = Pending(marked(code, paths, *lost), tuple(sources), (*weights, weight), simple)
        if self.allocator.uses(result) != 1:
            self.variable(result, depth)

    def merge(
        self,
        result: Ref,
        make: Callable[[Sequence[Code]], Code],
        codes: Sequence[Code],
        sources: Sequence[Ref],
        most: int,
        paths: Paths,
        depth: int,
    ) -> None:
        """A merge of very many tensors, `most` in a statement, in their order."""
        so_far = self.allocator.fresh()  # before the tensors are spent: those of later statements are still needed
        code = make(codes[:most])
        for start in range(most, len(codes), most - 1):
            self.lines += lay_out(marked(code, paths), depth, f"{so_far} = ")
            code = make([so_far, *codes[start : start + most - 1]])
        self.allocator.spend(sources)
        name = self.allocator.assign(result, sources)
        self.lines += lay_out(marked(code, paths), depth, f"{name} = ")

    def variable(self, ref: Ref, depth: int) -> str:
        """The variable that holds a tensor; what is pending is written now."""
        pending = self.pending.pop(ref, None)
        if pending is None:
            return self.allocator.variable[ref]
        self.allocator.spend(pending.sources)
        name = self.allocator.assign(ref, pending.sources)
        self.lines += lay_out(pending.code, depth, f"{name} = ")
        return name

    def take(self, ref: Ref) -> Code:
        """A tensor's expression, for `return`."""
        pending = self.pending.pop(ref, None)
        if pending is None:
            return self.allocator.variable[ref]
        self.allocator.spend(pending.sources)
        return pending.code

    def several(self, item: CallUse, depth: int) -> None:
        """A call that gives several tensors."""
        codes: list[Code] = [self.variable(ref, depth) for ref in item.operands]
        self.allocator.spend(item.operands)
        code = call(self.spelling.member(self.spelling.members[(item.location,)]), *codes)
        names = self.targets(item.location, len(item.definition.tree.results), item.operands)
        self.lines += lay_out(marked(code, item.paths), depth, f"{', '.join(names)} = ")

    def targets(self, location: int, results: int, operands: tuple[Ref, ...]) -> list[str]:
        """A variable for each of several tensors that an item gives; `_` where nothing uses one."""
        refs = [Result(location, index) for index in range(results)]
        return [self.allocator.assign(ref, operands) if self.allocator.uses(ref) else "_" for ref in refs]

    def pieces(self, use: LayerUse, depth: int) -> None:
        """A layer that gives several tensors."""
        codes: list[Code] = [self.variable(ref, depth) for ref in use.operands]
        self.allocator.spend(use.operands)
        names = self.targets(use.location, use.results, use.operands)
        paths = [[value_name(path, index) for path in use.paths] for index in range(use.results)]
        make = self.spelling.functions.get(use.location) or self._member(self.spelling.members[(use.location,)])
        code = marked(self._labeled(make, *paths)(codes), use.paths)
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
        make = self._labeled(lambda operands: part(uses[0]).all(*operands), *paths)
        self.lines += lay_out(marked(make([variable]), *paths), depth, f"{', '.join(names)} = ")

    def parts(self, item: LoopUse | SequenceUse, ends: Sequence[int | None], depth: int) -> None:
        """A row of modules with tensors taken out of its middle: called in parts, each a slice that gives one of them.

        `ends` has how many modules lead to each result; None for the last.
        """
        carried, *others = (self.variable(ref, depth) for ref in item.operands)
        indent, start = INDENT * depth, ""
        self.allocator.spend(item.operands[:1])
        before = len(self.lines)
        for index, end in sorted(enumerate(ends), key=lambda pair: (pair[1] is None, pair[1])):
            single = end is not None and end - int(start or 0) == 1
            place = start or "0" if single else f"{start}:{end or ''}"
            part = f"{self.spelling.member(self.spelling.members[(item.location,)])}[{place}]"
            name = self.allocator.assign(Result(item.location, index), () if start else item.operands[:1])
            called = _held_between(item, int(start or 0), end)
            if others and not single:
                if name != carried:
                    self.lines.append(f"{indent}{name} = {carried}")
                self.lines += self._each(part, name, others, called, depth)
            else:
                self.lines += lay_out(marked(call(part, carried, *others), called), depth, f"{name} = ")
            carried, start = name, str(end)
        self.lines[before:] = [whole(line, item.paths) for line in self.lines[before:]]
        self.allocator.spend(item.operands[1:])

    def loop(self, item: LoopUse, depth: int) -> None:
        """Iterations that take more than one tensor: `nn.Sequential` cannot, so they are called one by one."""
        carried, *others = (self.variable(ref, depth) for ref in item.operands)
        self.allocator.spend(item.operands[:1])
        name = self.allocator.assign(
            Result(item.location), item.operands[:1]
        )  # the others live on through all iterations
        self.allocator.spend(item.operands[1:])
        indent = INDENT * depth
        if name != carried:
            self.lines.append(f"{indent}{name} = {carried}")
        self.lines += self._each(
            self.spelling.member(self.spelling.members[(item.location,)]), name, others, held(item), depth
        )

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

    def _each(self, parts: str, name: str, others: Sequence[str], paths: Paths, depth: int) -> list[str]:
        """One module after the other, called on what the one before gave."""
        indent = INDENT * depth
        lines = (f"{indent}for layer in {parts}:", f"{indent}{INDENT}{name} = layer({', '.join([name, *others])})")
        return [whole(line, paths) for line in lines]

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
        head = whole(f"{indent}if self.{flag}:" if then else f"{indent}if not self.{flag}:", *idle)
        if then:
            self.lines += [head, *then]
        if otherwise:
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


def _held_between(item: LoopUse | SequenceUse, start: int, end: int | None) -> Paths:
    """The paths of some of the modules in a row, and of what they hold."""
    if isinstance(item, SequenceUse):
        return held(*item.body.items[start:end])
    return inside(held(item), {path for paths in item.iterations[start:end] for path in paths})


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
