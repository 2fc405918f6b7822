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
from archspec.codegen.tree import CallUse, Definition, ItemUse, LayerUse, LoopUse, Run, Tree
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
    taken = Counter(uses(tree))
    for taker in tree.items:
        if not isinstance(taker, LayerUse) or taker.op.name != "concat":
            continue
        row = _row(tree.items, taker, taken, again)
        if len(row) < SHORTEST:
            continue
        made = _with_loop(tree, row, _loop(row, definition, depth + 1, arguments))
        if row[-1].location in tensor_lists(made):
            return with_joined_rows(made, definition, depth, again=again, arguments=arguments)
    return tree


def _row(items: Sequence[ItemUse], taker: LayerUse, taken: Mapping[Ref, int], again: Collection[int]) -> list[CallUse]:
    """The calls that a layer joins, each of which takes what the one before gives, and whose names count."""
    row: list[CallUse] = []
    for item in items:
        if not isinstance(item, CallUse) or item.reuses or item.location in again or len(item.operands) != 1:
            continue
        if Result(item.location) not in taker.operands or len(item.definition.tree.results) > 1:
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


def _with_loop(tree: Tree, row: Sequence[CallUse], loop: LoopUse) -> Tree:
    """The tree with the loop in place of the calls, and what they give by its names."""
    gone = {use.location for use in row}
    refs: dict[Ref, Ref] = {
        Result(use.location): Result(loop.location, place) for place, use in enumerate(row[:-1], start=1)
    }
    items = tuple(
        loop if item.location == loop.location else item
        for item in tree.items
        if item.location not in gone or item.location == loop.location
    )
    found = [tree.labels.get(Result(use.location), "") for use in row[:-1]]
    stems = {match[1] if (match := _NUMBERED.fullmatch(label)) else "" for label in found}
    stem = stems.pop() if len(stems) == 1 else ""
    name = f"{stem}{'' if stem.endswith('s') else 's'}" if stem else _USUAL
    labels = {ref: label for ref, label in tree.labels.items() if ref not in refs and ref != Result(loop.location)}
    named: dict[Ref, str] = {refs[Result(use.location)]: item_label(name, place) for place, use in enumerate(row[:-1])}
    changed = with_refs(replace(tree, items=items), refs)
    return replace(changed, labels={**labels, **named, Result(loop.location): item_label(name, len(row) - 1)})
