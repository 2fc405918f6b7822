"""One row for each op: the Keras layers that compute it."""

from typing import Final

from archspec.codegen.rows import Rows
from archspec_keras.ops import (
    activations,
    interpolation,
    linear,
    merges,
    norms,
    pools,
    reductions,
    regularizers,
    shapes,
    tokens,
    windows,
)
from archspec_keras.ops.row import FAN, KerasRow, LayerContext, LayerStep

ROWS: Final[Rows[KerasRow]] = Rows(
    "keras",
    "Keras",
    {
        **linear.ROWS,
        **norms.ROWS,
        **activations.ROWS,
        **regularizers.ROWS,
        **pools.ROWS,
        **reductions.ROWS,
        **shapes.ROWS,
        **interpolation.ROWS,
        **merges.ROWS,
        **tokens.ROWS,
        **windows.ROWS,
    },
)

__all__ = ["FAN", "ROWS", "KerasRow", "LayerContext", "LayerStep"]
