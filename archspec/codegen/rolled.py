"""Calls in a row that differ in their numbers alone, as one loop: `for i in range(8)` for calls one by one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import Final

from archspec.codegen.merging import merged
from archspec.codegen.progressions import gathered
from archspec.codegen.reuse import uses_of
from archspec.codegen.tree import CallUse, Definition, ItemUse, LoopUse, Run, Tree, iteration_names
from archspec.codegen.variable_allocation import uses
from archspec.expr import Const, Expr, names
from archspec.ir.scope import Ref, Result

_SHORTEST: Final = 4
"""Fewer calls are read sooner one by one."""
_NUMBERED: Final = re.compile(r"(.*?)(0|[1-9]\d*)")


def rolled(
    tree: Tree,
    definition: Definition,
    depth: int,
    *,
    arguments: Callable[[CallUse], dict[str, Expr]] = lambda use: dict(use.arguments),
) -> Iterator[ItemUse]:
    """The items of a tree, calls in a row as loops that have no scope of their own.

    Such a loop has neither a name nor a number; its pattern gives the names that its calls have. `depth` is how many
    loops are around, `arguments` what is written of a call's.
    """
    taken, again = Counter(uses(tree)), uses_of(tree)
    items = list(tree.items)
    while items:
        row = _row(items, taken, again)
        loop = _loop(row, definition, depth + 1, arguments) if len(row) >= _SHORTEST else None
        if loop is None:
            yield items.pop(0)
            continue
        count, made = loop
        yield made
        del items[:count]


def _row(items: Sequence[ItemUse], taken: Counter[Ref], again: Collection[int]) -> list[CallUse]:
    """The calls of one definition that the items begin with, each of which takes what the one before gives.

    `again` are the locations of what is called again elsewhere, which is made by itself.
    """
    row: list[CallUse] = []
    for item in items:
        if (
            not isinstance(item, CallUse)
            or item.reuses
            or item.location in again
            or len(item.definition.tree.results) > 1
        ):
            break
        if row:
            before = Result(row[-1].location)
            first, last = _name(row[0]), _name(item)
            follows = item.operands == (before,) and taken[before] == 1 and item.definition is row[0].definition
            if first is None or last is None or not follows or last != (first[0], first[1] + len(row)):
                break
        elif len(item.operands) != 1:
            break
        row.append(item)
    return row


def _name(item: CallUse) -> tuple[str, int] | None:
    """What stands before the number in a name, and the number."""
    if item.number is not None:
        return ("", item.number.value) if isinstance(item.number, Const) and type(item.number.value) is int else None
    found = _NUMBERED.fullmatch(item.name)
    return (found[1], int(found[2])) if found and "{" not in found[1] else None


def _loop(
    row: Sequence[CallUse],
    definition: Definition,
    depth: int,
    arguments: Callable[[CallUse], dict[str, Expr]],
) -> tuple[int, LoopUse] | None:
    """As many of the calls as one loop says, and the loop."""
    written = [replace(use, arguments=arguments(use), operands=row[0].operands) for use in row]
    runs = [Run(Const(place), Const(place + 1), use, depth) for place, use in enumerate(written)]
    first, *_ = gathered(merged(runs), 1, definition.whole, definition.budget)
    count = first.count
    if count is None or count < _SHORTEST:
        return None
    named = _name(row[0])
    assert named is not None
    prefix, start = named
    paths = tuple(dict.fromkeys(path for use in row[:count] for path in use.paths))
    iterations = tuple(use.paths for use in row[:count])
    index = iteration_names(depth)[0]
    assert isinstance(first.item, CallUse)
    if not any(index in names(expr, definition.budget) for expr in first.item.arguments.values()):
        # Nothing else counts the iterations: their numbers do.
        first = replace(first, start=Const(start), stop=Const(start + count))
        iterations, start = (*((),) * start, *iterations), 0
    pattern = f"{prefix}{{i + {start}}}" if start else f"{prefix}{{i}}"
    return count, LoopUse(row[count - 1].location, "", None, pattern, (first,), row[0].operands, paths, iterations)
