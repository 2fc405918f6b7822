"""One row for each op: the Keras layers that compute it."""

from typing import Final

from archspec_keras.ops import activations, linear, merges, norms, pools, regularizers, shapes
from archspec_keras.ops.row import FAN, Row, Site, Step

ROWS: Final[dict[str, Row]] = {
    **linear.ROWS,
    **norms.ROWS,
    **activations.ROWS,
    **regularizers.ROWS,
    **pools.ROWS,
    **shapes.ROWS,
    **merges.ROWS,
}

__all__ = ["FAN", "ROWS", "Row", "Site", "Step"]
