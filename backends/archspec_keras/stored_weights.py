"""Where Keras's files keep each weight of a graph: read without Keras."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import replace
from typing import Final

from archspec.ir.def_use import Node
from archspec.ir.graph import LayerGraph
from archspec.ir.ops.attention import Attention
from archspec.ir.ops.linear import Conv
from archspec.ir.tensor_type import Shape
from archspec.weights.layouts import DEPTHWISE, ONE_AXIS, Layout, variable_shape
from archspec.weights.stored_weights import StoredElsewhere, StoredVariable, StoredWeight
from archspec_keras.layer_names import layer_name
from archspec_keras.ops import ROWS
from archspec_keras.ops.linear import is_depthwise
from archspec_keras.ops.row import VariableLayout

_SUBLAYERS: Final = {
    "query_dense": "query",
    "key_dense": "key",
    "value_dense": "value",
    "output_dense": "attention_output",
}
"""The names of the layers in Keras's `MultiHeadAttention`, by the attributes that hold them."""
_OLDER: Final = {"kernel": ("depthwise_kernel",)}
"""What Keras 2 called a variable."""


_POINTWISE: Final = "_pointwise"
_SEPARABLE: Final = (
    ("_depthwise", "depthwise_kernel", 0),
    (_POINTWISE, "pointwise_kernel", 1),
    (_POINTWISE, "bias", 2),
)
"""What the names of layers end in that are one `SeparableConv2D` elsewhere, and its variables in their order."""


def stored_weights(graph: LayerGraph) -> Mapping[str, StoredWeight]:
    """See `archspec.weights.stored_weights.StoresWeights`."""
    found: dict[str, StoredWeight] = {}
    for node in graph.nodes.values():
        places: dict[str, VariableLayout] = {}
        for name, weight in graph.parameters_of(node).items():
            given = ROWS[node.op.name].variables[weight.name]
            places[name] = VariableLayout((given,)) if isinstance(given, str) else given
        several = Counter(_owner(attribute)[0] for place in places.values() for attribute in place.places)
        made: Counter[str] = Counter()  # by each layer within the layer, which numbers its variables
        for name, weight in graph.parameters_of(node).items():
            variables: list[StoredVariable] = []
            for attribute in places[name].places:
                owner, own = _owner(attribute)
                names = tuple(f"{owner}/{each}".lstrip("/") for each in (own, *_OLDER.get(own, ())))
                group = attribute.rpartition(".")[0]
                variables.append(StoredVariable(names, owner, made[owner], several[owner], group))
                made[owner] += 1
            shape, layouts = _form(node, graph, weight.shape, places[name], len(variables))
            exact = isinstance(node.op, Attention)
            found.setdefault(name, StoredWeight(weight.layer_of(name), tuple(variables), shape, layouts, exact))
    layers = {name: layer_name(weight.layer, graph) for name, weight in found.items()}
    biased = {layers[name] for name in found if name.endswith(".bias")}
    return {
        name: replace(weight, elsewhere=_separable(name.removeprefix(f"{weight.layer}."), layers[name], biased))
        for name, weight in found.items()
    }


def _separable(leaf: str, own: str, biased: Set[str]) -> StoredElsewhere | None:
    """Where Keras's `SeparableConv2D` has a weight of its two convolutions: those that are called after it.

    Args:
        leaf: the weight's name in its layer.
        own: the layer's name in Keras.
        biased: the names of all layers that have a bias.
    """
    for suffix, kept, position in _SEPARABLE:
        if own.endswith(suffix) and leaf == ("bias" if kept == "bias" else "weight"):
            count = 3 if own.removesuffix(suffix) + _POINTWISE in biased else 2
            variable = StoredVariable((kept,), "", position, count)
            return StoredElsewhere(own.removesuffix(suffix), variable)
    return None


def _owner(attribute: str) -> tuple[str, str]:
    """The layer within a layer that has a variable, by the name that it has in files, and the variable's own."""
    owner, _, own = attribute.rpartition(".")
    return _SUBLAYERS.get(owner, owner), own


def _form(
    node: Node, graph: LayerGraph, shape: Shape, place: VariableLayout, parts: int
) -> tuple[Shape, tuple[Layout | None, ...]]:
    """The shape of each variable of a weight, and how the axes lie, in our source first."""
    part = (shape[0] // parts, *shape[1:])
    if place.layout == ONE_AXIS:
        [arriving] = graph.input_types(node)
        return (*(1 for _ in range(arriving.rank - 1)), *part), (ONE_AXIS,)
    if isinstance(node.op, Conv) and len(shape) in DEPTHWISE:
        channels = DEPTHWISE[len(shape)]
        if is_depthwise(node, graph):
            return variable_shape(part, channels, shape[0]), (channels, None)
        return variable_shape(part, None), (None, channels)
    heads = node.op.heads if isinstance(node.op, Attention) else 1
    layout = place.of(len(shape))
    return variable_shape(part, layout, heads), (layout,)
