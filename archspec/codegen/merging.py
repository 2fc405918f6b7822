"""Neighboring iterations that are the same become one run, which has the places of all."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, zip_longest

from archspec.codegen.marked_text import Instances
from archspec.codegen.reuse import Use, uses_of
from archspec.codegen.tree import CallUse, ChoiceUse, ItemUse, LayerUse, LoopUse, Run, SequenceUse, Tree


def merged(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Neighboring iterations with the same item become one run."""
    alike = [list(group) for _, group in groupby(runs, key=_alike)]
    return tuple(
        dataclasses.replace(with_items(group[0], [run.item for run in group[1:]]), stop=group[-1].stop)
        for group in alike
    )


def _alike(run: Run) -> object:
    """What makes a run one with its neighbor; one that goes through a table stands by itself."""
    return likeness(run.item), None if run.rows is None else run.start


def united(first: Use, others: Sequence[ItemUse]) -> Use:
    """An item that has the paths of others, too, which are the same but for their places."""
    alike = [item for item in others if isinstance(item, type(first))]
    if all(item.paths is first.paths for item in alike):  # iterations that were built together have those of all
        return first
    paths = Instances(dict.fromkeys(path for item in (first, *alike) for path in item.paths))
    match first:
        case LayerUse() | CallUse():
            return dataclasses.replace(first, paths=paths)
        case SequenceUse():
            inner = [part for item in alike if isinstance(item, SequenceUse) for part in item.body.items]
            return dataclasses.replace(first, paths=paths, body=_with_places(first.body, inner))
        case LoopUse():
            loops = [first, *(item for item in alike if isinstance(item, LoopUse))]
            runs = tuple(_united_run(run, place, loops) for place, run in enumerate(first.runs))
            counted = zip_longest(*(loop.iterations for loop in loops), fillvalue=())
            iterations = tuple(Instances(dict.fromkeys(path for some in parts for path in some)) for parts in counted)
            return dataclasses.replace(first, paths=paths, runs=runs, iterations=iterations)


def _united_run(run: Run, place: int, loops: Sequence[LoopUse]) -> Run:
    """A loop's run with the places of those that are like it in other loops; of all, where these are cut otherwise."""
    if len({len(loop.runs) for loop in loops}) == 1:
        return with_items(run, [loop.runs[place].item for loop in loops])
    return with_items(run, [other.item for loop in loops for other in loop.runs])


def with_items(run: Run, items: Sequence[CallUse | SequenceUse]) -> Run:
    """A run whose item has the places of these items as well."""
    item = united(run.item, items)
    assert isinstance(item, CallUse | SequenceUse)
    return dataclasses.replace(run, item=item)


def _with_places(tree: Tree, items: Sequence[ItemUse]) -> Tree:
    """A tree with the places of the items that stand at the same locations elsewhere.

    There a condition may be settled, and its items stand by themselves, or one may be open that is settled here.
    """
    found: dict[int, list[ItemUse]] = {}
    for item in _unconditional(items):
        found.setdefault(item.location, []).append(item)
    return dataclasses.replace(tree, items=tuple(_placed(item, found) for item in tree.items))


def _placed(item: ItemUse, found: Mapping[int, Sequence[ItemUse]]) -> ItemUse:
    if isinstance(item, ChoiceUse):
        sides = (
            dataclasses.replace(side, items=tuple(_placed(inner, found) for inner in side.items))
            for side in (item.then, item.other)
        )
        then, other = sides
        return dataclasses.replace(item, then=then, other=other)
    return united(item, found.get(item.location, ()))


def _unconditional(items: Sequence[ItemUse]) -> Iterator[ItemUse]:
    """The items, and in place of a condition those on both of its sides."""
    for item in items:
        if isinstance(item, ChoiceUse):
            yield from _unconditional((*item.then.items, *item.other.items))
        else:
            yield item


def with_uses(tree: Tree) -> Tree:
    """The tree of a scope where what sequences and loops hold has the places of all items that are called with it."""
    return _with_uses(tree, uses_of(tree))


def _with_uses(tree: Tree, uses: Mapping[int, Sequence[Use]]) -> Tree:
    items: list[ItemUse] = []
    for item in tree.items:
        match item:
            case ChoiceUse():
                item = dataclasses.replace(item, then=_with_uses(item.then, uses), other=_with_uses(item.other, uses))
            case SequenceUse(location=location) if location in uses:
                again = [run.item for use in uses[location] if isinstance(use, LoopUse) for run in use.runs]
                bodies = [use.body for use in (*uses[location], *again) if isinstance(use, SequenceUse)]
                item = dataclasses.replace(
                    item, body=_with_places(item.body, [inner for body in bodies for inner in body.items])
                )
            case LoopUse(location=location) if location in uses:
                together = united(item, uses[location])
                assert isinstance(together, LoopUse)
                item = dataclasses.replace(item, runs=together.runs, iterations=together.iterations)
            case _:
                pass
        items.append(item)
    return dataclasses.replace(tree, items=tuple(items))


def likeness(item: ItemUse) -> object:
    """What makes two iterations the same: everything but their places."""
    match item:
        case LayerUse():
            given = tuple(frozenset(attributes.items()) for attributes in (item.values, item.exprs, item.draws))
            written = item.op, *given, item.sizes, item.flat_name
            return written, item.features, item.operands, item.name, item.number, item.reuses
        case CallUse():
            return id(item.definition), tuple(item.arguments.items()), item.operands, item.reuses
        case SequenceUse():
            inside = tuple(likeness(inner) for inner in item.body.items)
            return inside, item.body.results, item.operands, item.reuses
        case ChoiceUse():
            sides = [tuple(likeness(inner) for inner in side.items) for side in (item.then, item.other)]
            return item.condition, *sides, item.operand
        case LoopUse():
            runs = [(run.start, run.stop, run.carried, run.carried_next, likeness(run.item)) for run in item.runs]
            return tuple(runs), item.operands, item.columns, item.is_chain, item.reuses
