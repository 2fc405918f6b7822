"""Batch norm by the whole batch."""

from typing import Any

import keras
from keras import ops


def synchronize(layer: Any, devices: int) -> None:
    """Lets a batch norm of TensorFlow's go by the batch of all devices together."""
    layer.synchronized = True
    if type(layer) is keras.layers.BatchNormalization:
        return
    # The unbiased variance that `model.py` keeps is n / (n - 1) times that of n values of a device:
    # here of those of all devices.
    call = layer.call

    def whole(inputs: Any, training: bool | None = None) -> Any:
        kept = layer.momentum * ops.convert_to_tensor(layer.moving_variance)
        outputs = call(inputs, training=training)
        if training and layer.trainable:
            share = ops.convert_to_tensor(layer.moving_variance) - kept
            count = ops.cast(ops.size(inputs) // inputs.shape[layer.axis], share.dtype)
            most = ops.maximum(count * devices - 1, 1)
            layer.moving_variance.assign(kept + share * ops.maximum(count - 1, 1) * devices / most)
        return outputs

    layer.call = whole
