"""Going through the items of a tree, those inside of others included."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final

from archspec.codegen.marked_text import inside
from archspec.codegen.tree import (
    CHANNELS,
    CallUse,
    ChoiceUse,
    ItemUse,
    LayerUse,
    LoopUse,
    SequenceUse,
    Tree,
    iteration_names,
)
from archspec.expr import Expr, names
from archspec.ir.scope import Operand, Ref, Result
from archspec.limits import Budget


def item_number(item: ItemUse) -> Expr | None:
    """The item's number in a named sequence; a choice has none of its own."""
    return None if isinstance(item, ChoiceUse) else item.number


def _visit(tree: Tree, see: Callable[[ItemUse], None]) -> None:
    for item in tree.items:
        if not isinstance(item, ChoiceUse) and item.reuses:  # what it has was seen where it stands
            continue
        see(item)
        match item:
            case SequenceUse():
                _visit(item.body, see)
            case ChoiceUse():
                _visit(item.then, see)
                _visit(item.other, see)
            case LoopUse():
                for run in item.runs:
                    _visit(Tree((run.item,), ()), see)
            case _:
                pass


def calls(tree: Tree) -> list[CallUse]:
    """All calls written in a tree."""
    found: list[CallUse] = []
    _visit(tree, lambda item: found.append(item) if isinstance(item, CallUse) else None)
    return found


def all_layers(tree: Tree) -> list[LayerUse]:
    """All layers written in a tree, those of called definitions left out."""
    found: list[LayerUse] = []
    _visit(tree, lambda item: found.append(item) if isinstance(item, LayerUse) else None)
    return found


def results_of(item: ItemUse) -> int:
    """How many tensors an item gives."""
    match item:
        case LayerUse():
            return item.results
        case CallUse():
            return len(item.definition.tree.results)
        case SequenceUse():
            return len(item.body.results)
        case ChoiceUse():
            return len(item.then.results)
        case LoopUse():
            return 1 + len(item.marks)


def loops(tree: Tree) -> list[LoopUse]:
    """All loops written in a tree, those of called definitions left out."""
    found: list[LoopUse] = []
    _visit(tree, lambda item: found.append(item) if isinstance(item, LoopUse) else None)
    return found


def used_names(tree: Tree, budget: Budget) -> frozenset[str]:
    """The names in the expressions of a tree, those for the channels of operands included.

    Those for the iterations of its own loops are none of them.
    """
    found: set[str] = set()
    bound: set[str] = set()

    def see(item: ItemUse) -> None:
        exprs: Iterable[Expr | None] = ()
        match item:
            case LayerUse():
                exprs = (*item.exprs.values(), *item.features, *item.draws.values(), item.flat_name)
            case CallUse():
                taken = {CHANNELS.id, *(parameter.name for parameter in item.definition.parameters)}
                exprs = [expr for name, expr in item.arguments.items() if name in taken]
            case ChoiceUse():
                exprs = (item.condition,)
            case LoopUse():
                exprs = [part for run in item.runs for part in (run.start, run.stop, run.carried, run.carried_next)]
                bound.update(name for run in item.runs for name in iteration_names(run.depth))
            case SequenceUse():
                pass
        for expr in exprs:
            found.update(names(expr, budget) if expr is not None else ())

    _visit(tree, see)
    for expr in counts(tree):
        found.update(names(expr, budget))
    return frozenset(found - bound)


def counts(tree: Tree) -> Iterator[Expr]:
    """How many rounds there are of items in turn, here and in sequences, where that is open."""
    yield from tree.counts.values()
    for item in tree.items:
        match item:
            case SequenceUse():
                yield from counts(item.body)
            case LoopUse():
                yield from (expr for run in item.runs for expr in counts(Tree((run.item,), ())))
            case _:
                pass


def layers(tree: Tree) -> Iterator[LayerUse]:
    """All layers written in a tree, those of called definitions left out."""
    for item in tree.items:
        match item:
            case LayerUse():
                yield item
            case SequenceUse(body=body):
                yield from layers(body)
            case ChoiceUse(then=then, other=other):
                yield from layers(then)
                yield from layers(other)
            case LoopUse(runs=runs):
                for run in runs:
                    if isinstance(run.item, SequenceUse):
                        yield from layers(run.item.body)
            case CallUse():
                pass


def deepest(tree: Tree) -> int:
    """How many loops stand inside each other at most, those of called definitions left out."""
    found = 0
    for item in tree.items:
        match item:
            case SequenceUse(body=body):
                found = max(found, deepest(body))
            case ChoiceUse(then=then, other=other):
                found = max(found, deepest(then), deepest(other))
            case LoopUse(runs=runs):
                inner = (deepest(run.item.body) for run in runs if isinstance(run.item, SequenceUse))
                found = max(found, *(run.depth for run in runs), *inner, 0)
            case LayerUse() | CallUse():
                pass
    return found


def row_names(tree: Tree) -> list[str]:
    """What the values of the rows that loops go through are called in expressions."""
    return list(
        dict.fromkeys(name for loop in loops(tree) for run in loop.runs if run.rows for name in run.rows.names if name)
    )


def carrying(tree: Tree) -> set[int]:
    """How deep the loops of a tree stand that carry channels along, those of called definitions left out."""
    return {run.depth for loop in loops(tree) for run in loop.runs if run.carried is not None}


def held(*items: ItemUse, scopes: Collection[str] | None = None) -> list[str]:
    """The paths of items and of all that is in them, what called definitions hold left out.

    `scopes` are the iterations that count, where the items stand in iterations of a loop.
    """
    found: list[str] = []
    for item in items:
        match item:
            case ChoiceUse(then=then, other=other):
                found += held(*then.items, *other.items, scopes=scopes)
                continue
            case SequenceUse(body=body):
                found += held(*body.items, scopes=scopes)
            case LoopUse():
                for run in item.runs:
                    iterations = item.iterations_of(run, scopes)
                    found += iterations
                    found += held(run.item, scopes={*iterations})
            case LayerUse() | CallUse():
                pass
        found += inside(item.paths, scopes)
    return found


_FIRST: Final = Operand(0)


def is_chain(tree: Tree, start: Ref = _FIRST) -> bool:
    """Each item takes what the one before gives, the first `start`, so that `nn.Sequential` can hold it."""
    last = start
    for item in tree.items:
        match item:
            case ChoiceUse():
                if item.operand != last or not (is_chain(item.then, last) and is_chain(item.other, last)):
                    return False
            case _:
                if item.operands != (last,) or (isinstance(item, LayerUse) and item.results > 1):
                    return False
        last = Result(item.location)
    return tree.results == (last,)


def stops(tree: Tree) -> tuple[int, ...] | None:
    """How many items of a chain give each of its results, in their order; None if it is no chain of numbered parts.

    A chain gives what its last item gives, and, where tensors are taken out of its middle, what stands there.
    """
    last: Ref = _FIRST
    for item in tree.items:
        if isinstance(item, ChoiceUse) or item.operands != (last,) or (isinstance(item, LayerUse) and item.results > 1):
            return None
        last = Result(item.location)
    places: dict[Ref, int] = {Result(item.location): place for place, item in enumerate(tree.items, start=1)}
    found = tuple(places[ref] for ref in tree.results if ref in places)
    return found if len(found) == len(tree.results) and len(tree.items) in found else None
