"""A summary as plain text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from archspec.analysis.counting import Counts
from archspec.analysis.number_format import counted, sized
from archspec.analysis.receptive_fields import Field
from archspec.analysis.summary import Summary, SummaryRow
from archspec.analysis.tables import Cell, Table
from archspec.analysis.tables import to_markdown as table_to_markdown
from archspec.analysis.tables import to_text as table_to_text
from archspec.ir.tensor_type import shape_text
from archspec.reporting import plain

NOTE: Final = (
    "field: the receptive field, in places of the input (pixels, tokens); stride: by how many it moves from one to\n"
    "the next. x2: so many units that are alike; their row counts all of them, the rows below it count one and have\n"
    "the field of the last. MACs are the multiply-adds of convolutions, dense layers and attention for one example."
)
HEADS: Final = ("layer", "op", "output", "parameters", "MACs", "field", "stride")
ALIGNS: Final = "llrrrrr"
NONE: Final = "-"


def to_text(summary: Summary) -> str:
    """Aligned columns, with scopes shown by indentation, and the totals beneath."""
    rows = tuple(_cells(row) for row in summary.rows)
    tables = Table(HEADS, rows, ALIGNS, heading(summary)), totals(summary)
    return "\n".join(map(table_to_text, tables)).rstrip("\n")


def _cells(row: SummaryRow) -> tuple[Cell, ...]:
    return ("  " * row.depth + called(row),), *figures(row)


def to_markdown(summary: Summary) -> str:
    """Pipe tables, with the full paths of layers and scopes."""
    rows = tuple((path(row), *figures(row)) for row in summary.rows)
    tables = Table(HEADS, rows, ALIGNS, heading(summary)), totals(summary)
    return "\n".join(map(table_to_markdown, tables)).rstrip("\n")


def heading(summary: Summary) -> str:
    """What network it is of."""
    inputs = ", ".join(map(shape_text, summary.inputs.values()))
    return f"{plain(summary.title or summary.name)}: input {inputs}, depth {summary.depth}"


def called(row: SummaryRow) -> str:
    """A row's name, and how many units it stands for at once: `1 - 2  x2`."""
    return plain(row.name) + (f"  x{row.times}" if row.times > 1 else "")


def path(row: SummaryRow) -> str:
    """The path of a row; the first and the last one's if it stands for several units."""
    ends = dict.fromkeys((row.paths[0], row.paths[-1])) if row.times > 1 else (row.paths[0],)
    return " - ".join(ends) + (f" x{row.times}" if row.times > 1 else "")


def figures(row: SummaryRow) -> tuple[str, ...]:
    """The cells beside a row's name."""
    counts = row.counts
    return (
        row.text,
        shape_text(row.shape),
        f"{counts.parameters:,}" if counts.parameters else NONE,
        counted(counts.macs) if counts.macs else NONE,
        *_field(row.field),
    )


def _field(field: Field | None) -> tuple[str, str]:
    if field is None:
        return NONE, NONE
    strides = [NONE if extent.stride is None else str(extent.stride) for extent in field]
    return _short([str(extent.size) for extent in field]), _short(strides)


def _short(sizes: list[str]) -> str:
    """Equal numbers once: `3`, `3x1`."""
    return "x".join(sizes if len(set(sizes)) > 1 else sizes[:1])


def totals(summary: Summary) -> Table:
    """What the network costs in all, and in training where that is more."""
    if summary.in_training is None:
        return Table(("total", ""), tuple(_figures(summary.total)), "lr")
    both = zip(_figures(summary.total), _figures(summary.in_training), strict=True)
    rows = tuple((name, one, other) for (name, one), (_, other) in both)
    return Table(("total", "", "in training"), rows, "lrr")


def _figures(total: Counts) -> Iterator[tuple[str, str]]:
    yield "parameters", f"{total.parameters:,}"
    yield "buffers", f"{total.buffers:,}"
    yield "MACs", counted(total.macs)
    yield "activations", counted(total.activations)
    yield "weight bytes", sized(total.weight_bytes())
