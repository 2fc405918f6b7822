"""Models made ready to be timed: compiled by what Keras runs on, as `predict` and `fit` compile them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import keras
import numpy as np

from archspec.bench.backend import TimedModel
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec_keras.tensors import from_batch, input_batches, outputs_by_name, to_batch

if TYPE_CHECKING:
    from archspec.codegen.backend import Arrays

Call = Callable[[Sequence[Any]], Any]


def timed(model: Any, graph: LayerGraph, inputs: Arrays, *, variant: str, targets: Arrays | None = None) -> TimedModel:
    """See `TimesModels.timed`."""
    batches = [*input_batches(model, graph, inputs).values()]
    if targets is not None:
        return _training(model, graph, batches, targets, compiled=variant == "xla")
    if graph.training_outputs:
        kept = {name: model.output[name] for name in evaluated(graph).outputs}
        model = keras.Model(model.input, kept, name=model.name)
    call = _CALLS[keras.backend.backend()](model, variant)

    def step() -> Any:
        return call(batches)

    def outputs() -> Arrays:
        found = outputs_by_name(step(), graph)
        return {name: from_batch(tensor, graph.types[graph.outputs[name]]) for name, tensor in found.items()}

    return TimedModel(step, outputs)


def timed_rival(
    model: Any,
    graph: LayerGraph,
    inputs: Arrays,
    *,
    weights: Sequence[Arrays],
    targets: Arrays | None,
    dtype: str,
    device: str | None,
) -> tuple[TimedModel, bool]:
    """See `TimesModels.timed_rival`: it keeps its own weights, since its names are its own."""
    return timed(model, graph, inputs, variant="", targets=targets), False


def _given(batches: Sequence[Any]) -> Any:
    """What a model is called with."""
    return batches[0] if len(batches) == 1 else [*batches]


def _tensorflow(model: Any, variant: str) -> Call:
    import tensorflow as tf

    @tf.function(jit_compile=variant == "xla")
    def compiled(batches: Sequence[Any]) -> Any:
        return model(_given(batches), training=False)

    def call(batches: Sequence[Any]) -> Any:
        result = compiled(batches)
        for tensor in tf.nest.flatten(result):
            tensor.numpy()  # waits until it is computed
        return result

    return call


def _jax(model: Any, variant: str) -> Call:
    import jax

    @jax.jit
    def compiled(trained: list[Any], state: list[Any], batches: Sequence[Any]) -> Any:
        result, _ = model.stateless_call(trained, state, _given(batches), training=False)
        return result

    trained = [variable.value for variable in model.trainable_variables]
    state = [variable.value for variable in model.non_trainable_variables]

    def call(batches: Sequence[Any]) -> Any:
        return jax.block_until_ready(compiled(trained, state, batches))  # type: ignore[no-untyped-call]

    return call


def _torch(model: Any, variant: str) -> Call:
    import torch

    @torch.no_grad()
    def call(batches: Sequence[Any]) -> Any:
        result = model(_given(batches), training=False)
        if batches[0].is_cuda:
            torch.cuda.synchronize()
        return result

    return call


_CALLS: Final[Mapping[str, Callable[[Any, str], Call]]] = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
"""By engine: a model and a variant, to what computes it and waits for the result."""


def _training(model: Any, graph: LayerGraph, batches: Sequence[Any], targets: Arrays, *, compiled: bool) -> TimedModel:
    """A step of `train_on_batch`, which compiles as `fit` does."""
    losses, wanted = {}, {}
    for name, array in targets.items():
        labels = np.issubdtype(array.dtype, np.integer)
        losses[name] = keras.losses.SparseCategoricalCrossentropy(from_logits=True) if labels else "mse"
        wanted[name] = array if labels else to_batch(model, array, graph.types[graph.outputs[name]])
    several = graph.gives_names
    [first, *_] = targets
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9),
        losses if several else losses[first],
        jit_compile=compiled or keras.backend.backend() == "jax",
    )
    given, target = _given(batches), wanted if several else wanted[first]

    def step() -> Any:
        return model.train_on_batch(given, target)  # gives the loss as a number, which is to wait for it

    return TimedModel(step, dict)
