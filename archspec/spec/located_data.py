"""Plain data that knows where it stands, and what is noted while it is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from archspec.errors import Diagnostics, Note, Source, Span, SpecError
from archspec.limits import Budget, Limits

_WORD: Final = re.compile(r"[A-Za-z_]\w*")
_WORDS_KEPT: Final = 10_000


class LocatedDict(dict[str, object]):
    """A mapping that knows its place and the places of its keys and values."""

    __slots__ = ("key_spans", "span", "value_spans")

    def __init__(self, span: Span, entries: Mapping[str, object] | None = None) -> None:
        super().__init__(entries or {})
        self.span = span
        self.key_spans: dict[str, Span] = {}
        self.value_spans: dict[str, Span] = {}

    def put(self, key: str, value: object, key_span: Span, value_span: Span) -> None:
        """Set a key together with its places."""
        self[key] = value
        self.key_spans[key] = key_span
        self.value_spans[key] = value_span

    def take(self, other: LocatedDict, key: str, new_key: str | None = None) -> None:
        """Set a key as it stands in another mapping, under a new name if one is given."""
        name = new_key or key
        self.put(name, other[key], other.key_spans[key], other.value_spans[key])


class LocatedList(list[object]):
    """A list that knows its place and the places of its items."""

    __slots__ = ("item_spans", "span")

    def __init__(self, span: Span) -> None:
        super().__init__()
        self.span = span
        self.item_spans: list[Span] = []

    def put(self, value: object, span: Span) -> None:
        """Append an item together with its place."""
        self.append(value)
        self.item_spans.append(span)


Example: TypeAlias = Callable[[str, object, Mapping[str, Sequence[str]]], str]
"""How a call is written whose attributes are given as a bare value, or, without a value, what a call of Python means:
those who know the ops can say. It also gets the params of the spec's blocks, by name."""


@dataclass(slots=True, eq=False)
class LoadContext:
    """One load: what was found wrong so far, the files and texts read, and what it may take."""

    budget: Budget = field(default_factory=Budget)
    diagnostics: Diagnostics = field(default_factory=Diagnostics)
    files: list[Path] = field(default_factory=list[Path])
    texts: list[Source] = field(default_factory=list[Source])
    size: int = 0
    values: int = 0
    noted: int = 0
    asked: Callable[[Path], object] | None = None
    """Is called with each file that is looked for, before it is read and whether or not it is there."""
    example: Example | None = None
    block_params: Mapping[str, Sequence[str]] = field(default_factory=dict[str, tuple[str, ...]])
    """The params of the spec's blocks, in order."""
    tuple_blocks: frozenset[str] = frozenset()
    """The blocks that say what a tuple means."""
    refused: set[str] = field(default_factory=set[str])
    """The words in parts that were refused: what they stand for may be defined or used there."""

    @property
    def limits(self) -> Limits:
        """What the spec may ask for."""
        return self.budget.limits

    def refuse(self, *parts: object) -> None:
        """Keep the words of parts whose errors are noted, so that nothing is said that only follows from them."""
        waiting = list(parts)
        for _ in range(_WORDS_KEPT):
            if not waiting:
                break
            part = waiting.pop()
            if isinstance(part, Mapping):
                waiting += [*part, *part.values()]
            elif isinstance(part, list | tuple):
                waiting += part
            elif isinstance(part, str):
                self.refused.update(_WORD.findall(part[:_WORDS_KEPT]))

    def error(
        self,
        code: str,
        message: str,
        span: Span | None = None,
        *,
        label: str = "",
        notes: tuple[Note, ...] = (),
        help: str = "",
    ) -> None:
        """Note an error; after very many of them nothing more is learned, and reading ends."""
        self.diagnostics.error(code, message, span, label=label, notes=notes, help=help)
        self.noted += 1  # the same error again takes time, too: an alias can repeat it without end
        most = self.limits.errors
        if len(self.diagnostics.found) >= most or self.noted >= 10 * most:
            self.diagnostics.raise_if_any(SpecError)
