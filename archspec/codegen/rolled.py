"""Calls in a row that differ in their numbers alone, as one loop: `for i in range(8)` for calls one by one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from archspec.codegen.merging import merged
from archspec.codegen.progressions import gathered
from archspec.codegen.reuse import uses_of
from archspec.codegen.table_rows import Shown
from archspec.codegen.tabled_calls import lines_of, lines_of_loop, tabled
from archspec.codegen.tree import (
    CallUse,
    ChoiceUse,
    Definition,
    ItemUse,
    LoopUse,
    Module,
    Run,
    SequenceUse,
    Tree,
    iteration_names,
)
from archspec.codegen.variable_allocation import uses
from archspec.expr import Const, Expr, names
from archspec.ir.scope import Ref, Result
from archspec.limits import Budget

_FEWEST_EQUAL: Final = 3
"""Fewer calls that are the same are read sooner one by one."""
_FEWEST: Final = 4
"""Fewer that follow a formula or a table."""
_NUMBERED: Final = re.compile(r"(.*?)(0|[1-9]\d*)")
_LETTERED: Final = re.compile(r"(.*\d)([a-z])")
"""A number and a letter: a stage and its unit."""


def rolled(
    tree: Tree,
    definition: Definition,
    depth: int,
    *,
    again: Collection[int] = (),
    arguments: Callable[[CallUse], dict[str, Expr]] = lambda use: dict(use.arguments),
    shown: Shown | None = None,
    elsewhere: int = 0,
) -> Iterator[ItemUse]:
    """The items of a tree, calls in a row as loops that have no scope of their own.

    Such a loop has neither a name nor a number; its pattern gives the names that its calls have. `depth` is how many
    loops are around, `arguments` what is written of a call's. `again` are the locations of what is called again in
    the scope, which is made by itself. With `shown` arguments that follow no formula are those of a table, where that
    is shorter; each call takes so many lines `elsewhere`, which a loop spares.
    """
    taken = Counter(uses(tree))
    items = list(tree.items)
    while items:
        row = _row(items, taken, again, tree.labels)
        loop = _loop(row, definition, depth + 1, arguments, shown, elsewhere) if len(row) >= _FEWEST_EQUAL else None
        if loop is None:
            yield items.pop(0)
            continue
        count, made = loop
        yield made
        del items[:count]


def _row(
    items: Sequence[ItemUse], taken: Counter[Ref], again: Collection[int], named: Collection[Ref]
) -> list[CallUse]:
    """The calls of one definition that the items begin with, each of which takes what the one before gives.

    What is one of `named` has a variable of its own, which no loop goes on with.
    """
    row: list[CallUse] = []
    for item in items:
        if (
            not isinstance(item, CallUse)
            or item.reuses
            or item.location in again
            or len(item.definition.tree.results) > 1
            or (Result(item.location) in named and taken[Result(item.location)] > 1)
        ):
            break
        if row:
            before = Result(row[-1].location)
            first, last = counted_name(row[0]), counted_name(item)
            follows = item.operands == (before,) and taken[before] == 1 and item.definition is row[0].definition
            if first is None or not follows or last != first._replace(place=first.place + len(row)):
                break
        elif len(item.operands) != 1:
            break
        row.append(item)
    return row


class Counted(NamedTuple):
    """A name that counts."""

    prefix: str
    place: int
    is_letter: bool = False

    def pattern(self, count: int) -> str:
        """The pattern of so many names from this one on, the first for `i = 0`."""
        if self.is_letter:
            letters = [chr(self.place + more) for more in range(count)]
            return f"{self.prefix}{{{letters}[i]}}"
        return f"{self.prefix}{{i + {self.place}}}" if self.place else f"{self.prefix}{{i}}"


def counted_name(item: CallUse | SequenceUse) -> Counted | None:
    """What stands before the number or the letter in a name, and which it is."""
    match item.number:
        case None:
            pass
        case Const(int() as place):
            return Counted("", place)
        case _:
            return None
    found = _NUMBERED.fullmatch(item.name)
    if found is not None:
        return Counted(found[1], int(found[2])) if "{" not in found[1] else None
    found = _LETTERED.fullmatch(item.name)
    return Counted(found[1], ord(found[2]), is_letter=True) if found and "{" not in found[1] else None


def _loop(
    row: Sequence[CallUse],
    definition: Definition,
    depth: int,
    arguments: Callable[[CallUse], dict[str, Expr]],
    shown: Shown | None,
    elsewhere: int,
) -> tuple[int, LoopUse] | None:
    """As many of the calls as one loop says, and the loop."""
    written = [replace(use, arguments=arguments(use), operands=row[0].operands) for use in row]
    named = counted_name(row[0])
    assert named is not None
    first = _first(written, definition, depth)
    if named.place and not named.is_letter:  # best the numbers are those that the names have
        by_name = _first(written, definition, depth, named.place)
        first = by_name if by_name.count == first.count else first
    if shown is not None and first.count != len(written):
        longer = tabled(written, definition, depth, shown)
        if longer is not None and _is_shorter(longer, written, definition, depth, elsewhere):
            first = longer
    count = first.count
    if count is None or not _is_loop(first, definition.budget, is_letter=named.is_letter):
        return None
    if count < _FEWEST and shown is not None and count < len(written):
        later = tabled(written[1:], definition, depth, shown)  # a table that goes on after them has them, too
        goes_on = later is not None and (later.count or 0) >= count
        if later is not None and goes_on and _is_shorter(later, written[1:], definition, depth, elsewhere):
            return None
    paths = tuple(dict.fromkeys(path for use in row[:count] for path in use.paths))
    iterations = tuple(use.paths for use in row[:count])
    if not _counts(first, definition.budget) and not named.is_letter:
        # Nothing else counts the iterations: their numbers do.
        first = replace(first, start=Const(named.place), stop=Const(named.place + count))
    if first.first:
        iterations, named = (*((),) * named.place, *iterations), named._replace(place=0)
    return count, LoopUse(
        row[count - 1].location, "", None, named.pattern(count), (first,), row[0].operands, paths, iterations
    )


def _first(calls: Sequence[CallUse], definition: Definition, depth: int, start: int = 0) -> Run:
    """As many of the calls as one formula gives, counted from `start`; the first alone where there is none."""
    runs = [Run(Const(place), Const(place + 1), use, depth) for place, use in enumerate(calls, start)]
    return gathered(merged(runs), 1, definition.whole, definition.budget)[0]


def _is_loop(run: Run, budget: Budget, *, is_letter: bool = False) -> bool:
    """Whether so many calls are a loop, sooner than one after the other."""
    is_equal = run.rows is None and not is_letter and not _counts(run, budget)
    return run.count is not None and run.count >= (_FEWEST_EQUAL if is_equal else _FEWEST)


def _counts(run: Run, budget: Budget) -> bool:
    """Whether the arguments of a run's call speak of its index."""
    assert isinstance(run.item, CallUse)
    index = iteration_names(run.depth)[0]
    return any(index in names(expr, budget) for expr in run.item.arguments.values())


