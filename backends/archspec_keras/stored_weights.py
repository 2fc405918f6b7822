"""Where Keras's files keep each weight of a graph: read without Keras."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from archspec.ir.graph import LayerGraph
from archspec.ir.ops import Conv
from archspec.weights.layouts import DEPTHWISE, Layout
from archspec.weights.stored_weights import StoredVariable, StoredWeight
from archspec_keras.ops import ROWS
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


def stored_weights(graph: LayerGraph) -> Mapping[str, StoredWeight]:
    """See `archspec.weights.stored_weights.StoresWeights`."""
    found: dict[str, StoredWeight] = {}
    for node in graph.nodes.values():
        made: Counter[str] = Counter()  # by each layer within the layer, which numbers its variables
        for name, weight in graph.parameters_of(node).items():
            given = ROWS[node.op.name].variables[weight.name]
            place = VariableLayout((given,)) if isinstance(given, str) else given
            variables: list[StoredVariable] = []
            for attribute in place.places:
                owner, _, own = attribute.rpartition(".")
                before = f"{_SUBLAYERS.get(owner, owner)}/" if owner else ""
                names = tuple(before + each for each in (own, *_OLDER.get(own, ())))
                variables.append(StoredVariable(names, f"{before}{made[owner]}"))
                made[owner] += 1
            layouts: tuple[Layout | None, ...] = (place.layout,)
            if isinstance(node.op, Conv) and len(weight.shape) in DEPTHWISE:  # as a layer of its own, or in groups
                layouts += (DEPTHWISE[len(weight.shape)],)
            path = name.removesuffix(f".{weight.name}")
            found.setdefault(name, StoredWeight(path, tuple(variables), layouts))
    return found
