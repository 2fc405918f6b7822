"""One forward pass, and the tensor of every node."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeAlias

import keras

from archspec.codegen.backend import Outcome
from archspec.ir.graph import LayerGraph
from archspec_keras.layer_names import layer_name
from archspec_keras.ops import ROWS
from archspec_keras.patching import nothing_dropped, replaced
from archspec_keras.tensors import batch_view, from_batch, input_batches, outputs_by_name, to_numpy
from archspec_keras.variables import kept_weights

if TYPE_CHECKING:
    import numpy as np

    from archspec.codegen.backend import Arrays

Mark: TypeAlias = Callable[[str, Any], Any]
"""What is done with the tensor of a node, by the node's path; the network goes on with what it returns."""


def run(model: Any, graph: LayerGraph, inputs: Arrays, *, training: bool, nodes: bool = False) -> Outcome:
    """One forward pass; see `RunsModels.run`.

    Outside of a compiled function every backend of Keras updates moving statistics in place, JAX too.
    """
    found: dict[str, np.ndarray[Any, Any]] = {}

    def keep(path: str, tensor: Any) -> Any:
        found[path] = batch_view(tensor, graph.types[path])
        return tensor

    with ExitStack() as stack:
        if keras.backend.backend() == "torch":
            import torch

            stack.enter_context(torch.no_grad())
        stack.enter_context(nothing_dropped(model))
        batches = input_batches(model, graph, inputs)
        outputs = forward(model, graph, batches, training=training, mark=keep if nodes else None)
    return Outcome(
        {name: from_batch(tensor, graph.types[graph.outputs[name]]) for name, tensor in outputs.items()},
        _statistics(model, graph),
        found,
    )


def forward(
    model: Any, graph: LayerGraph, inputs: Mapping[str, Any], *, training: bool, mark: Mark | None = None
) -> dict[str, Any]:
    """The outputs by name, for a batch in Keras's layout for each input by path.

    The model is called past the check of its inputs' size: the layers themselves take any that the network allows.
    """
    with ExitStack() as stack:
        if mark is not None:
            inputs = {path: mark(path, tensor) for path, tensor in inputs.items()}
            stack.enter_context(_marking(model, graph, mark))
        given = list(inputs.values())
        return outputs_by_name(model.call(given[0] if len(given) == 1 else given, training=training), graph)


@contextmanager
def _marking(model: Any, graph: LayerGraph, mark: Mark) -> Iterator[None]:
    """While it holds, what the layers of the graph's nodes give goes through `mark`.

    A second functional model of the same layers would give their tensors too. It would follow them by recursion, could
    not tell two layers apart that give one tensor, and has no place for what gradients take.
    """
    layers = {layer.name: layer for layer in model.layers}
    with ExitStack() as stack:
        for path in graph.nodes.keys() - graph.inputs:
            layer = layers.get(_last_layer(graph, path, layers))
            if layer is not None:  # an edited source may lack it
                stack.enter_context(replaced(layer, "call", _marked(layer.call, path, mark)))
        yield


def _marked(call: Callable[..., Any], path: str, mark: Mark) -> Callable[..., Any]:
    @wraps(call)  # Keras asks for the signature
    def marked(*args: Any, **kwargs: Any) -> Any:
        return mark(path, call(*args, **kwargs))

    return marked


def _last_layer(graph: LayerGraph, path: str, layers: Mapping[str, Any]) -> str:
    """The name of the layer that gives a node's tensor."""
    name = layer_name(path)
    if after := ROWS[graph.nodes[path].op.name].after:
        own = {layer_name(other) for other in graph.nodes}
        # The row may need no such layer, and another of the graph may be called so.
        return next((other for other in layers if other not in own and other.rstrip("_") == name + after), name)
    return name


def _statistics(model: Any, graph: LayerGraph) -> Arrays:
    """The running statistics by canonical name."""
    return {
        name: kept.array(to_numpy)
        for name, kept in kept_weights(model, graph).items()
        if not graph.all_weights[name].trainable
    }
