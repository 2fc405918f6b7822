"""What each op means, in ONNX's operators: one row for each op. Nothing here is shared with any backend."""

from tests.reference.onnx_rows import (
    activations,
    linear,
    merges,
    norms,
    pools,
    reductions,
    regularizers,
    shapes,
    tokens,
)
from tests.reference.onnx_rows.fragment import Fragment, Row

ROWS: dict[str, Row] = {
    **linear.ROWS,
    **norms.ROWS,
    **activations.ROWS,
    **regularizers.ROWS,
    **pools.ROWS,
    **reductions.ROWS,
    **shapes.ROWS,
    **merges.ROWS,
    **tokens.ROWS,
}

__all__ = ["ROWS", "Fragment", "Row"]
