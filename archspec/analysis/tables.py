"""Tables as plain text, Markdown and LaTeX.

A cell that is a string may be a spec's own text, such as a title: it is escaped, whatever it holds. A cell that is a
tuple of pieces is archspec's words and numbers: lines, and blocks in brackets with their counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from archspec.reporting import plain


@dataclass(frozen=True, slots=True)
class BracketedLines:
    """Lines in brackets, so many times over."""

    pieces: tuple[Piece, ...]
    times: int


Piece: TypeAlias = str | BracketedLines
Cell: TypeAlias = str | tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under heads. `aligns` has `l`, `c` or `r` for each column; the last `foot` rows are set apart."""

    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    aligns: str
    title: str = ""
    foot: int = 0
    ruled: bool = False
    """A line between all rows."""


def to_text(table: Table) -> str:
    """Aligned columns under heads."""
    rows = [[[plain(head)] for head in table.heads]]
    rows += [[_lines(cell) for cell in row] for row in table.rows]
    widths = [max(len(line) for row in rows for line in row[column]) for column in range(len(table.heads))]
    rule = "  ".join("-" * width for width in widths)
    found = [plain(table.title), ""] if table.title else []
    for number, row in enumerate(rows):
        if number == 1 or _has_rule(table, number - 1):
            found.append(rule)
        for line in range(max(map(len, row))):
            cells = zip(row, widths, table.aligns, strict=True)
            found.append("  ".join(_aligned(cell, line, width, to) for cell, width, to in cells).rstrip())
    return "\n".join(found) + "\n"


def _has_rule(table: Table, row: int) -> bool:
    """A line stands above this row."""
    foot = len(table.rows) - table.foot
    return row > 0 and (row == foot or (table.ruled and row < foot))


# Blocks of several widths would not line up if they were centered.
_ALIGN: Final[dict[str, Callable[[str, int], str]]] = {"l": str.ljust, "c": str.ljust, "r": str.rjust}


def _aligned(cell: Sequence[str], line: int, width: int, to: str) -> str:
    return _ALIGN[to](cell[line] if line < len(cell) else "", width)


def _lines(cell: Cell) -> list[str]:
    if isinstance(cell, str):
        return [plain(cell)]
    return [line for piece in cell for line in _piece_lines(piece)] or [""]


def _piece_lines(piece: Piece) -> list[str]:
    if isinstance(piece, str):
        return [piece]
    inner = [line for part in piece.pieces for line in _piece_lines(part)]
    width = max(map(len, inner))
    middle = (len(inner) - 1) // 2
    times = f" x {piece.times}"
    return [
        f"[{line:<{width}}]" + (times if number == middle else " " * len(times)) for number, line in enumerate(inner)
    ]


def to_markdown(table: Table) -> str:
    """A pipe table; lines of a cell are parted by `<br>`, those of a block by semicolons."""
    found = [_markdown(table.title), ""] if table.title else []
    found.append(f"| {' | '.join(map(_markdown, table.heads))} |")
    found.append(f"|{'|'.join({'l': '---', 'c': ':---:', 'r': '---:'}[to] for to in table.aligns)}|")
    for row in table.rows:
        found.append(f"| {' | '.join(_markdown_cell(cell) for cell in row)} |")
    return "\n".join(found) + "\n"


_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]<>#|~$&]|^[-+=](?=\s)|(?<=^\d)[.)](?=\s))")


def _markdown(text: str) -> str:
    """Text that means itself in Markdown, in a table too."""
    return _MARKDOWN.sub(r"\\\1", plain(text))


def _markdown_cell(cell: Cell) -> str:
    return _markdown(cell) if isinstance(cell, str) else "<br>".join(map(inline, cell))


def inline(piece: Piece) -> str:
    """A piece on one line: `[1x1, 64; 3x3, 64; 1x1, 256] x 3`."""
    return piece if isinstance(piece, str) else f"[{'; '.join(map(inline, piece.pieces))}] x {piece.times}"


def to_latex(table: Table) -> str:
    r"""A `tabular` that needs no package; blocks are a `\left[\begin{array}` each."""
    bar = " | " if table.ruled else " "
    found = [rf"\begin{{tabular}}{{{bar.join(table.aligns)}}}"]
    if table.title:
        found += [rf"\multicolumn{{{len(table.heads)}}}{{l}}{{{_latex(table.title)}}} \\", r"\hline"]
    found += [rf"{' & '.join(map(_latex, table.heads))} \\", r"\hline"]
    for number, row in enumerate(table.rows):
        if _has_rule(table, number):
            found.append(r"\hline")
        found.append(rf"{' & '.join(_latex_cell(cell) for cell in row)} \\")
    return "\n".join([*found, r"\end{tabular}"]) + "\n"


_LATEX: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "[": "{[}",  # after `\\` it would begin an option
    "]": "{]}",
    "*": "{*}",
    "`": r"\textasciigrave{}",
}


def _latex(text: str) -> str:
    """Text that means itself in LaTeX."""
    return "".join(_LATEX.get(char, char) for char in plain(text))


def _latex_cell(cell: Cell) -> str:
    if isinstance(cell, str):
        return _latex(cell)
    pieces = [f"${_math(piece)}$" for piece in cell]
    if len(pieces) < 2:
        return "".join(pieces)
    lines = r" \\ ".join(pieces)
    return rf"\begin{{tabular}}{{@{{}}c@{{}}}}{lines}\end{{tabular}}"


_SIZE: Final = re.compile(r"(\d+)x(\d+)")
_NUMBERS: Final = re.compile(r"[\dC=x]+")


def _math(piece: Piece) -> str:
    """A piece in mathematics: kernels with a cross, words upright."""
    if isinstance(piece, BracketedLines):
        lines = r" \\ ".join(map(_math, piece.pieces))
        return rf"\left[\begin{{array}}{{c}}{lines}\end{{array}}\right]\times {piece.times}"
    return r",\ ".join(_math_part(part) for part in piece.split(", "))


def _math_part(part: str) -> str:
    if _NUMBERS.fullmatch(part):
        return _SIZE.sub(r"\1\\times \2", part)
    words = _SIZE.sub(r"$\1\\times \2$", _latex(part))
    return rf"\mbox{{{words}}}"
