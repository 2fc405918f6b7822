"""One forward pass, and the tensor of every node."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import keras

from archspec.codegen.backend import Outcome
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec_keras.marking import Mark, marking
from archspec_keras.patching import nothing_dropped
from archspec_keras.tensors import batch_view, from_batch, input_batches, outputs_by_name, to_numpy
from archspec_keras.variables import kept_weights

if TYPE_CHECKING:
    import numpy as np

    from archspec.codegen.backend import Arrays


def run_forward(model: Any, graph: LayerGraph, inputs: Arrays, *, training: bool, nodes: bool = False) -> Outcome:
    """One forward pass; see `RunsModels.run`.

    Outside of a compiled function every backend of Keras updates moving statistics in place, JAX too.
    """
    found: dict[str, np.ndarray[Any, Any]] = {}

    computed = graph if training else evaluated(graph)

    def keep(path: str, tensor: Any) -> Any:
        if path in computed.types:
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
        {name: from_batch(outputs[name], graph.types[path]) for name, path in computed.outputs.items()},
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
            stack.enter_context(marking(model, graph, mark))
        given = list(inputs.values())
        return outputs_by_name(model.call(given[0] if len(given) == 1 else given, training=training), graph)


def _statistics(model: Any, graph: LayerGraph) -> Arrays:
    """The running statistics by canonical name."""
    return {
        name: kept.array(to_numpy)
        for name, kept in kept_weights(model, graph).items()
        if not graph.all_weights[name].trainable
    }