def _is_shorter(table: Run, calls: Sequence[CallUse], definition: Definition, depth: int, elsewhere: int) -> bool:
    """Whether a loop over a table takes fewer lines, about, than the calls as they are written without it.

    A stage whose first unit alone is another needs no table.
    """
    assert table.count is not None
    left = [*calls[: table.count]]
    lines = 0
    if _first(left[1:], definition, depth).count == len(left) - 1:
        return False
    while left:
        run = _first(left, definition, depth)
        count = run.count if run.count is not None and _is_loop(run, definition.budget) else 1
        lines += lines_of(left[0]) + (elsewhere if count == 1 else 1)
        del left[:count]
    return lines_of_loop(table) < lines


def with_rolled_calls(module: Module, arguments: Callable[[CallUse], dict[str, Expr]], shown: Shown) -> Module:
    """The module with loops for calls in a row, wherever they stand."""
    for definition in module.definitions:
        roll = _Roller(definition, arguments, shown)
        definition.tree = roll.tree(definition.tree, 0, uses_of(definition.tree))
    return module


@dataclass(frozen=True, slots=True)
class _Roller:
    definition: Definition
    arguments: Callable[[CallUse], dict[str, Expr]]
    shown: Shown

    def tree(self, tree: Tree, depth: int, again: Collection[int]) -> Tree:
        """A tree inside of so many loops; `again` are the locations of what is called again in its scope."""
        items = tuple(self.item(item, depth, again) for item in tree.items)
        rows = rolled(
            replace(tree, items=items), self.definition, depth, again=again, arguments=self.arguments, shown=self.shown
        )
        return replace(tree, items=tuple(rows))

    def item(self, item: ItemUse, depth: int, again: Collection[int]) -> ItemUse:
        match item:
            case SequenceUse():
                return self.sequence(item, depth)
            case ChoiceUse():
                then, other = (self.tree(side, depth, again) for side in (item.then, item.other))
                return replace(item, then=then, other=other)
            case LoopUse():
                runs = (
                    replace(run, item=self.sequence(run.item, run.depth)) if isinstance(run.item, SequenceUse) else run
                    for run in item.runs
                )
                return replace(item, runs=tuple(runs))
            case _:
                return item

    def sequence(self, item: SequenceUse, depth: int) -> SequenceUse:
        return replace(item, body=self.tree(item.body, depth, uses_of(item.body)))
