"""What ends a run before its time."""

from typing import Any

import keras
import numpy as np
from keras import ops

from archspec_keras.training_program.parts.states import as_array


class NotFiniteError(Exception):
    """The loss of a step is infinite, or not a number."""

    def __init__(self, step: int, loss: float) -> None:
        super().__init__(f"step {step}: the loss is {loss}")
        self.step = step


def first_layer_not_finite(network: Any, images: Any, training: bool = True) -> str:
    """The first layer that gives a number which is not finite, in training on this batch or not."""
    if not np.isfinite(images).all():
        return "the examples have a number which is not finite, before the first layer"
    for layer in network.layers:
        for weight in layer.weights:
            if not np.isfinite(as_array(weight)).all():
                return f"{weight.path} is not finite before it"
    for layer in network.layers:
        if len(layer._inbound_nodes) != 1:
            continue  # a layer that is used several times has no output of its own
        outputs = keras.Model(network.inputs, layer.output)(images, training=training)
        if not all(bool(ops.all(ops.isfinite(each))) for each in keras.tree.flatten(outputs)):
            return f"the first layer that gives a number which is not finite is {layer.name}"
    return "the outputs of all layers are finite: it arises in the loss"


def unreadable(error: Exception) -> str:
    """What of the data could not be read, if that is the error; else empty."""
    # TensorFlow reads batches in a thread of its own, and its error has the other in its text.
    text = f"{type(error).__name__}: {error}"
    return text.partition("DataError: ")[2].partition("\n")[0]


def explained(error: Exception) -> str:
    """What an error of a backend of Keras's says to a user; empty for others."""
    plain = f"{type(error).__name__} {error}".lower().replace("_", "").replace(" ", "")
    signs = ("memoryerror", "resourceexhausted", "outofmemory", "allocatememory")
    if any(sign in plain for sign in signs):
        return "memory ended: use a smaller `batch`, or `accumulate`"
    return ""
