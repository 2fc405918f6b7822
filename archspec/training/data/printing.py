"""Parts put together into one file: what is needed of `parts/`, printed as it stands.

A part is a module; what it imports from other parts says what it needs. Of each module only those classes, functions
and constants are printed that are mentioned by what is printed. The imports are gathered at the head of the file.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

PARTS: Final = "archspec.training.data.parts"
_WIDTH: Final = 100


@dataclass(frozen=True)
class Piece:
    """A class, a function or a constant at the top of a part."""

    part: str
    name: str
    text: str
    """As it stands, with its decorators, or with the text below that says what a constant is."""
    mentions: frozenset[str]
    """The names in it."""


@dataclass(frozen=True)
class PartSource:
    """A module of `parts/`."""

    name: str
    title: str
    """Its docstring."""
    needs: tuple[str, ...]
    """Other parts."""
    imports: tuple[tuple[str, str], ...]
    """The names that its imports from elsewhere give, each with the statement that imports it alone."""
    pieces: tuple[Piece, ...]


@cache
def part(name: str) -> PartSource:
    """The part of this name."""
    text = (files(PARTS) / f"{name}.py").read_text(encoding="utf-8")
    tree = ast.parse(text)
    lines = text.splitlines()
    needs: list[str] = []
    imports: list[tuple[str, str]] = []
    pieces: list[Piece] = []
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        match node:
            case ast.ImportFrom(module=str(module)) if module.startswith(f"{PARTS}."):
                needs.append(module.removeprefix(f"{PARTS}."))
            case ast.ImportFrom(module=str(module), names=names) if not any(alias.asname for alias in names):
                imports += [(alias.name, f"from {module} import {alias.name}") for alias in names]
            case ast.Import(names=[alias]):
                statement = f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
                imports.append((alias.asname or alias.name, statement))
            case ast.FunctionDef(name=defined) | ast.ClassDef(name=defined):
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                shown = "\n".join(lines[first - 1 : node.end_lineno])
                pieces.append(Piece(name, defined, shown, frozenset(_mentioned(node))))
            case ast.Assign(targets=[ast.Name(id=defined)]) | ast.AnnAssign(target=ast.Name(id=defined)):
                end = after.end_lineno if isinstance(after, ast.Expr) else node.end_lineno
                pieces.append(
                    Piece(name, defined, "\n".join(lines[node.lineno - 1 : end]), frozenset(_mentioned(node)))
                )
            case ast.Expr(value=ast.Constant(value=str())):
                pass  # the docstring, and what is said of constants
            case _:
                raise AssertionError(
                    f"{PARTS}.{name}, line {node.lineno}: only plain imports and definitions can be printed"
                )
    title = (ast.get_docstring(tree) or "").strip()
    return PartSource(name, title, tuple(dict.fromkeys(needs)), tuple(imports), tuple(pieces))


def _mentioned(tree: ast.AST) -> Iterator[str]:
    """Names, those in types that are written as texts, too."""
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name):
                yield name
            case ast.Constant(value=str(text)) if id(node) not in said:
                yield from re.findall(r"\w+", text)
            case _:
                pass


def printed(used: Iterable[str], parts: Iterable[str]) -> str:
    """The source of some names and of all that they mention.

    Args:
        used: names that are defined in parts.
        parts: the parts that may be looked at, besides those that they need.
    """
    ordered = _ordered(parts)
    pieces = {piece.name: piece for each in ordered for piece in each.pieces}
    chosen: set[str] = set()
    waiting = list(used)
    while waiting:
        name = waiting.pop()
        if name in pieces and name not in chosen:
            chosen.add(name)
            waiting += pieces[name].mentions
    statements: list[str] = []
    blocks: list[str] = []
    for each in ordered:
        here = [piece for piece in each.pieces if piece.name in chosen]
        if here:
            names = {name for piece in here for name in piece.mentions} | set(used)
            statements += [statement for name, statement in each.imports if name in names]
            blocks.append(_comment(each.title) + "".join(_separated(here)))
    return _imports(statements) + "\n\n" + "\n\n\n".join(blocks)


def _ordered(names: Iterable[str]) -> list[PartSource]:
    """These parts and all that they need, each after those that it needs."""
    found: dict[str, PartSource] = {}

    def add(name: str) -> None:
        if name not in found:
            for other in sorted(part(name).needs):
                add(other)
            found[name] = part(name)

    for name in sorted(names):
        add(name)
    return list(found.values())


def _comment(title: str) -> str:
    return "\n".join(f"# {line}".rstrip() for line in title.splitlines())


def _separated(pieces: Iterable[Piece]) -> Iterator[str]:
    """Two empty lines above a class or a function and below it, none between constants."""
    before: bool | None = None
    for piece in pieces:
        long = piece.text.startswith(("@", "class ", "def "))
        yield "\n\n\n" if long or before else "\n\n" if before is None else "\n"
        yield piece.text
        before = long


def _imports(statements: Iterable[str]) -> str:
    """Each statement once, as isort has them: modules before names, Python's library before NumPy."""
    plain: set[str] = set()
    members: dict[str, set[str]] = {}
    for statement in statements:
        if statement.startswith("from "):
            module, _, name = statement.removeprefix("from ").partition(" import ")
            members.setdefault(module, set()).add(name)
        else:
            plain.add(statement)
    lines = sorted(plain) + [_members(module, members[module]) for module in sorted(members)]
    groups = [
        [line for line in lines if (line.split()[1].partition(".")[0] == "numpy") == numpy] for numpy in (False, True)
    ]
    return "\n\n".join("\n".join(group) for group in groups if group)


def _members(module: str, names: set[str]) -> str:
    ordered = sorted(names, key=lambda name: (name != name.upper(), name == name.lower(), name))
    line = f"from {module} import {', '.join(ordered)}"
    if len(line) <= _WIDTH:
        return line
    return f"from {module} import (\n" + "".join(f"    {name},\n" for name in ordered) + ")"
