"""Networks side by side in the form of He et al. 2015, Table 1.

Rows are stages, columns are networks, cells are a stage's blocks in brackets times their count. All of it comes from
the tree of scopes: a stage is a top-level loop or scope, a unit is an iteration of a loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from archspec.analysis.counting import count, is_counted, items_of, layers_below
from archspec.analysis.number_format import counted
from archspec.analysis.shortcuts import shortcuts
from archspec.analysis.tables import BracketedLines, Cell, Piece, Table
from archspec.ir.captions import extents
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Layer, Loop, Scope
from archspec.ir.tensor_type import TOKENS, TensorType


@dataclass(slots=True)
class PaperRow:
    """A stage, or plain layers up to the next one that multiplies or pools."""

    name: str = ""
    pieces: list[Piece] = field(default_factory=list[Piece])
    type: TensorType | None = None
    closed: bool = False
    """It has a stage, or a layer that multiplies: a pool or another such layer begins the next row."""


def paper_table(graphs: Sequence[LayerGraph]) -> Table:
    """The table. A block's stride and its projection shortcut are not shown, as in the paper."""
    columns = [rows(graph) for graph in graphs]
    found: list[tuple[Cell, ...]] = []
    for line in _aligned(columns):
        names = " / ".join(dict.fromkeys(row.name for row in line if row))
        sizes = " / ".join(dict.fromkeys(size(row.type) for row in line if row and row.type))
        found.append((names, (sizes,), *(tuple(row.pieces) if row else () for row in line)))
    totals = [count(graph).total for graph in graphs]
    found.append(("parameters", "", *(f"{total.parameters:,}" for total in totals)))
    found.append(("MACs", "", *(counted(total.macs) for total in totals)))
    found.append(("FLOPs (2 x MACs)", "", *(counted(total.flops) for total in totals)))
    heads = ("stage", "output size", *(graph.name for graph in graphs))
    return Table(heads, tuple(found), "lc" + "c" * len(graphs), foot=3, ruled=True)


def paper_dict(graphs: Sequence[LayerGraph]) -> dict[str, Any]:
    """The same for JSON; a cell is a list of lines, a block `{"block": [...], "times": n}`."""
    return {
        "networks": [{"name": graph.name, **count(graph).total.as_dict()} for graph in graphs],
        "rows": [
            [
                row
                and {
                    "stage": row.name,
                    "output": list(row.type.sizes) if row.type else [],
                    "cell": [_data(piece) for piece in row.pieces],
                }
                for row in line
            ]
            for line in _aligned([rows(graph) for graph in graphs])
        ],
    }


def _data(piece: Piece) -> Any:
    if isinstance(piece, str):
        return piece
    return {"block": [_data(inner) for inner in piece.pieces], "times": piece.times}


def _sizes(row: PaperRow) -> list[int]:
    return list(row.type.sizes) if row.type is not None else []


def size(type: TensorType) -> str:
    """Sizes in space, as height and width; of a vector 1x1, as the papers print it."""
    if type.axes == TOKENS:
        return f"{type.sizes[0]} tokens"
    return extents(type.places) if type.is_spatial else "1x1"


def rows(graph: LayerGraph) -> list[PaperRow]:
    """The rows of one network."""
    hidden = shortcuts(graph)
    found = [PaperRow()]
    for item in items_of(graph.root.body.items):
        layers = list(layers_below(item))
        if not layers:
            continue
        row = found[-1]
        if isinstance(item, Layer):
            weighted, text = is_counted(graph, item.path), graph.table_text(item.path, strides=True)
            if text and row.closed and (weighted or graph.nodes[item.path].op.resamples):
                row = PaperRow()
                found.append(row)
            if not text:
                continue
            row.pieces.append(text)
            row.closed |= weighted
            if weighted or not row.name:
                row.name = item.path
        else:
            pieces = list(_pieces(graph, item, hidden, strides=not isinstance(item, Loop)))
            if not pieces:
                continue
            if row.closed:
                row = PaperRow()
                found.append(row)
            row.name, row.closed = item.path, True
            row.pieces += pieces
        row.type = graph.nodes[layers[-1].path].type
    return [row for row in found if row.pieces]


def _pieces(graph: LayerGraph, item: Layer | Scope | Loop, hidden: set[str], *, strides: bool) -> Iterator[Piece]:
    """What a cell says of an item. A unit says no strides, since the first one of a stage alone has any."""
    match item:
        case Layer(path=path):
            text = "" if path in hidden else graph.table_text(path, strides=strides, inner=True)
            if text:
                yield text
        case Scope(body=body):
            for inner in items_of(body.items):
                yield from _pieces(graph, inner, hidden, strides=strides)
        case Loop(iterations=iterations):
            units = (tuple(_pieces(graph, unit, hidden, strides=False)) for unit in iterations)
            yield from _folded(unit for unit in units if unit)


def _folded(units: Iterable[tuple[Piece, ...]]) -> Iterator[Piece]:
    last: tuple[Piece, ...] = ()
    times = 0
    for unit in (*units, ()):
        if unit == last:
            times += 1
            continue
        if times == 1 and len(last) == 1:
            yield last[0]
        elif times:
            yield BracketedLines(last, times)
        last, times = unit, 1


def _aligned(columns: Sequence[Sequence[PaperRow]]) -> list[list[PaperRow | None]]:
    """Rows of equal names side by side; between them, those of other names in order where there are equally many."""
    lines: list[list[PaperRow | None]] = [[row] for row in columns[0]]
    for number, column in enumerate(columns[1:], start=1):
        known = [next(row.name for row in line if row) for line in lines]
        called = {row.name: name for line, name in zip(lines, known, strict=True) for row in line if row}
        names = [called.get(row.name, row.name) for row in column]
        merged: list[list[PaperRow | None]] = []
        for _, i, j, k, m in SequenceMatcher(None, known, names, autojunk=False).get_opcodes():
            if j - i == m - k:
                merged += [[*line, row] for line, row in zip(lines[i:j], column[k:m], strict=True)]
            else:
                merged += [[*line, None] for line in lines[i:j]]
                merged += [[*[None] * number, row] for row in column[k:m]]
        lines = merged
    return lines
