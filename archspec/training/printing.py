"""Modules of a training program put together: definitions of parts as they stand, and the imports of what is printed.

A part is a plain module of a backend, linted, typed and tested where it lies. What a module of a program imports is
found from the names in it: from libraries by a backend's list of statements, from the program's other modules by what
those define.
"""

from __future__ import annotations

import ast
import re
import symtable
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from archspec.codegen.pretty_printer import WIDTH, Bracket, lay_out

PARTS: Final = "archspec.training.parts"
"""What is the same in the programs of all backends, one module each."""
_DATA: Final = frozenset({"Batches", "Data", "DataError", "load", "open_data"})
"""What programs use of `data.py`."""


@dataclass(frozen=True, slots=True)
class ProgramModule:
    """A module of a program, without its imports."""

    title: str
    """Its docstring, with the quotes."""
    body: str

    @property
    def defined(self) -> frozenset[str]:
        """The names that others may import."""
        return frozenset(_defined(ast.parse(self.body)))


@cache
def part(package: str, name: str) -> str:
    """The definitions of a part as they stand, without what is said to type checkers.

    Args:
        package: that has the part.
        name: of the part.
    """
    text = (files(package) / f"{name}.py").read_text(encoding="utf-8")
    lines = text.splitlines()
    blocks: list[str] = []
    constants = False
    for node in ast.parse(text).body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Assign):
            continue
        decorators = [] if isinstance(node, ast.Assign) else node.decorator_list
        first = min([node.lineno, *(each.lineno for each in decorators)])
        shown = "\n".join(line.partition("  # type: ignore")[0] for line in lines[first - 1 : node.end_lineno])
        if constants and isinstance(node, ast.Assign):
            blocks[-1] += f"\n{shown}"
        else:
            blocks.append(shown)
        constants = isinstance(node, ast.Assign)
    return "\n\n\n".join(blocks)


def sources(
    modules: Mapping[str, ProgramModule], libraries: Sequence[Sequence[str]], network: str, first: str = ""
) -> dict[str, str]:
    """The files of a program by their names, each with its imports; a module without a body is left out.

    Args:
        modules: by name. Nothing imports the last of them, `train`.
        libraries: groups of statements that import from libraries, in the order of their printing.
        network: what is imported from `model.py`, with `as` where it is called otherwise here.
        first: a statement before all others.
    """
    printed = {name: module for name, module in modules.items() if module.body}
    known = {"data": _DATA, **{name: frozenset(_defined(_shared(name))) for name in ("records", "watching")}}
    known |= {name: module.defined for name, module in printed.items() if name != "train"}
    known["model"] = frozenset({network})
    own = [f"from {name} import {', '.join(sorted(known[name], key=_order))}" for name in sorted(known)]
    found: dict[str, str] = {}
    for name, module in printed.items():
        used = _mentioned(module.body)
        groups = [list(_statements(group, used)) for group in (*libraries, own)]
        imported = "\n\n".join(["\n".join(group) for group in ([first], *groups) if any(group)])
        begins = "\n\n\n" if module.body.startswith(("def ", "class ", "@")) else "\n\n"
        found[f"{name}.py"] = f"{module.title}\n\n{imported}{begins}{module.body.rstrip()}\n"
    return found


def shared_modules(program: Mapping[str, str]) -> dict[str, str]:
    """The modules of all backends' programs that files of a program import, as they stand, by file name."""
    imported = {
        node.module for text in program.values() for node in ast.parse(text).body if isinstance(node, ast.ImportFrom)
    }
    names = [name for name in ("records", "watching") if name in imported]
    return {f"{name}.py": (files(PARTS) / f"{name}.py").read_text(encoding="utf-8") for name in names}


def network_name(name: str, other: str, program: str) -> tuple[str, str]:
    """What a program calls the network, and how that is imported from `model.py`.

    Args:
        name: what the network is called there.
        other: what it is called where the program has another use for that name.
        program: the text that mentions it by the other name.
    """
    if re.search(rf"\b{re.escape(name)}\b", program):
        return other, f"{name} as {other}"
    return name, name


@cache
def _shared(name: str) -> ast.Module:
    return ast.parse((files(PARTS) / f"{name}.py").read_text(encoding="utf-8"))


def _defined(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        names = [node.name] if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
        if isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        yield from (name for name in names if not name.startswith("_"))


def _mentioned(body: str) -> set[str]:
    """The names that a module mentions and does not bind itself, at its top or where they are mentioned."""
    top = symtable.symtable(body, "module", "exec")
    bound = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned()}
    return {*_outer(top)} - bound


def _outer(table: symtable.SymbolTable) -> Iterator[str]:
    yield from (symbol.get_name() for symbol in table.get_symbols() if symbol.is_global())
    for inner in table.get_children():
        yield from _outer(inner)


def _order(name: str) -> tuple[int, str]:
    """As linters sort: constants, classes, the rest."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def _statements(statements: Iterable[str], used: set[str]) -> Iterator[str]:
    """Each statement with the names that are used; none where there are none."""
    for statement in statements:
        head, _, names = statement.rpartition("import ")
        found = [name for name in names.split(", ") if name.split(" as ")[-1].partition(".")[0] in used]
        if found:
            line = f"{head}import {', '.join(found)}"
            yield line if len(line) <= WIDTH else "\n".join(lay_out(Bracket("", tuple(found)), 0, f"{head}import "))
