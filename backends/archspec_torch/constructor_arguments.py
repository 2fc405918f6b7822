"""What a constructor is given and mentions: its parameters, the arguments of calls, the names in its expressions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from weakref import WeakKeyDictionary

from archspec.codegen.call_arguments import placed
from archspec.codegen.tree import (
    CHANNELS,
    CallUse,
    ChoiceUse,
    Definition,
    ItemUse,
    LayerUse,
    Local,
    LoopUse,
    Parameter,
    SequenceUse,
    Tree,
)
from archspec.codegen.walk import counts, layers
from archspec.expr import Expr, names
from archspec.limits import Budget
from archspec_torch.ops import ROWS


def needs_channels(definition: Definition) -> bool:
    """Whether the class has to be given how many channels arrive."""
    return CHANNELS.id in _mentioned_in(definition)


def parameters(definition: Definition) -> list[Parameter]:
    """The parameters that the class takes: of those for the channels of inputs, the ones that it mentions."""
    return [
        parameter
        for parameter in definition.parameters
        if "@" not in parameter.name or parameter.name in _mentioned_in(definition)
    ]


def local_variables(definition: Definition) -> list[Local]:
    """The quantities that the constructor mentions."""
    return [local for local in definition.locals if local.name in _mentioned_in(definition)]


_MENTIONED: Final[WeakKeyDictionary[Definition, tuple[Tree, tuple[Local, ...], set[str]]]] = WeakKeyDictionary()
"""The names that constructors mention, each with what they were found in: it is asked for at each of their calls."""


def _mentioned_in(definition: Definition) -> set[str]:
    """The names that the constructor mentions, also by way of a quantity."""
    known = _MENTIONED.get(definition)
    if known is not None and known[0] is definition.tree and known[1] is definition.locals:
        return known[2]
    found = mentioned(definition.tree, definition.budget)
    for local in reversed(definition.locals):
        found |= names(local.expr, definition.budget) if local.name in found else set[str]()
    _MENTIONED[definition] = definition.tree, definition.locals, found
    return found


def arguments(use: CallUse) -> list[tuple[str | None, Expr]]:
    """A call's arguments, the channels that arrive first, each with its name where it is written."""
    first: list[tuple[str | None, Expr]] = (
        [(None, use.arguments[CHANNELS.id])] if needs_channels(use.definition) else []
    )
    return [*first, *placed(parameters(use.definition), use.arguments)]


def mentioned(tree: Tree, budget: Budget) -> set[str]:
    """The names that the constructors of a tree mention, those included that weights are drawn by."""
    found: set[str] = set()
    for item in tree.items:
        for expr in expressions(item):
            found |= names(expr, budget)
    for expr in counts(tree):
        found |= names(expr, budget)
    return found.union(*(names(expr, budget) for layer in layers(tree) for expr in layer.draws.values()))


def expressions(item: ItemUse) -> Iterator[Expr]:
    """The expressions that the constructors of an item mention."""
    match item:
        case LoopUse() if item.called:
            yield item.runs[-1].stop
        case LayerUse() | CallUse() | SequenceUse() | LoopUse() if item.reuses:
            pass
        case LayerUse():
            yield from item.exprs.values()
            if ROWS[item.op.name].takes_channels(item):
                yield item.features[0]
        case CallUse():
            yield from (expr for _, expr in arguments(item))
        case SequenceUse():
            for inner in item.body.items:
                yield from expressions(inner)
        case ChoiceUse():
            yield item.condition
            for inner in (*item.then.items, *item.other.items):
                yield from expressions(inner)
        case LoopUse():
            for run in item.runs:
                yield from (part for part in (run.start, run.stop, run.carried) if part is not None)
                yield from expressions(run.item)
                if run.carried_next is not None:
                    yield run.carried_next
