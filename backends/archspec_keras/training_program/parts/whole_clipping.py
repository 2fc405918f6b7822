"""Clipping by the gradients of all devices."""

from typing import Any

import keras


class WholeClipping(keras.optimizers.Optimizer):
    """Clips gradients of the whole batch, where TensorFlow clips those of each device by itself."""

    def _clip_gradients(self, gradients: list[Any]) -> list[Any]:
        if keras.backend.backend() != "tensorflow":
            return list(super()._clip_gradients(gradients))
        import tensorflow as tf

        context = tf.distribute.get_replica_context()
        devices = context.num_replicas_in_sync
        if devices == 1:
            return list(super()._clip_gradients(gradients))
        gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, list(gradients))
        # Keras adds those of all devices after this; each has the whole already.
        return [gradient / devices for gradient in super()._clip_gradients(gradients)]
