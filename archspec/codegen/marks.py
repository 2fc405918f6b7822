"""Text that knows which of its lines are there because of which layers.

Whoever prints a layer knows its paths, so they are carried along with what is printed. Nobody has to read the source
again to find them. The text itself is the same with marks and without.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TypeAlias

Paths: TypeAlias = Sequence[str]
"""The paths of nodes and scopes, in all instances of what is printed once. Whoever gave a list may still add to it."""
Mark: TypeAlias = tuple[int, int, Paths]
"""The first and last line of a part of a text, counted from 0, and what it is there for."""


class Marked(str):
    """A text with marks. It is equal to the same text without them."""

    marks: tuple[Mark, ...]

    def __new__(cls, text: str, marks: Iterable[Mark]) -> Marked:
        """`text`, some of whose lines are there for what `marks` say."""
        self = super().__new__(cls, text)
        self.marks = tuple(marks)
        return self

    def __str__(self) -> str:
        return self  # where Jinja prints it, the marks stay


def marks_of(text: str) -> tuple[Mark, ...]:
    """The marks of a text, if it has any."""
    return text.marks if isinstance(text, Marked) else ()


def whole(text: str, *paths: Paths) -> str:
    """The text, all of whose lines are also there for these paths."""
    last = text.count("\n")
    return Marked(text, (*marks_of(text), *((0, last, found) for found in paths))) if paths else text


def as_marked(text: str, *others: str) -> str:
    """The text with the marks of others, which have the same lines."""
    found = [mark for other in others for mark in marks_of(other)]
    return Marked(text, found) if found else text


def join(parts: Iterable[str], separator: str = "\n") -> str:
    """The parts as one text, each with its marks."""
    held = list(parts)
    text, found, line, between = separator.join(held), list[Mark](), 0, separator.count("\n")
    for part in held:
        found += ((line + first, line + last, paths) for first, last, paths in marks_of(part))
        line += part.count("\n") + between
    return Marked(text, found) if found else text


def restricted(text: str, scopes: Collection[str]) -> str:
    """The text with those of its marks that are one of the scopes, or stand in one."""
    found = [(first, last, inside(paths, scopes)) for first, last, paths in marks_of(text)]
    return Marked(text, found) if found else text


def inside(paths: Paths, scopes: Collection[str]) -> list[str]:
    """Those of the paths that are one of the scopes, or stand in one."""
    return [path for path in paths if _is_inside(path, scopes)]


def _is_inside(path: str, scopes: Collection[str]) -> bool:
    while path not in scopes:
        path, dot, _ = path.rpartition(".")
        if not dot:
            return False
    return True
