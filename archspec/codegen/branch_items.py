"""What is known of an item of a branch: what it takes and gives, how much of it there is, what it is called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, TypeGuard

from archspec.codegen.tree import CallUse, ChoiceUse, ItemUse, LayerUse, LoopUse, SequenceUse, Tree
from archspec.ir.scope import Ref, Result

GATES: Final = frozenset({"sigmoid", "hard_sigmoid"})
"""What a gate comes out of."""
COUNT: Final = re.compile(r"_\d+$")
"""What follows the name that the layers of a branch share."""
GENERAL: Final = frozenset({"conv", "convs", "bn", "bns", "norm", "dense", "fc", "layer", "layers", "block", "blocks"})
"""What several names may begin with that says nothing of a branch."""
_BRIDGES: Final = frozenset({"conv_transpose", "upsample", "depth_to_space"})
"""Ops that give more pixels."""
_FEW: Final = 6
"""Layers of a block that counts as one layer of a network's branch."""


def has_own_name(item: ItemUse) -> TypeGuard[LayerUse | CallUse | SequenceUse]:
    """Whether the spec names an item; a call may be called after its block, with a number."""
    if isinstance(item, CallUse):
        called, block = f"_{COUNT.sub('', item.name)}_", f"_{item.definition.name}_"
        return not (block.startswith(called) or block.endswith(called))
    return isinstance(item, SequenceUse) or (isinstance(item, LayerUse) and item.named)


def is_short(item: ItemUse) -> bool:
    """Whether an item is a layer, or a block or a sequence of a few layers alone."""
    if isinstance(item, CallUse):
        inside = item.definition.tree.items
        return len(inside) <= _FEW and all(isinstance(inner, LayerUse) for inner in inside)
    if isinstance(item, SequenceUse):
        return len(item.body.items) <= _FEW and all(isinstance(inner, LayerUse) for inner in item.body.items)
    return isinstance(item, LayerUse)


def joins(item: ItemUse) -> TypeGuard[LayerUse]:
    """Whether an item joins branches."""
    return isinstance(item, LayerUse) and item.op.name == "concat"


def resizes(item: ItemUse) -> bool:
    """Whether an item is a layer that gives fewer pixels or more, as those do that lead from level to level."""
    return isinstance(item, LayerUse) and ("pool" in item.op.name or item.op.name in _BRIDGES)


def _operands(item: ItemUse) -> Sequence[Ref]:
    return (item.operand,) if isinstance(item, ChoiceUse) else item.operands


def taken_by(item: ItemUse) -> Iterator[Ref]:
    """The tensors that an item is made of, those that a condition's sides take included."""
    yield from _operands(item)
    if isinstance(item, ChoiceUse):
        for side in (item.then, item.other):
            yield from side.results
            for inner in side.items:
                yield from taken_by(inner)


def weight(item: ItemUse) -> int:
    """How many layers with weights an item has, roughly."""
    match item:
        case LayerUse():
            return item.has_weights
        case CallUse():
            inside = [inner for inner in item.definition.tree.items if not isinstance(inner, CallUse)]
            return max(1, len(item.definition.tree.items) - len(inside) + sum(map(weight, inside)))
        case SequenceUse():
            return sum(weight(inner) for inner in item.body.items)
        case ChoiceUse():
            return max(sum(map(weight, side.items)) for side in (item.then, item.other))
        case LoopUse():
            return len(item.runs)


def convolutions(item: ItemUse) -> Iterator[LayerUse]:
    """The convolutions and dense layers of an item, those of called definitions included."""
    match item:
        case LayerUse():
            yield from [item] if item.op.name in ("conv", "conv_transpose", "dense", "attention") else []
        case CallUse():
            for inner in item.definition.tree.items:
                yield from convolutions(inner)
        case SequenceUse():
            for inner in item.body.items:
                yield from convolutions(inner)
        case ChoiceUse():
            for inner in (*item.then.items, *item.other.items):
                yield from convolutions(inner)
        case LoopUse():
            for run in item.runs:
                yield from convolutions(run.item)


def is_pointwise(layer: LayerUse) -> bool:
    """Whether a layer looks at one place at a time."""
    return "kernel" not in layer.values or {*layer.value("kernel")} == {1}


def ends_in_gate(tree: Tree) -> bool:
    """Whether what a scope gives comes out of a sigmoid."""
    last = tree.items[-1] if tree.items else None
    return isinstance(last, LayerUse) and last.op.name in GATES and tree.results == (Result(last.location),)
