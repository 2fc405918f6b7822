"""Going through the items of a tree, those inside of others included."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from archspec.codegen.tree import CHANNELS, CallUse, ChoiceUse, ItemUse, LayerUse, LoopUse, SequenceUse, Tree
from archspec.expr import Expr, names
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


def used_names(tree: Tree, budget: Budget) -> frozenset[str]:
    """The names in the expressions of a tree, those for the channels of operands included."""
    found: set[str] = set()

    def see(item: ItemUse) -> None:
        exprs: Iterable[Expr | None] = ()
        match item:
            case LayerUse():
                exprs = (*item.exprs.values(), *item.features)
            case CallUse():
                taken = {CHANNELS.id, *(parameter.name for parameter in item.definition.parameters)}
                exprs = [expr for name, expr in item.arguments.items() if name in taken]
            case ChoiceUse():
                exprs = (item.condition,)
            case LoopUse():
                exprs = [part for run in item.runs for part in (run.start, run.stop, run.carried, run.carried_next)]
            case SequenceUse():
                pass
        for expr in exprs:
            found.update(names(expr, budget) if expr is not None else ())

    _visit(tree, see)
    return frozenset(found)
