"""A backend's rows: how it writes each op, its own and those of other packages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

from archspec.codegen.sharing import Sharing
from archspec.entry_points import EntryPointGroup
from archspec.errors import BackendError, Diagnostic
from archspec.ir.graph import LayerGraph

Row = TypeVar("Row")


class Rows(dict[str, Row], Generic[Row]):
    """Rows by the names of ops.

    A package adds a row by an entry point of the group `archspec.ops.BACKEND`: the op's name, and the row. It is looked
    up when an op has no row here; `register` adds one without an entry point.
    """

    def __init__(self, backend: str, title: str, rows: Mapping[str, Row]) -> None:
        super().__init__(rows)
        self.others = EntryPointGroup(f"archspec.ops.{backend}", BackendError)
        """The rows that other packages add."""
        self.title = title
        self.own = {name: place for place, name in enumerate(rows)}
        """The places of the backend's own rows, by name."""

    def register(self, op: str, row: Row) -> None:
        """Add the row of an op.

        Raises:
            ValueError: it has one.
        """
        if op in self:
            raise ValueError(f"{self.title} has a row for the op {op}")
        self[op] = row

    def __contains__(self, op: object) -> bool:
        return dict.__contains__(self, op) or op in self.others.points

    def __missing__(self, op: str) -> Row:
        row: Row = self.others.load(op, f"{self.title}'s row for `{op}`", lambda row: row)
        self[op] = row
        return row

    def check(self, graph: LayerGraph, *, shares: bool = False) -> None:
        """See that each layer's op has a row; `shares` is whether the backend can write all sharing of parameters.

        Raises:
            BackendError: one has none, or shares what source cannot say.
        """
        help = f"its package can add one by an entry point of the group `{self.others.name}`"
        found = [
            Diagnostic("E0601", f"{self.title} has no row for the op {node.op.name} ({path})", node.span, help=help)
            for path, node in graph.nodes.items()
            if node.op.name != "input" and node.op.name not in self
        ]
        found += [] if shares else Sharing.of(graph).problems
        if found:
            raise BackendError(found)

    def helpers(self, graph: LayerGraph) -> dict[str, str]:
        """The texts of the helpers that the rows of a graph's ops bring along, by what they define."""
        rows = [self[name] for name in {node.op.name: None for node in graph.nodes.values()} if name in self]
        return {name: text for row in rows for name, text in getattr(row, "helpers", {}).items()}
