"""Bodies that are written alike: one definition has the places of all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

from archspec.codegen.marked_text import Instances
from archspec.codegen.merging import likeness, united
from archspec.codegen.tree import (
    CallUse,
    ChoiceUse,
    Definition,
    ItemUse,
    LayerUse,
    LoopUse,
    Module,
    Run,
    SequenceUse,
    Tree,
)

TakesChannels: TypeAlias = Callable[[LayerUse], bool]
"""Says of a layer whether source has the channels that arrive at it."""


def body_key(tree: Tree, takes_channels: TakesChannels) -> object:
    """What makes two bodies the same: all but where they stand."""
    items = tuple((likeness(item), *_names(item)) for item in without_widths(tree, takes_channels).items)
    return items, tree.results, tuple(tree.labels.items())


def one_of_equals(module: Module, takes_channels: TakesChannels) -> Module:
    """The module in which definitions of one name that are written alike are one, which is called in place of all.

    They are made of a block whose instances differ elsewhere, or of parts of such blocks.
    """
    kept: dict[object, Definition] = {}
    stands_for: dict[int, Definition] = {}
    for definition in module.definitions:
        definition.tree = _calling(definition.tree, stands_for)
        definition.budget.spend(len(definition.tree.items))
        key = definition.class_name, definition.is_network, _key(definition, takes_channels)
        first = kept.setdefault(key, definition)
        if first is not definition:
            stands_for[id(definition)] = first
            _join(first, definition)
    return Module(tuple(kept.values()))


def _key(definition: Definition, takes_channels: TakesChannels) -> object:
    """What makes two definitions the same: all but their places and what is said of them."""
    parameters = tuple(replace(given, doc="", owner="") for given in definition.parameters)
    head = definition.name, definition.operands, parameters, definition.locals, definition.bounds
    return *head, definition.inputs, definition.in_order, body_key(definition.tree, takes_channels)


def _join(first: Definition, other: Definition) -> None:
    """Let a definition have the places of another, too; what is told of one alone is not told."""
    paths = Instances(dict.fromkeys((*first.paths, *other.paths)))
    bodies = [SequenceUse(0, "", None, made.tree, (), made.paths) for made in (first, other)]
    both = united(bodies[0], bodies[1:])
    assert isinstance(both, SequenceUse)
    first.tree, first.paths = both.body, paths
    first.variant = first.variant if first.variant == other.variant else ""
    first.told = first.told if first.told == other.told else ""


def _calling(tree: Tree, stands_for: dict[int, Definition]) -> Tree:
    """A tree that calls these definitions in place of others that are the same."""
    return replace(tree, items=tuple(_item_calling(item, stands_for) for item in tree.items)) if stands_for else tree


def _item_calling(item: ItemUse, stands_for: dict[int, Definition]) -> ItemUse:
    match item:
        case CallUse():
            return replace(item, definition=stands_for.get(id(item.definition), item.definition))
        case SequenceUse():
            return replace(item, body=_calling(item.body, stands_for))
        case ChoiceUse():
            return replace(item, then=_calling(item.then, stands_for), other=_calling(item.other, stands_for))
        case LoopUse():
            return replace(item, runs=tuple(_run_calling(run, stands_for) for run in item.runs))
        case LayerUse():
            return item


def _run_calling(run: Run, stands_for: dict[int, Definition]) -> Run:
    item, general = _item_calling(run.item, stands_for), run.general
    assert isinstance(item, CallUse | SequenceUse)
    if general is not None:
        general = replace(general, body=_calling(general.body, stands_for))
    return replace(run, item=item, general=general)


def without_widths(tree: Tree, takes_channels: TakesChannels) -> Tree:
    """A tree whose layers say nothing of channels that are not written."""
    return replace(tree, items=tuple(_without_width(item, takes_channels) for item in tree.items))


def _without_width(item: ItemUse, takes_channels: TakesChannels) -> ItemUse:
    match item:
        case LayerUse() if not takes_channels(item):
            return replace(item, features=())
        case SequenceUse():
            return replace(item, body=without_widths(item.body, takes_channels))
        case ChoiceUse():
            then, other = (without_widths(side, takes_channels) for side in (item.then, item.other))
            return replace(item, then=then, other=other)
        case _:
            return item


def _names(item: ItemUse) -> Iterator[object]:
    """What an item and those in it are called, their locations, by which others speak of them, and what they take."""
    yield item.location
    if isinstance(item, ChoiceUse):
        for inner in (*item.then.items, *item.other.items):
            yield from _names(inner)
        return
    yield from (item.name, item.number)
    match item:
        case LayerUse():
            yield item.axes  # a norm of images is another layer than one of features
        case SequenceUse():
            yield tuple(item.body.labels.items())
            for inner in item.body.items:
                yield from _names(inner)
        case LoopUse():
            yield item.pattern
            for run in item.runs:
                yield from _names(run.item)
        case _:
            pass
