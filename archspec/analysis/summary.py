"""A network as a table: its stages, units and layers, with shapes, counts and receptive fields.

The rows are the tree of scopes that the network was written as. Units that are alike and follow each other are listed
once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import groupby
from operator import add
from typing import TYPE_CHECKING, Any, Literal

from archspec.analysis.counting import Counts, count, counts_of, items_of, layers_below
from archspec.analysis.levels import LEVELS, Level
from archspec.analysis.receptive_fields import Field, receptive_fields, stride_number
from archspec.display import display
from archspec.ir.def_use import pattern, producer
from archspec.ir.graph import LayerGraph
from archspec.ir.op import OpKind
from archspec.ir.scope import Layer, Loop, Scope, walk
from archspec.ir.tensor_type import Shape

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """A layer, a scope, or units that are alike.

    `paths` are those of what it stands for: more than one where units are listed once. `name` is that in the scope
    around it; of such units, `times` of them, those of the first and the last: `1 - 2`. `depth` is how many scopes are
    around it. `kind` is the kind of a layer's op, or `scope`; `op` is the op's name, empty of a scope. `text` has a
    layer's op in a few words; of a scope, which blocks it is made of: `bottleneck`, `3 x bottleneck`.

    `shape` and `fields` are those of the last of the paths: the output's shape without the batch, and the receptive
    field in each input that it depends on. `counts` of a scope are those of all layers below, and of units that are
    listed once, of all of them; rows below such a row have the counts of one.
    """

    name: str
    paths: tuple[str, ...]
    depth: int
    kind: OpKind | Literal["scope"]
    op: str
    text: str
    shape: Shape
    counts: Counts
    fields: Mapping[str, Field]
    times: int = 1

    @property
    def field(self) -> Field | None:
        """The receptive field in the input of which it sees most; None without any."""
        return max(self.fields.values(), key=lambda found: [extent.size for extent in found], default=None)


@dataclass(frozen=True, slots=True)
class Summary:
    """A network's rows and totals. `print` shows a table, and so does a notebook; `rich.print` shows it in color, as
    wide as the terminal.

    `depth` is the number of weighted layers on the longest path. `inputs` are their shapes by their paths. `total` is
    of the network as it is evaluated, `in_training` with what it has for outputs of training alone; None without any.
    """

    name: str
    title: str
    inputs: Mapping[str, Shape]
    depth: int
    level: Level
    rows: tuple[SummaryRow, ...]
    total: Counts
    in_training: Counts | None

    def __repr__(self) -> str:
        return f"<Summary of {self.name}: {len(self.rows)} rows, {self.total.parameters:,} parameters>"

    def __str__(self) -> str:
        text: str = display(self, "text")
        return text

    def _repr_markdown_(self) -> str:
        text: str = display(self, "markdown")
        return text

    def __rich__(self) -> RenderableType:
        table: RenderableType = display(self, "rich")
        return table

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON; a stride is a number, or a string such as `1/2`."""
        return {
            "name": self.name,
            "title": self.title,
            "inputs": {path: list(shape) for path, shape in self.inputs.items()},
            "depth": self.depth,
            "level": self.level,
            "rows": [_row_dict(row) for row in self.rows],
            "total": self.total.as_dict(),
            **({"in_training": self.in_training.as_dict()} if self.in_training is not None else {}),
        }


def _row_dict(row: SummaryRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "paths": list(row.paths),
        "depth": row.depth,
        "times": row.times,
        "kind": row.kind,
        "op": row.op,
        "text": row.text,
        "output": list(row.shape),
        **row.counts.as_dict(),
        "fields": {
            path: {
                "size": [extent.size for extent in found],
                "stride": [extent.stride and stride_number(extent.stride) for extent in found],
                "start": [extent.start for extent in found],
            }
            for path, found in row.fields.items()
        },
    }


def summarize(graph: LayerGraph, level: Level = "layer") -> Summary:
    """The summary of a graph.

    Args:
        graph: the network.
        level: `stage` has a row for each item of the network itself: its stages, and the layers around them. `unit` has
            the units of the stages, too. `layer` has all layers.
    """
    if level not in LEVELS:
        raise ValueError(f"no such level: {level}; there are {', '.join(LEVELS)}")
    found = _RowTrees(graph)
    trees = [found.of_input(path) for path in graph.inputs]
    trees += [found.of(item, 0) for item in items_of(graph.root.body.items) if any(layers_below(item))]
    counts = count(graph)
    return Summary(
        graph.name,
        graph.title,
        {path: graph.nodes[path].shape for path in graph.inputs},
        len(graph.weighted_path),
        level,
        tuple(row for tree in trees for row in _down_to(level, tree)),
        counts.total,
        counts.in_training,
    )


@dataclass(frozen=True, slots=True)
class _RowTree:
    """A row and those below it. `opens` are the levels at which they are shown."""

    row: SummaryRow
    below: tuple[_RowTree, ...] = ()
    opens: tuple[Level, ...] = ()


