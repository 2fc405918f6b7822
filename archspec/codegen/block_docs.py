"""What a docstring says of a block of which the spec says nothing: its layers, in the words of the field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from archspec.codegen.condition_docs import GATES, listed
from archspec.codegen.tree import CallUse, Definition, ItemUse, LayerUse, SequenceUse, Tree
from archspec.codegen.variable_roles import roles
from archspec.codegen.walk import is_chain

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
    "global_avg_pool": "global average pool",
    "avg_pool": "average pool",
}
"""What ops are called where their names are not the words for it."""
_CONVOLUTIONS: Final = frozenset({"conv", "conv_transpose"})


def summary(definition: Definition) -> str:
    """One sentence about a block."""
    tree = definition.tree
    if all(isinstance(item, LayerUse) for item in tree.items) and is_chain(tree) and 0 < len(tree.items) <= _MOST:
        return _sentence([_layer(item) for item in tree.items if isinstance(item, LayerUse)])
    named = set(roles(tree, definition.budget).values())
    if "gate" in named and _weighs_channels(tree):
        return "Squeeze and excitation: a gate for each channel, from the means of all."
    count = sum(isinstance(item, LayerUse) and item.op.name in _CONVOLUTIONS for item in tree.items)
    if named & {"residual", "out"}:
        return f"Residual block of {count} convolutions." if count > 1 else "Residual block."
    parts = [f"`{name}`" for name in dict.fromkeys(map(_name, tree.items)) if name]
    if 0 < len(parts) <= _MOST:
        return f"Block of {listed(parts)}."
    return f"The block `{definition.name}`."


def _sentence(parts: Sequence[str]) -> str:
    text = listed([*parts])
    return f"{text[:1].upper()}{text[1:]}."


def _layer(use: LayerUse) -> str:
    """`1x1 convolution`."""
    word = _WORDS.get(use.op.name, use.op.name.replace("_", " "))
    kernel = use.values.get("kernel") if use.op.name in _CONVOLUTIONS else None
    sizes = kernel if isinstance(kernel, tuple) else ()
    return f"{'x'.join(map(str, sizes))} {word}" if len(sizes) > 1 else word


def _weighs_channels(tree: Tree) -> bool:
    """Whether all that a block gives is what arrives times a gate from global averages."""
    ops = {item.op.name for item in tree.items if isinstance(item, LayerUse)}
    last = tree.items[-1]
    return isinstance(last, LayerUse) and last.op.name == "multiply" and "global_avg_pool" in ops and bool(ops & GATES)


def _name(item: ItemUse) -> str:
    """What an item that is more than a layer is called."""
    return item.name if isinstance(item, CallUse | SequenceUse) and not item.name.isdigit() else ""
