"""What layers drop on several devices of TensorFlow."""

from typing import Any

from keras import ops


def drop_by_device(layer: Any) -> None:
    """Let each device of TensorFlow drop other numbers: by itself, all drop the same places."""
    import tensorflow as tf

    draw = layer.seed_generator.next

    def drawn(ordered: bool = True) -> Any:
        context, seed = tf.distribute.get_replica_context(), draw(ordered)
        if context is None:
            return seed
        device = ops.cast(context.replica_id_in_sync_group, seed.dtype)
        return seed + ops.stack([device * 1_000_003, device * 0])

    layer.seed_generator.next = drawn
