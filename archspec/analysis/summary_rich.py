"""A summary for a terminal: in colour, with guides along the tree, as wide as the terminal is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal

from rich.console import Group
from rich.table import Table
from rich.text import Text

from archspec.analysis.labels import OpKind
from archspec.analysis.summary_table import ALIGNS, HEADS, NONE, called, figures, heading, totals

if TYPE_CHECKING:
    from rich.console import RenderableType

    from archspec.analysis.summary import Row, Summary

STYLES: Final[Mapping[OpKind | Literal["scope"], str]] = {
    "scope": "bold",
    "input": "bold",
    "convolution": "bright_blue",
    "dense": "magenta",
    "norm": "yellow",
    "activation": "green",
    "pool": "cyan",
    "merge": "bright_red",
    "attention": "bright_magenta",
    "shape": "white",
    "regularizer": "bright_black",
    "other": "white",
}
"""How the words of an op look, by its kind. These names are the terminal's own colours, so its theme holds."""

_SHRINKS: Final = 2
"""The first columns, of words, are cut where the terminal is narrow; numbers are not."""


def renderable(summary: Summary) -> RenderableType:
    """What rich prints of a summary."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", collapse_padding=True)
    for number, (head, align) in enumerate(zip(HEADS, ALIGNS, strict=True)):
        table.add_column(head, justify="right" if align == "r" else "left", no_wrap=number >= _SHRINKS)
    for row, guides in zip(summary.rows, _guides(summary.rows), strict=True):
        text, *numbers = figures(row)
        style = STYLES[row.kind]
        name = Text.assemble((guides, "bright_black"), (called(row), style if row.kind == "scope" else ""))
        cells = [_cut(name), _cut(Text(text, style=style))]
        table.add_row(*cells, *(Text(number, style="bright_black" if number == NONE else "") for number in numbers))
    sums = Table.grid(padding=(0, 2, 0, 0))
    sums.add_column()
    sums.add_column(justify="right", style="bold")
    for name_of, value in totals(summary):
        sums.add_row(name_of, value)
    return Group(Text(heading(summary), style="bold"), "", table, "", sums)


def _cut(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _guides(rows: Sequence[Row]) -> Iterator[str]:
    """The lines of a tree that stand before each row's name."""
    found: list[str] = []
    open_at: set[int] = set()
    """The depths at which another row follows, below the same scope."""
    for row in reversed(rows):
        open_at = {depth for depth in open_at if depth <= row.depth}
        lines = ["│  " if depth in open_at else "   " for depth in range(1, row.depth)]
        found.append("".join([*lines, ("├─ " if row.depth in open_at else "└─ ") if row.depth else ""]))
        open_at.add(row.depth)
    return reversed(found)
