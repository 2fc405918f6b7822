"""What a docstring says of a block of which the spec says nothing: its layers, in the words of the field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from archspec.codegen.branch_items import GATES
from archspec.codegen.condition_docs import listed
from archspec.codegen.tree import CallUse, ChoiceUse, Definition, ItemUse, LayerUse, LoopUse, SequenceUse, Tree
from archspec.codegen.variable_roles import roles
from archspec.codegen.walk import is_chain, layers
from archspec.ir.scope import Operand

_MOST: Final = 6
"""Items that are listed; a block of more is not said in a sentence."""
_WORDS: Final = {
    "relu": "ReLU",
    "relu6": "ReLU6",
    "gelu": "GELU",
    "silu": "SiLU",
    "elu": "ELU",
    "selu": "SELU",
    "leaky_relu": "leaky ReLU",
    "prelu": "PReLU",
    "conv": "convolution",
    "conv_transpose": "transposed convolution",
    "dense": "dense layer",
    "concat": "concatenation",
    "global_avg_pool": "global average pool",
    "avg_pool": "average pool",
}
"""What ops are called where their names are not the words for it."""
_CONVOLUTIONS: Final = frozenset({"conv", "conv_transpose"})


def summary(definition: Definition) -> str:
    """One sentence about a block."""
    tree = definition.tree
    parts = [_layer(item) for item in tree.items]
    if all(parts) and is_chain(tree) and 0 < len(parts) <= _MOST:
        return _sentence(parts)
    named = set(roles(tree, definition.budget, {})[0].values())
    if "gate" in named and _weighs_channels(tree):
        return "Squeeze and excitation: a gate for each channel, from the means of all."
    if "gate" in named and (weighed := _weighed(definition)):
        return f"Multiplies {weighed} by a gate."
    count = sum(isinstance(item, LayerUse) and item.op.name in _CONVOLUTIONS for item in tree.items)
    called = [f"`{name}`" for name in dict.fromkeys(_names(tree)) if name]
    is_residual = len(tree.results) == 1 and bool(named & {"residual", "out"})  # else it is a pyramid, say
    residual = "Residual block" if is_residual and "residual" in named else "Block"
    if count > 1 and (is_residual or len(tree.results) > 1):
        return f"{residual} of {count} convolutions."
    if len(called) == 1 and not is_residual:  # what a layer is beside it says as much
        called = [f"`{item.name}`" if isinstance(item, CallUse | SequenceUse) else _layer(item) for item in tree.items]
    if all(called) and 0 < len(called) <= _MOST:
        return f"{residual} of {listed(called)}."
    if is_residual and "residual" in named:
        return "Residual block."
    if all(parts) and 0 < len(parts) <= _MOST:
        return _sentence(parts)
    blocks = [use.definition.name for use in tree.items if isinstance(use, CallUse)]
    if blocks and len(blocks) == len(tree.items):  # by numbers alone
        return f"Block of {listed([f'`{name}`' for name in dict.fromkeys(blocks)])}."
    return f"Block of {sum(1 for _ in layers(tree))} layers."


def _sentence(parts: Sequence[str]) -> str:
    text = listed([*parts])
    return f"{text[:1].upper()}{text[1:]}."


def _layer(use: ItemUse) -> str:
    """`1x1 convolution`; of a condition that chooses an activation that word; empty of all else."""
    if isinstance(use, ChoiceUse) and {layer.op.kind for layer in layers(Tree((use,), ()))} == {"activation"}:
        return "activation"
    if not isinstance(use, LayerUse):
        return ""
    word = _WORDS.get(use.op.name, use.op.name.replace("_", " "))
    kernel = use.values.get("kernel") if use.op.name in _CONVOLUTIONS else None
    sizes = kernel if isinstance(kernel, tuple) else ()
    return f"{'x'.join(map(str, sizes))} {word}" if len(sizes) > 1 else word


def _weighs_channels(tree: Tree) -> bool:
    """Whether all that a block gives is what arrives times a gate from global averages."""
    ops = {item.op.name for item in tree.items if isinstance(item, LayerUse)}
    last = tree.items[-1]
    return isinstance(last, LayerUse) and last.op.name == "multiply" and "global_avg_pool" in ops and bool(ops & GATES)


def _weighed(definition: Definition) -> str:
    """What the last layer of a block multiplies by a gate; empty where that is not what comes in."""
    last = definition.tree.items[-1]
    if not isinstance(last, LayerUse) or last.op.name != "multiply":
        return ""
    places = [ref.index for ref in last.operands if isinstance(ref, Operand)]
    if len(places) != 1:
        return ""
    called = definition.inputs[places[0]] if places[0] < len(definition.inputs) else ""
    return f"`{called}`" if called else "its input"


def _names(tree: Tree) -> Iterator[str]:
    """What the items of a body that are more than a layer are called, but for a shortcut's; else empty."""
    for item in tree.items:
        match item:
            case ChoiceUse():
                yield from _names(item.then)
                yield from _names(item.other)
            case CallUse() | SequenceUse() | LoopUse():
                name = item.name.partition(".")[0]
                yield "" if name.isdigit() else name
            case LayerUse():
                pass
