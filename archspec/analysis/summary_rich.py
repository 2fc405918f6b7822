"""A summary for a terminal: in color, with guides along the tree, as wide as the terminal is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from rich.table import Table
from rich.text import Text

from archspec.analysis.summary import Summary, SummaryRow
from archspec.analysis.summary_table import ALIGNS, HEADS, NONE, called, figures, heading, totals
from archspec.ir.op import OpKind

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult

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
"""How the words of an op look, by its kind. These names are the terminal's own colors, so its theme holds."""

_WORDS: Final = 2
"""How many columns, the first ones, are words: these are cut where the terminal is narrow; numbers are not."""
_ROOM: Final = 32
"""What the words have at least: numbers that leave less are left out, the last columns first."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What rich prints of a summary."""

    summary: Summary

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(heading(self.summary), style="bold")
        yield ""
        yield self._rows(options.max_width)
        yield ""
        found = totals(self.summary)
        sums = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=self.summary.in_training is not None)
        sums.add_column()
        for head in found.heads[1:]:
            sums.add_column(head, justify="right", style="bold")
        for cells in found.rows:
            sums.add_row(*map(str, cells))
        yield sums

    def _rows(self, width: int) -> Table:
        rows = [figures(row) for row in self.summary.rows]
        columns = len(HEADS)
        widths = [max(map(len, (head, *cells))) for head, cells in zip(HEADS[1:], zip(*rows, strict=True), strict=True)]
        while columns > _WORDS and width - sum(size + 1 for size in widths[_WORDS - 1 : columns - 1]) < _ROOM:
            columns -= 1
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", collapse_padding=True)
        for number in range(columns):
            justify: JustifyMethod = "right" if ALIGNS[number] == "r" else "left"
            table.add_column(HEADS[number], justify=justify, no_wrap=number >= _WORDS)
        for row, (text, *numbers), guides in zip(self.summary.rows, rows, _guides(self.summary.rows), strict=True):
            style = STYLES[row.kind]
            name = Text.assemble((guides, "bright_black"), (called(row), style if row.kind == "scope" else ""))
            cells = [_cut(name), _cut(Text(text, style=style))]
            cells += [Text(number, style="bright_black" if number == NONE else "") for number in numbers]
            table.add_row(*cells[:columns])
        return table


def _cut(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _guides(rows: Sequence[SummaryRow]) -> Iterator[str]:
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
