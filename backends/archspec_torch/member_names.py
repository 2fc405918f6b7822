"""What items become as members of a class: their names, and what stands on the sides of conditions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from archspec.codegen.merging import united
from archspec.codegen.reuse import Use, is_reuse
from archspec.codegen.tree import CallUse, ChoiceUse, ItemUse, LayerUse, LoopUse, SequenceUse, Tree
from archspec.codegen.walk import results_of
from archspec.expr import Const, Expr, IfElse
from archspec.ir.scope import Result
from archspec_torch.ops import ROWS

_DIFFERENT: Final = 2
"""Arguments of a call that a condition may decide; where it decides more, they are two calls."""


def ordered_names(tree: Tree, made: Collection[int] = frozenset()) -> Iterator[str]:
    """The members that a tree becomes, those under conditions included; but for what is made elsewhere, by location."""
    for item in tree.items:
        match item:
            case ChoiceUse():
                yield from ordered_names(item.then, made)
                yield from ordered_names(item.other, made)
            case CallUse() if item.location in made:
                pass
            case LayerUse() if is_no_module(item):
                pass
            case _ if not is_reuse(item):
                yield member_name(item)
            case _:
                pass


def certain_names(tree: Tree) -> set[str]:
    """The members that a tree becomes whatever its conditions say."""
    found: set[str] = set()
    for item in tree.items:
        if isinstance(item, ChoiceUse):
            found |= certain_names(item.then) & certain_names(item.other)
        else:
            found |= {*ordered_names(Tree((item,), ()))}
    return found


def is_no_module(use: LayerUse) -> bool:
    """Whether a layer is written as a function, or as a parameter."""
    row = ROWS[use.op.name]
    return row.bare_for(use) is not None or row.function_for(use) is not None


def member_name(item: Use) -> str:
    """The name of an item's module: its number, where it is one of a row."""
    return str(item.number.value) if isinstance(item.number, Const) else item.name


def arms(item: ChoiceUse) -> list[tuple[Expr | None, Use]] | None:
    """The items of which conditions choose one, if all of them have one name; the last has no condition."""
    then, other = row(item.then, item), row(item.other, item)
    if then is None or len(then) != 1:
        return None
    if other is not None:
        rest: list[tuple[Expr | None, Use]] | None = [(None, other[0])] if len(other) == 1 else None
    else:
        inner = item.other.items[0] if len(item.other.items) == 1 else None
        passed_on = isinstance(inner, ChoiceUse) and inner.operand == item.operand
        rest = arms(inner) if isinstance(inner, ChoiceUse) and passed_on else None
    same = rest is not None and member_name(rest[0][1]) == member_name(then[0])
    return [(item.condition, then[0]), *rest] if rest is not None and same else None


def members_of(item: ChoiceUse) -> Iterator[Use]:
    """The items on both sides of a condition, those under conditions inside included."""
    for part in (*item.then.items, *item.other.items):
        if isinstance(part, ChoiceUse):
            yield from members_of(part)
        else:
            yield part


def is_indexed(item: ItemUse) -> bool:
    """Whether `forward` takes parts of an item's member, or goes through them."""
    match item:
        case LoopUse():
            return not item.called and (bool(item.marks) or len(item.operands) > 1)
        case SequenceUse():
            return results_of(item) > 1
        case _:
            return False


def is_part_of_row(name: str, items: Iterable[Use]) -> bool:
    """Whether some of these items are called so and are parts of a row, reached by their places in it."""
    return any(member_name(item) == name and is_indexed(item) for item in items)


def needs_its_members(tree: Tree) -> bool:
    """Whether a side of a condition cannot be compiled where its members are not there, but identities are."""
    for item in tree.items:
        match item:
            case ChoiceUse():
                found = needs_its_members(item.then) or needs_its_members(item.other)
            case CallUse():
                found = results_of(item) > 1
            case LayerUse():
                found = results_of(item) > 1 and not is_no_module(item)
            case _:
                found = is_indexed(item)
        if found:
            return True
    return False


def row(tree: Tree, choice: ChoiceUse) -> list[Use] | None:
    """The items of a side, if they are modules in a row from what arrives to the result; none where it passes on."""
    last = choice.operand
    found: list[Use] = []
    for item in tree.items:
        if isinstance(item, ChoiceUse) or item.operands != (last,) or is_reuse(item):
            return None
        if isinstance(item, LayerUse) and (not ROWS[item.op.name].has_module(item) or item.results > 1):
            return None
        if isinstance(item, CallUse) and len(item.definition.tree.results) > 1:
            return None
        if isinstance(item, SequenceUse) and len(item.body.results) > 1:
            return None
        if isinstance(item, LoopUse) and (item.marks or any(run.carried is not None for run in item.runs)):
            return None
        last = Result(item.location)
        found.append(item)
    return found if tree.results == (last,) else None


def calls_of_both(item: ChoiceUse) -> list[tuple[CallUse, CallUse, CallUse]]:
    """The calls of one definition that both sides have under one name, and one call that stands for the two.

    Its arguments ask for the condition where they differ.
    """
    found: list[tuple[CallUse, CallUse, CallUse]] = []
    others = {use.name: use for use in item.other.items if isinstance(use, CallUse) and use.number is None}
    for use in item.then.items:
        other = others.get(use.name) if isinstance(use, CallUse) and use.number is None else None
        if not isinstance(use, CallUse) or other is None or other.definition is not use.definition:
            continue
        if use.reuses or other.reuses or use.arguments.keys() != other.arguments.keys():
            continue
        pairs = {name: (expr, other.arguments[name]) for name, expr in use.arguments.items()}
        if sum(one != two for one, two in pairs.values()) > _DIFFERENT:
            continue
        given = {name: one if one == two else IfElse(item.condition, one, two) for name, (one, two) in pairs.items()}
        together = united(use, [other])
        assert isinstance(together, CallUse)
        found.append((use, other, replace(together, arguments=given)))
    return found


def joinable(item: ChoiceUse, sides: Sequence[Sequence[Use] | None], makers: Mapping[str, int]) -> bool:
    """Members can stand for both sides: one of the same name, or none on one side; no other item makes them."""
    then, other = sides
    if then is None or other is None or not (then or other):
        return False
    if then and other:
        [*names] = {member_name(use) for use in (*then, *other)}
        return len(then) == len(other) == len(names) == 1 and makers[names[0]] == 2
    return all(makers[member_name(use)] == 1 for use in then or other)


def activations(item: ChoiceUse) -> list[tuple[Expr | None, LayerUse | None]] | None:
    """The activations of which conditions choose one, or none, where none has weights or a name of its own.

    The last has no condition. None where it is not so.
    """
    found: list[tuple[Expr | None, LayerUse | None]] = []
    for condition, side in ((item.condition, item.then), (None, item.other)):
        match side.items:
            case () if side.results == (item.operand,):
                found.append((condition, None))
            case (LayerUse(named=False, number=None, has_weights=False) as use,) if use.op.kind == "activation":
                found.append((condition, use))
            case (ChoiceUse() as inner,) if condition is None and inner.operand == item.operand:
                rest = activations(inner)
                if rest is None:
                    return None
                found += rest
            case _:
                return None
    return found
