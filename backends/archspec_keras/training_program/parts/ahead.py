"""The place of the right class among the outputs."""

from typing import Any

from keras import ops


def ahead_of(classes: Any, outputs: Any) -> Any:
    """How many outputs are ahead of that of the right class: greater, or equal and before it."""
    place = ops.expand_dims(classes, -1)
    right = ops.take_along_axis(outputs, place, axis=-1)
    before = ops.arange(outputs.shape[-1], dtype="int32") < place
    ahead = ops.logical_or(outputs > right, ops.logical_and(outputs == right, before))
    return ops.sum(ops.cast(ahead, "int32"), axis=-1)
