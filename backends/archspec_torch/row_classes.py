"""Classes that are an `nn.Sequential` or an `nn.ModuleList` of their own: what they hold, what `forward` does."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from archspec.codegen.escaping import is_attribute
from archspec.codegen.reuse import is_reuse
from archspec.codegen.rolled import rolled
from archspec.codegen.tree import (
    CallUse,
    ChoiceUse,
    Definition,
    ItemUse,
    LayerUse,
    LoopUse,
    Module,
    SequenceUse,
    Tree,
)
from archspec.codegen.variable_allocation import uses
from archspec.codegen.walk import is_chain
from archspec.expr import Const
from archspec.ir.scope import Operand, Ref, Result
from archspec.limits import Budget
from archspec_torch.constructor_arguments import expressions
from archspec_torch.constructors import fits_sequential, is_numbered, members
from archspec_torch.ops import ROWS

_MOST_CALLED: Final = 40
"""Members in a row that a `forward` calls one by one."""


@dataclass(frozen=True, slots=True)
class RowClass:
    """What a class is that holds its parts by place."""

    base: str
    """The class that it is derived from."""
    parts: Tree
    """The modules that it holds."""
    forward: Tree | None = None
    """What `forward` computes where that is more than one part after the other; the parts are its first item."""
    merge: LayerUse | None = None
    """The layer that joins what the parts give, each of the same tensor."""
    assigned: bool = False
    """Whether the parts are members, in order: loops give some of them their names."""


def row_class(definition: Definition) -> RowClass | None:
    """What a definition's class is; None where it is an `nn.Module` with members."""
    tree = definition.tree
    if definition.in_order:
        return RowClass("nn.Sequential", tree, assigned=True)
    if definition.operands != 1:
        return None
    if _is_row(tree, definition.budget, named=not definition.is_network):
        return RowClass("nn.Sequential", tree)
    if definition.is_network:
        return None
    return _branches(tree) or _led_by_row(tree, definition.budget)


def is_rolled(item: ItemUse) -> bool:
    """Whether an item is a loop that has no scope of its own, whose iterations are members of the class."""
    return isinstance(item, LoopUse) and not item.name and item.number is None


def with_rolled_rows(module: Module, named: Collection[str]) -> Module:
    """The module with loops for calls in a row, in classes that consist of one member after the other.

    No `forward` could call members whose names a loop gives, nor would one that calls very many of them be read; an
    `nn.Sequential` calls all that it has. `named` are the outputs of the network that have names: then it has a
    `forward`.
    """
    for definition in module.definitions:
        tree = definition.tree
        if definition.operands != 1 or (definition.is_network and named) or not is_chain(tree):
            continue
        if (
            not fits_sequential(tree)
            or not all(map(_is_member, tree.items))
            or _is_row(tree, definition.budget, named=False)
        ):
            continue
        items = tuple(rolled(tree, definition, 0, shown=expressions, elsewhere=1))
        if any(map(is_rolled, items)) or len(items) > _MOST_CALLED:
            definition.tree, definition.in_order = replace(tree, items=items), True
    return module


def unheld(module: Module) -> frozenset[str]:
    """The paths of iterations in loops without a scope of their own that no class holds: its `forward` would have to
    call members whose names the loop gives.
    """
    return frozenset(
        path
        for definition in module.definitions
        if not definition.in_order and row_class(definition) is None
        for item in members(definition.tree)
        if is_rolled(item)
        for path in item.paths
    )


def _is_member(item: ItemUse) -> bool:
    return is_rolled(item) or (not isinstance(item, ChoiceUse) and item.number is None and is_attribute(item.name))


def _is_row(tree: Tree, budget: Budget, *, named: bool) -> bool:
    """Whether items are modules in a row that have numbers for names, or, where they may be `named`, a name among them
    that is no attribute of Python's, which a `forward` could not call as a person writes it. Nothing is no row.
    """
    numbered = all(is_numbered(item, budget) for item in members(tree))
    unspeakable = any(item.number is None and not is_attribute(item.name) for item in members(tree))
    loops = [item for item in members(tree) if isinstance(item, LoopUse)]
    return (
        bool(tree.items)
        and (numbered or (unspeakable and named))
        and not any(run.carried is not None for loop in loops for run in loop.runs)
        and is_chain(tree)
        and fits_sequential(tree)
    )


def _branches(tree: Tree) -> RowClass | None:
    """Numbered modules that all take what arrives, and one concatenation of what they give."""
    parts, last = tree.items[:-1], tree.items[-1] if tree.items else None
    results = tuple(Result(item.location) for item in parts)
    if (
        not isinstance(last, LayerUse)
        or last.op.name != "concat"
        or len(parts) < 2
        or not all(_is_branch(item, place) for place, item in enumerate(parts))
        or last.operands != results
        or tree.results != (Result(last.location),)
    ):
        return None
    return RowClass("nn.ModuleList", Tree(parts, results), merge=last)


def _is_branch(item: ItemUse, place: int) -> bool:
    """Whether an item is a module in this place that takes what arrives and gives one tensor."""
    match item:
        case SequenceUse():
            single = len(item.body.results) == 1
        case CallUse():
            single = len(item.definition.tree.results) == 1
        case _:
            return False
    return single and not is_reuse(item) and item.number == Const(place) and item.operands == (Operand(0),)


def _led_by_row(tree: Tree, budget: Budget) -> RowClass | None:
    """Modules in a row, and functions of what they give."""
    last: Ref = Operand(0)
    count = 0
    for item in tree.items:
        if isinstance(item, LayerUse) and _is_function(item):
            break
        if not isinstance(item, LayerUse | CallUse | SequenceUse | LoopUse) or item.operands != (last,):
            return None
        last, count = Result(item.location), count + 1
    first, rest = tree.items[:count], tree.items[count:]
    if all(isinstance(item, ChoiceUse) or item.name == str(place) for place, item in enumerate(first)):
        first = tuple(_numbered(item, place) for place, item in enumerate(first))
    row = Tree(first, (last,))
    inner = {Result(item.location) for item in first[:-1]}
    later = replace(tree, items=rest)
    if (
        count < 2
        or not rest
        or not _is_row(row, budget, named=True)
        or not all(isinstance(item, LayerUse) and _is_function(item) for item in rest)
        or len(tree.results) > 1
        or inner & {*uses(later)}
    ):
        return None
    paths = tuple(dict.fromkeys(path for item in members(row) for path in item.paths))
    held = SequenceUse(first[-1].location, "", None, row, (Operand(0),), paths)
    return RowClass("nn.Sequential", row, forward=replace(tree, items=(held, *rest)))


def _numbered(item: ItemUse, place: int) -> ItemUse:
    return item if isinstance(item, ChoiceUse) else replace(item, number=Const(place))


def _is_function(use: LayerUse) -> bool:
    row = ROWS[use.op.name]
    return use.results == 1 and row.bare_for(use) is None and row.function_for(use) is not None
