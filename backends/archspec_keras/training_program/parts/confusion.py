"""Which classes were taken for which."""

from typing import Any

from keras import ops


def confusion(classes: Any, guesses: Any, counted: Any, count: int) -> Any:
    """How many of each class (the rows) were taken for each class (the columns)."""
    cells = ops.reshape(classes * count + guesses, (-1,))
    found = ops.segment_sum(ops.reshape(counted, (-1,)), cells, num_segments=count * count)
    return ops.reshape(found, (count, count))
