"""What the tensors of a model are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archspec.ir.graph import LayerGraph


@dataclass(frozen=True, slots=True)
class TensorNames:
    """A tensor is called after the path of its layer; an output after what the spec calls it.

    `values` has the tensor of each node by path, `outputs` the model's outputs in the graph's order. `copies` are
    outputs, with the tensors that they copy: those that are an input, or another output as well.
    """

    values: Mapping[str, str]
    outputs: Sequence[str]
    copies: Mapping[str, str]


def names_of(graph: LayerGraph) -> TensorNames:
    """The names of a graph's tensors, all different."""
    taken = {*graph.inputs, *graph.all_weights}
    outputs = {name: _unused(name, taken) for name in graph.outputs}
    values: dict[str, str] = {path: path for path in graph.inputs}
    copies: dict[str, str] = {}
    for name, path in graph.outputs.items():
        if path in values:
            copies[outputs[name]] = values[path]
        else:
            values[path] = outputs[name]
    for path in graph.types:
        if path not in values:
            values[path] = _unused(path.replace(":", "_"), taken)
    return TensorNames(values, [*outputs.values()], copies)


def _unused(name: str, taken: set[str]) -> str:
    """The name, with `_` after it until nothing else is called so; from now on it is taken."""
    while name in taken:
        name += "_"
    taken.add(name)
    return name
