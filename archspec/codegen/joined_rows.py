"""Calls in a row whose results are joined, as one loop that gives a list of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from archspec.codegen.equal_arms import with_refs
from archspec.codegen.merging import merged
from archspec.codegen.progressions import gathered
from archspec.codegen.rolled import counted_name
from archspec.codegen.tensor_lists import SHORTEST, tensor_lists
from archspec.codegen.tree import CallUse, Definition, LayerUse, LoopUse, Run, Tree
from archspec.codegen.variable_allocation import uses
from archspec.expr import Const, Expr
from archspec.ir.scope import Ref, Result, item_label

_USUAL: Final = "outputs"
_NUMBERED: Final = re.compile(r"(.*?[A-Za-z])_?\d+")


def with_joined_rows(
    tree: Tree,
    definition: Definition,
    depth: int,
    *,
    again: Collection[int] = (),
    arguments: Callable[[CallUse], dict[str, Expr]] = lambda use: dict(use.arguments),
) -> Tree:
    """The tree with a loop for each such row; one has neither a name nor a number, and the names of its calls.

    `again` are the locations of what is called again in the scope, which is made by itself.
    """
    rows = _rows(tree, again)
    made = _with_loops(tree, rows, definition, depth + 1, arguments)
    lists = tensor_lists(made, made.labels)
    kept = [row for row in rows if row[-1].location in lists]
    return made if len(kept) == len(rows) else _with_loops(tree, kept, definition, depth + 1, arguments)


def _rows(tree: Tree, again: Collection[int]) -> list[list[CallUse]]:
    """The rows of a tree, none of which has a call of another."""
    taken = Counter(uses(tree))
    calls = {item.location: item for item in tree.items if isinstance(item, CallUse)}
    found: list[list[CallUse]] = []
    used = {*again}
    for taker in tree.items:
        if not isinstance(taker, LayerUse) or taker.op.name != "concat":
            continue
        row = _row(calls, taker, taken, used)
        if len(row) >= SHORTEST:
            found.append(row)
            used |= {use.location for use in row}
    return found


def _row(
    calls: Mapping[int, CallUse], taker: LayerUse, taken: Mapping[Ref, int], used: Collection[int]
) -> list[CallUse]:
    """The calls that a layer joins, each of which takes what the one before gives, and whose names count."""
    row: list[CallUse] = []
    for ref in taker.operands:
        item = calls.get(ref.location) if isinstance(ref, Result) else None
        if item is None or item.reuses or item.location in used or len(item.operands) != 1:
            continue
        if len(item.definition.tree.results) > 1:
            continue
        if not row:
            row = [item] if counted_name(item) is not None else []
            continue
        first, name = counted_name(row[0]), counted_name(item)
        before = Result(row[-1].location)
        assert first is not None
        if item.definition is not row[0].definition or name != first._replace(place=first.place + len(row)):
            return []
        if item.operands != (before,) or taken[before] != 2:
            return []
        row.append(item)
    return row


def _with_loops(
    tree: Tree,
    rows: Sequence[Sequence[CallUse]],
    definition: Definition,
    depth: int,
    arguments: Callable[[CallUse], dict[str, Expr]],
) -> Tree:
    """The tree with loops in place of these rows, and what the calls give by the loops' names."""
    if not rows:
        return tree
    loops = {row[-1].location: _loop(row, definition, depth, arguments) for row in rows}
    gone = {use.location for row in rows for use in row[:-1]}
    refs: dict[Ref, Ref] = {
        Result(use.location): Result(row[-1].location, place)
        for row in rows
        for place, use in enumerate(row[:-1], start=1)
    }
    named: dict[Ref, str] = {}
    for row in rows:
        name = _list_name(tree, row)
        ends = [*(refs[Result(use.location)] for use in row[:-1]), Result(row[-1].location)]
        named |= {ref: item_label(name, place) for place, ref in enumerate(ends)}
    items = tuple(loops.get(item.location, item) for item in tree.items if item.location not in gone)
    labels = {ref: label for ref, label in tree.labels.items() if ref not in refs}
    return replace(with_refs(replace(tree, items=items), refs), labels={**labels, **named})


def _loop(
    row: Sequence[CallUse], definition: Definition, depth: int, arguments: Callable[[CallUse], dict[str, Expr]]
) -> LoopUse:
    named, operands = counted_name(row[0]), row[0].operands
    assert named is not None
    runs = [
        Run(Const(place), Const(place + 1), replace(use, arguments=arguments(use), operands=operands), depth)
        for place, use in enumerate(row)
    ]
    return LoopUse(
        row[-1].location,
        "",
        None,
        named.pattern(len(row)),
        tuple(gathered(merged(runs), 1, definition.whole, definition.budget)),
        operands,
        tuple(dict.fromkeys(path for use in row for path in use.paths)),
        tuple(use.paths for use in row),
        tuple(range(len(row) - 1)),
    )


def _list_name(tree: Tree, row: Sequence[CallUse]) -> str:
    """What a list is called of tensors with these labels: `xs` for `x0`, `x1` and so on."""
    found = (tree.labels.get(Result(use.location), "") for use in row[:-1])
    stems = {match[1] if (match := _NUMBERED.fullmatch(label)) else "" for label in found}
    stem = stems.pop() if len(stems) == 1 else ""
    return f"{stem}{'' if stem.endswith('s') else 's'}" if stem else _USUAL
