"""Calls in a row whose arguments follow no formula, as iterations that look theirs up in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from archspec.codegen.merging import with_items
from archspec.codegen.progressions import by_parts, progression
from archspec.codegen.table_rows import Shown, through_rows
from archspec.codegen.tree import CHANNELS, CallUse, Definition, Run, iteration_names
from archspec.expr import Const, Expr, Index, Name, Value, fold, source

_WIDEST: Final = 7
"""Values in a row, at most: nobody would read a wider table sooner than the calls."""

_LINE: Final = 88
"""Characters of a line, without what is indented."""
_AROUND: Final = 36
"""What stands around the arguments of a call."""
_NAMED: Final = 12
"""A call's name, among its arguments."""


def tabled(calls: Sequence[CallUse], definition: Definition, depth: int, shown: Shown) -> Run | None:
    """As many of the calls as one loop over a table says; None where their arguments are not alike.

    Where each call gets the channels that the one before gives, the loop carries them along.
    """
    for count in range(len(calls), 1, -1):
        definition.budget.spend(count)
        run = _run(calls[:count], definition, depth)
        if run is not None:
            made = through_rows(run, definition, shown)
            width = 0 if made.rows is None else len(made.rows.names)
            return made if 0 < width <= min(_WIDEST, max(count // 2, 2)) else None
    return None


def lines_of_loop(run: Run) -> int:
    """How many lines a loop over a table takes, about, with the table."""
    assert run.count is not None and run.rows is not None and isinstance(run.item, CallUse)
    table = 1 if len(source(run.rows.table)) <= _LINE else run.count + 2
    return table + 1 + lines_of(run.item) + (0 if run.carried is None else 3)


def lines_of(use: CallUse) -> int:
    """How many lines a call takes, about."""
    known = {given.name: given for given in use.definition.parameters}
    said = [
        (name, expr)
        for name, expr in use.arguments.items()
        if name == CHANNELS.id or (name in known and known[name].default != expr)
    ]
    named = [name for name, _ in said if name in known and not known[name].is_width]
    inside = sum(len(source(expr)) + 2 for _, expr in said) + sum(len(name) + 1 for name in named)
    if inside + _AROUND <= _LINE:
        return 1
    return 3 if inside + _NAMED <= _LINE else 2 + len(said)


def _run(calls: Sequence[CallUse], definition: Definition, depth: int) -> Run | None:
    index, channels = iteration_names(depth)
    found = dict(calls[0].arguments)
    carried: Expr | None = None
    taken = {CHANNELS.id, *(given.name for given in calls[0].definition.parameters)}
    for name in [name for name in found if name in taken]:
        values = [use.arguments[name] for use in calls]
        expr = progression(values, Name(index), 0, definition.whole, definition.budget)
        if expr is None and name == CHANNELS.id and _follow(calls, definition):
            carried, expr = values[0], Name(channels)
        expr = expr or _looked_up(values, index)
        if expr is None:
            return None
        found[name] = expr
    after = None if carried is None else _given(calls[0].definition, found, definition)
    item = replace(calls[0], arguments=found)
    run = Run(Const(0), Const(len(calls)), item, depth, carried=carried, carried_next=after)
    return with_items(run, calls[1:])


def _follow(calls: Sequence[CallUse], definition: Definition) -> bool:
    """Whether the channels that arrive at each call are those that the one before gives."""
    return all(
        use.arguments[CHANNELS.id] == _given(before.definition, before.arguments, definition)
        for before, use in pairwise(calls)
    )


def _given(called: Definition, arguments: Mapping[str, Expr], definition: Definition) -> Expr:
    """The channels that a call gives."""
    known = dict(arguments)
    for local in called.locals:
        known[local.name] = fold(local.expr, definition.budget, known, whole=definition.whole)
    return fold(called.features[0], definition.budget, known, whole=definition.whole, is_whole=True)


def _looked_up(values: Sequence[Expr], index: str) -> Expr | None:
    """An expression that has a value of a table where these differ; None where they differ in more than numbers."""
    if all(value == values[0] for value in values):
        return values[0]
    constants = [value.value for value in values if isinstance(value, Const)]
    if len(constants) == len(values):
        return Index(Const(tuple(constants)), Name(index)) if _are_alike(constants) else None
    return by_parts(values, lambda column: _looked_up(column, index))


def _are_alike(values: Sequence[Value]) -> bool:
    kinds = {*map(type, values)}
    return kinds <= {int, float} or kinds in ({str}, {bool})