def _down_to(level: Level, tree: _RowTree) -> Iterator[SummaryRow]:
    yield tree.row
    if level in tree.opens:
        for inner in tree.below:
            yield from _down_to(level, inner)


class _RowTrees:
    """The rows of a graph as they are nested."""

    def __init__(self, graph: LayerGraph) -> None:
        self._graph = graph
        self._fields = receptive_fields(graph)
        self._wires = graph.def_use.scopes
        self._training = graph.nodes.keys() - graph.evaluated_nodes.keys()

    def of_input(self, path: str) -> _RowTree:
        """An input's row."""
        return _RowTree(self._layer(path, path, 0, Counts()))

    def of(self, item: Layer | Scope | Loop, depth: int) -> _RowTree:
        """The row of an item, and those below."""
        match item:
            case Layer(name=name, path=path):
                return _RowTree(self._layer(name, path, depth, counts_of(self._graph, [path])))
            case Scope(name=name, path=path, block=block):
                opens: tuple[Level, ...] = ("unit", "layer") if _has_units(item) else ("layer",)
                below = self.below(item, depth)
                return _RowTree(
                    self._scope(name, path, depth, block, self._wires[path].results[0], below), below, opens
                )
            case Loop(name=name, path=path, iterations=units):
                below = tuple(_folded((unit, self.of(unit, depth + 1)) for unit in units if any(layers_below(unit))))
                last = self._wires[units[-1].path].results[0]
                return _RowTree(self._scope(name, path, depth, _blocks(units), last, below), below, ("unit", "layer"))

    def below(self, scope: Scope, depth: int) -> tuple[_RowTree, ...]:
        """The rows of the items in a scope; those without any layer have none."""
        return tuple(self.of(item, depth + 1) for item in items_of(scope.body.items) if any(layers_below(item)))

    def _layer(self, name: str, path: str, depth: int, counts: Counts) -> SummaryRow:
        node = self._graph.nodes[path]
        text, kind = self._graph.caption(node), node.op.kind
        text += ", in training" if depth == 0 and path in self._training else ""
        return SummaryRow(name, (path,), depth, kind, node.op.name, text, node.shape, counts, self._fields[path])

    def _scope(
        self, name: str, path: str, depth: int, block: str | None, last: str, below: Sequence[_RowTree]
    ) -> SummaryRow:
        """`last` is the layer whose tensor it gives."""
        counts = reduce(add, (tree.row.counts for tree in below), Counts())
        shape = self._graph.types[last].sizes
        when = "in training" if depth == 0 and producer(last) in self._training else ""
        text = ", ".join(filter(None, (block, when)))
        return SummaryRow(name, (path,), depth, "scope", "", text, shape, counts, self._fields[producer(last)])


def _has_units(scope: Scope) -> bool:
    return any(isinstance(item, Loop) for item in walk(scope))


def _blocks(units: Sequence[Scope]) -> str:
    """What the units are: `3 x bottleneck`."""
    runs = [(block, len(list(found))) for block, found in groupby(unit.block for unit in units)]
    return ", ".join(f"{times} x {block}" if block else f"{times} times" for block, times in runs)


def _folded(units: Iterable[tuple[Scope, _RowTree]]) -> Iterator[_RowTree]:
    """One tree for units that are alike and follow each other."""
    for _, alike in groupby(units, key=lambda found: (pattern(found[0]), _likeness(found[1]))):
        yield _as_one([tree for _, tree in alike])


def _likeness(tree: _RowTree) -> Any:
    """What is equal of the rows of units that are listed once: all but names, places, and the rates of dropout."""
    row = tree.row
    text = "" if row.kind == "regularizer" else row.text
    return row.kind, row.op, text, row.shape, row.counts, [(inner.row.name, _likeness(inner)) for inner in tree.below]


def _as_one(trees: Sequence[_RowTree]) -> _RowTree:
    """The tree of units that are alike: its row counts all of them, those below count one."""
    if len(trees) == 1:
        return trees[0]
    one = _together(trees)
    first, last = trees[0].row, trees[-1].row
    counts = reduce(add, (tree.row.counts for tree in trees))
    return replace(one, row=replace(one.row, name=f"{first.name} - {last.name}", times=len(trees), counts=counts))


def _together(trees: Sequence[_RowTree]) -> _RowTree:
    rows = [tree.row for tree in trees]
    row = replace(rows[-1], paths=tuple(path for row in rows for path in row.paths), text=_range(rows))
    below = tuple(_together(inner) for inner in zip(*(tree.below for tree in trees), strict=True))
    return replace(trees[-1], row=row, below=below)


def _range(rows: Sequence[SummaryRow]) -> str:
    first, last = rows[0].text, rows[-1].text
    return first if first == last else f"{first} .. {last.rpartition(' ')[2]}"
