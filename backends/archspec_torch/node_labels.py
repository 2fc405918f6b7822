"""Which step of a `forward` gives the tensor of which node: by the writer of the source, layer by layer."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import lru_cache
from typing import TypeAlias

from archspec.ir.def_use import producer
from archspec.ir.graph import LayerGraph
from archspec_torch.nesting import LABEL
from archspec_torch.source import write
from archspec_torch.turns import ROUND, header

Rounds: TypeAlias = tuple[tuple[str, ...], ...]
"""The nodes whose tensors a step gives each time that it is done, more than once in a loop."""


@dataclass(slots=True)
class NodeLabels:
    """What the `forward` of each container computes: of each module that holds layers, by its path."""

    words: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """The steps of the `forward`; see `word`."""
    nodes: dict[str, dict[int, Rounds]] = field(default_factory=dict[str, "dict[int, Rounds]"])
    """The nodes whose tensors a step gives, by the number of the step: those of each time that it is done."""
    served: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """The nodes that a module serves, by the place of its owner; for those that a `forward` calls by name."""
    idle: set[str] = field(default_factory=set[str])
    """Nodes that have nothing to do: their input is their tensor."""


def steps(code: ast.AST) -> Iterator[ast.AST]:
    """Calls, operators and subscripts of some code, what is inside of one before it."""
    for part in ast.iter_child_nodes(code):
        yield from steps(part)
    match code:
        case ast.Call() | ast.BinOp() | ast.AugAssign(target=ast.Name()) | ast.Subscript(ctx=ast.Load()):
            yield code


def word(step: ast.AST) -> str:
    """What a step does: the same for `self.relu(x)`, `F.relu(x)` and `x.relu_()`, for `x + y` and `x += y`."""
    match step:
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)):
            return name.replace("_", "").lower()
        case ast.BinOp(op=operator) | ast.AugAssign(op=operator):
            return type(operator).__name__.lower()
    return type(step).__name__


@lru_cache
def aligned(ours: Sequence[str], theirs: Sequence[str]) -> dict[int, int]:
    """Which steps of a source that may have been edited stand for which of the source as it was written, by number."""
    found: dict[int, int] = {}
    for how, start, end, their_start, their_end in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if how in ("equal", "replace"):  # of several steps in place of one, the last gives the tensor
            found |= zip(reversed(range(start, end)), reversed(range(their_start, their_end)), strict=False)
    return found


def labels(graph: LayerGraph) -> NodeLabels:
    """The labels of the source that is written for a graph."""
    written = ast.parse(write(graph, labeled=True))
    found = NodeLabels()
    for made in written.body:
        if isinstance(made, ast.ClassDef):
            for function in made.body:
                if isinstance(function, ast.FunctionDef) and function.name == "forward":
                    _note(function, found, graph)
    return found


def _note(function: ast.FunctionDef, found: NodeLabels, graph: LayerGraph) -> None:
    reader = _LabelReader()
    ordered: list[list[ast.AST]] = []
    """Each step, in a loop that of each round."""
    for statement in map(reader.visit, function.body):
        for step in steps(statement):
            _note_member(step, reader, found, graph)
        match statement:
            case ast.With(items=[ast.withitem(ast.Call(ast.Name(id), [ast.Constant(number), *given]))]) if id == ROUND:
                members = _MemberNames(*map(ast.literal_eval, given))
                done = [step for inner in statement.body for step in steps(members.visit(inner))]
                if number == 0:
                    ordered += ([step] for step in steps(members.loop()))
                    ordered += ([] for _ in done)
                for rounds, step in zip(ordered[-len(done) :], done, strict=True):
                    rounds.append(step)
            case _:
                ordered += ([step] for step in steps(statement))
    words = tuple(word(rounds[0]) for rounds in ordered)
    for index, rounds in enumerate(ordered):
        # What is not computed in a round, as a sum with what the round before gave in the first, is no node there.
        computed = [paths for step in rounds if any(paths := reader.labels.get(step, ()))]
        for instance in zip(*(zip(*paths, strict=True) for paths in computed), strict=True):
            container = graph.scope_around(producer(instance[0][0]))
            found.words[container] = words
            found.nodes.setdefault(container, {})[index] = instance
    found.idle |= reader.idle


def _note_member(step: ast.AST, reader: _LabelReader, found: NodeLabels, graph: LayerGraph) -> None:
    """Note which nodes a module serves that a step calls."""
    match step:
        case ast.Call(
            func=ast.Attribute(ast.Name("self"), str(name))
            | ast.Subscript(ast.Name("self"), ast.Constant(str(name)))
            | ast.Call(ast.Name("getattr"), [ast.Name("self"), ast.Constant(str(name))])
        ):
            pass
        case ast.Call(
            func=ast.Subscript(ast.Attribute(ast.Name("self"), str(sequence)), ast.Constant(str() | int() as own))
        ):
            name = f"{sequence}.{own}"
        case _:
            return
    for instance in zip(*reader.labels.get(step, ()), strict=True):
        container = graph.scope_around(producer(instance[0]))
        found.served.setdefault(f"{container}.{name}".lstrip("."), set()).update(instance)


class _MemberNames(ast.NodeTransformer):
    """Puts the names that members have in a loop in place of `self.convs[0]`."""

    def __init__(self, names: dict[str, str], index: str) -> None:
        self.names = names
        self.index = index

    def visit_Subscript(self, code: ast.Subscript) -> ast.AST:
        """The member of a list by its name."""
        self.generic_visit(code)
        match code:
            case ast.Subscript(ast.Attribute(ast.Name("self"), str(sequence))) if sequence in self.names:
                return ast.copy_location(ast.Name(self.names[sequence], ast.Load()), code)
        return code

    def loop(self) -> ast.stmt:
        """The beginning of the loop."""
        [statement] = ast.parse("\n".join([*header(self.names, 0, self.index), "    pass"])).body
        return statement


class _LabelReader(ast.NodeTransformer):
    """Takes the labels out of code, and keeps them by what they stood around."""

    def __init__(self) -> None:
        self.labels: dict[ast.AST, list[list[str]]] = {}
        self.idle: set[str] = set()

    def visit_Call(self, code: ast.Call) -> ast.AST:
        """Take a label away."""
        self.generic_visit(code)
        match code:
            case ast.Call(func=ast.Name(id), args=[inner, *lists]) if id == LABEL:
                paths = [ast.literal_eval(found) for found in lists]
                if isinstance(inner, ast.Name) or inner in self.labels:
                    self.idle.update(*paths)
                else:
                    self.labels[inner] = paths
                return inner
        return code
