"""Text that knows which of its lines are there because of which layers.

Whoever prints a layer knows its paths, so they are carried along with what is printed. Nobody has to read the source
again to find them. The text itself is the same with marks and without.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
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


class Instances(tuple[str, ...]):
    """The paths of one item of a definition in all instances; those in one iteration of a loop are found at once."""

    @cached_property
    def by_scope(self) -> Mapping[str, Sequence[str]]:
        """The paths that stand in each scope, and those that are it."""
        found: dict[str, list[str]] = {}
        for path in self:
            for scope in around(path):
                found.setdefault(scope, []).append(path)
        return found


def inside(paths: Paths, scopes: Collection[str] | None) -> Paths:
    """Those of the paths that are one of the scopes or stand in one, which hold none of each other; all where None."""
    if scopes is None:
        return paths
    if isinstance(paths, Instances) and len(paths) > 4 * len(scopes):  # one of many iterations
        return [path for scope in scopes for path in paths.by_scope.get(scope, ())]
    return [path for path in paths if any(scope in scopes for scope in around(path))]


def around(path: str) -> Iterator[str]:
    """The path and those of the scopes that it stands in, the network left out."""
    while path:
        yield path
        path = path.rpartition(".")[0]
