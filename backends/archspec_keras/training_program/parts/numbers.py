"""What batches give, as NumPy has it."""

from typing import Any

import numpy as np
from keras import ops


def as_numbers(logs: dict[str, Any]) -> dict[str, Any]:
    """A batch's logs as NumPy has them, in float64 and int64."""
    found = {name: np.asarray(ops.convert_to_numpy(value)) for name, value in logs.items()}
    return {
        name: value.astype("float64" if value.dtype.kind == "f" else "int64")
        for name, value in found.items()
    }
