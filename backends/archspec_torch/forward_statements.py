"""Statements of a `forward`: which calls nest, which get a line of their own, which variable holds what."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from archspec.codegen.marked_text import Paths
from archspec.codegen.pretty_printer import INDENT, WIDTH, Code, call, flat, lay_out, marked, marks
from archspec.codegen.variable_allocation import VariableAllocator
from archspec.ir.scope import Ref, Result
from archspec_torch.nesting import LABEL, Pending, nests
from archspec_torch.ops import Weight
from archspec_torch.spelling import Spelling


class ForwardStatements:
    """Writes them for one class."""

    def __init__(self, allocator: VariableAllocator, spelling: Spelling) -> None:
        self.allocator = allocator
        self.spelling = spelling
        self.pending: dict[Ref, Pending] = {}
        self.lines: list[str] = []
        self.lists: dict[int, str] = {}
        """The variable of the list of tensors that a layer joins, by the layer's location."""

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

    def fits(self, refs: Sequence[Ref], depth: int) -> bool:
        """Whether the expressions of several tensors can be returned in a line."""
        codes = (self.pending[ref].code if ref in self.pending else self.allocator.variable[ref] for ref in refs)
        return len(f"{INDENT * depth}return {', '.join(map(flat, codes))}") <= WIDTH

    def targets(self, location: int, results: int, operands: tuple[Ref, ...]) -> list[str]:
        """A variable for each of several tensors that an item gives; `_` where nothing uses one."""
        refs = [Result(location, index) for index in range(results)]
        return [self.allocator.assign(ref, operands) if self.allocator.uses(ref) else "_" for ref in refs]

    def member_call(self, name: str) -> Callable[[Sequence[Code]], Code]:
        """What writes the call of a member."""
        return lambda operands: call(self.spelling.member(name), *operands)

    def member_calls(self, names: Sequence[str]) -> Callable[[Sequence[Code]], Code]:
        """What writes the calls of members, one of what the other gives."""

        def made(operands: Sequence[Code]) -> Code:
            [code] = operands
            for name in names:
                code = call(self.spelling.member(name), code)
            return code

        return made

    def with_label(self, make: Callable[[Sequence[Code]], Code], *paths: Paths) -> Callable[[Sequence[Code]], Code]:
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
