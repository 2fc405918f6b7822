"""Neighboring iterations that are the same become one run, which has the places of all."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from itertools import groupby, zip_longest

from archspec.codegen.marked_text import Instances
from archspec.codegen.reuse import Use, uses_of
from archspec.codegen.tree import CallUse, ChoiceUse, ItemUse, LayerUse, LoopUse, Run, SequenceUse, Tree


def merged(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Neighboring iterations with the same item become one run."""
    alike = [list(group) for _, group in groupby(runs, key=lambda run: likeness(run.item))]
    return tuple(dataclasses.replace(_united_runs(group), stop=group[-1].stop) for group in alike)


def _united_runs(runs: Sequence[Run]) -> Run:
    item = _united([run.item for run in runs])
    assert isinstance(item, CallUse | SequenceUse)
    return dataclasses.replace(runs[0], item=item)


def _united(items: Sequence[ItemUse]) -> ItemUse:
    """One item that stands for these, which are the same but for their places: it has the paths of all."""
    first = items[0]
    if isinstance(first, ChoiceUse):
        choices = [item for item in items if isinstance(item, ChoiceUse)]
        then, other = (
            _united_trees(sides) for sides in zip(*((item.then, item.other) for item in choices), strict=True)
        )
        return dataclasses.replace(first, then=then, other=other)
    given = [item.paths for item in items if not isinstance(item, ChoiceUse)]
    if all(paths is given[0] for paths in given):  # iterations that were built together have those of all
        return first
    paths = Instances(dict.fromkeys(path for some in given for path in some))
    match first:
        case LayerUse() | CallUse():
            return dataclasses.replace(first, paths=paths)
        case SequenceUse():
            body = _united_trees([item.body for item in items if isinstance(item, SequenceUse)])
            return dataclasses.replace(first, paths=paths, body=body)
        case LoopUse():
            loops = [item for item in items if isinstance(item, LoopUse)]
            runs = tuple(_united_runs(alike) for alike in zip(*(loop.runs for loop in loops), strict=True))
            counted = zip_longest(*(loop.iterations for loop in loops), fillvalue=())
            iterations = tuple(Instances(dict.fromkeys(path for some in parts for path in some)) for parts in counted)
            return dataclasses.replace(first, paths=paths, runs=runs, iterations=iterations)


def _united_trees(trees: Sequence[Tree]) -> Tree:
    items = tuple(_united(alike) for alike in zip(*(tree.items for tree in trees), strict=True))
    return dataclasses.replace(trees[0], items=items)


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
                trees = [use.body for use in (item, *uses[location], *again) if isinstance(use, SequenceUse)]
                item = dataclasses.replace(item, body=_united_trees(trees))
            case LoopUse(location=location) if location in uses:
                united = _united([item, *uses[location]])
                assert isinstance(united, LoopUse)
                item = dataclasses.replace(item, runs=united.runs, iterations=united.iterations)
            case _:
                pass
        items.append(item)
    return dataclasses.replace(tree, items=tuple(items))


def likeness(item: ItemUse) -> object:
    """What makes two iterations the same: everything but their places."""
    match item:
        case LayerUse():
            written = item.op, dict(item.values), dict(item.exprs), item.sizes
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
            return tuple(runs), item.operands, item.reuses
