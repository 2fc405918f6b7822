"""The gradients of a loss, and training by Keras's own optimizer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from archspec.codegen.backend import Gradients
from archspec.ir.graph import LayerGraph
from archspec_keras.engines import DERIVATIVES, STEPS
from archspec_keras.marking import Mark
from archspec_keras.patching import nothing_dropped
from archspec_keras.settings import settings
from archspec_keras.tensors import as_tensor, float_dtype, from_batch, input_batches, to_batch, to_numpy
from archspec_keras.trace import forward
from archspec_keras.variables import kept_weights

if TYPE_CHECKING:
    from archspec.codegen.backend import Arrays


def gradients(model: Any, graph: LayerGraph, inputs: Arrays, targets: Arrays, *, nodes: bool = False) -> Gradients:
    """The gradients of a loss in training mode; see `TrainsModels.gradients`."""
    loss = partial(_loss, model, graph, targets=_target_batches(model, graph, targets))
    with nothing_dropped(model):
        found = DERIVATIVES[keras.backend.backend()](model, loss, input_batches(model, graph, inputs), nodes)
    by_variable = {
        id(variable): tensor for variable, tensor in zip(model.trainable_variables, found.weights, strict=True)
    }
    return Gradients(
        float(to_numpy(found.loss)),
        {path: from_batch(tensor, graph.types[path]) for path, tensor in found.inputs.items()},
        {
            name: kept.array(lambda variable: to_numpy(by_variable[id(variable)]))
            for name, kept in kept_weights(model, graph).items()
            if all(id(variable) in by_variable for variable in kept.variables)
        },
        {path: from_batch(tensor, graph.types[path]) for path, tensor in found.nodes.items()},
    )


def train(
    model: Any,
    graph: LayerGraph,
    batches: Iterable[tuple[Arrays, Arrays]],
    *,
    learning_rate: float,
    momentum: float,
) -> list[float]:
    """One step of Keras's SGD for each batch; see `TrainsModels.train`."""
    with settings(float_dtype(model)), nothing_dropped(model):  # the optimizer keeps its rate in floatx
        _keep_factors_exact(model)
        # TensorFlow would round a float of Python's own to float32, whatever it is multiplied with.
        optimizer = keras.optimizers.SGD(learning_rate, momentum=np.float64(momentum))
        optimizer.build(model.trainable_variables)
        step = STEPS[keras.backend.backend()](model, optimizer, partial(_whole_loss, model, graph))
        losses = [
            step(input_batches(model, graph, inputs), _target_batches(model, graph, targets))
            for inputs, targets in batches
        ]
    return [float(to_numpy(loss)) for loss in losses]


def _keep_factors_exact(model: Any) -> None:
    """The factors of weight decay as NumPy's: TensorFlow would round a float of Python's own to float32."""
    for variable in model.trainable_variables:
        if isinstance(variable.regularizer, keras.regularizers.L2):
            variable.regularizer.l2 = np.float64(variable.regularizer.l2)


def _whole_loss(model: Any, graph: LayerGraph, inputs: Mapping[str, Any], targets: Mapping[str, Any]) -> Any:
    """The loss with what weight decay adds, which Keras has as losses of the layers."""
    return sum(model.losses, _loss(model, graph, inputs, targets=targets))


def _loss(
    model: Any, graph: LayerGraph, inputs: Mapping[str, Any], mark: Mark | None = None, *, targets: Mapping[str, Any]
) -> Any:
    """The sum over the outputs, as `TrainsModels.gradients` says."""
    outputs = forward(model, graph, inputs, training=True, mark=mark)
    terms = [_term(outputs[name], targets[name]) for name in graph.outputs]
    return sum(terms[1:], terms[0])


def _term(output: Any, target: Any) -> Any:
    if keras.backend.is_int_dtype(target.dtype):
        # Not Keras's own cross-entropy: of a softmax it takes what went into it, on TensorFlow in a compiled function.
        logs = keras.ops.log_softmax(output, axis=-1)
        each = -keras.ops.take_along_axis(logs, keras.ops.expand_dims(target, -1), axis=-1)
    else:
        each = keras.ops.square(output - target)
    return keras.ops.mean(each)


def _target_batches(model: Any, graph: LayerGraph, targets: Arrays) -> dict[str, Any]:
    """Whole numbers stay what they are; images are in Keras's layout, as the outputs."""
    return {
        name: as_tensor(model, array, "int32")
        if np.issubdtype(array.dtype, np.integer)
        else to_batch(model, array, graph.types[graph.outputs[name]])
        for name, array in targets.items()
    }
