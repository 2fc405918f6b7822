"""The channels of a repeat: how many there are after its iterations, as an expression."""

from __future__ import annotations

from typing import Final

from archspec.codegen.symbolic import is_large
from archspec.codegen.tree import Run, iteration_names
from archspec.expr import Binary, Const, Expr, Name, fold, names
from archspec.limits import Budget

MOST_UNROLLED: Final = 16


def channels_after(run: Run, budget: Budget) -> Expr | None:
    """The channels after all iterations of a repeat, if they can be written down."""
    assert run.carried is not None and run.carried_next is not None
    index, channels = iteration_names(run.depth)
    if run.count == 0:
        return run.carried
    found = after_iterations(run, run.stop, budget)
    if found is not None:
        return found
    if run.count is not None and channels not in names(run.carried_next, budget):
        return fold(run.carried_next, budget, {index: Const(run.count - 1)}, is_whole=True)
    if run.count is not None and run.count <= MOST_UNROLLED:
        arriving = run.carried
        for number in range(run.count):
            arriving = fold(run.carried_next, budget, {index: Const(number), channels: arriving}, is_whole=True)
            if is_large(arriving):
                return None
        return arriving
    return None


def after_iterations(run: Run, count: Expr, budget: Budget) -> Expr | None:
    """The channels after `count` iterations, if there is a formula for them."""
    assert run.carried is not None and run.carried_next is not None
    index, channels = iteration_names(run.depth)
    match run.carried_next:
        case after if not names(after, budget) & {channels, index}:
            return after
        case after if fold(after, budget, {channels: run.carried}, is_whole=True) == run.carried:
            return run.carried  # whichever iteration gets what the first one gets leaves it so
        case Name(name) if name == channels:
            return run.carried
        case Binary("+", Name(name), step) if name == channels and not names(step, budget) & {channels, index}:
            return fold(Binary("+", run.carried, Binary("*", step, count)), budget, is_whole=True)
        case _:
            return None
