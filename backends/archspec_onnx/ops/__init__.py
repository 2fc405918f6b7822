"""One row for each op: what it means in ONNX's operators."""

from typing import Final

from archspec.codegen.rows import Rows
from archspec_onnx.ops import (
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
from archspec_onnx.ops.row import Fragment, Row

ROWS: Final[Rows[Row]] = Rows(
    "onnx",
    "ONNX",
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

__all__ = ["ROWS", "Fragment", "Row"]
