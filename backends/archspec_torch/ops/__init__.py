"""One row for each op: how PyTorch writes it, as a module and, where that reads better, as a function."""

from typing import Final

from archspec.codegen.rows import Rows
from archspec_torch.ops import (
    activations,
    interpolation,
    linear,
    merges,
    norms,
    pools,
    rearrange,
    reductions,
    regularizers,
    shapes,
    tokens,
    windows,
)
from archspec_torch.ops.row import TorchRow, Weight

ROWS: Final[Rows[TorchRow]] = Rows(
    "torch",
    "PyTorch",
    {
        **linear.ROWS,
        **norms.ROWS,
        **activations.ROWS,
        **regularizers.ROWS,
        **pools.ROWS,
        **reductions.ROWS,
        **rearrange.ROWS,
        **shapes.ROWS,
        **interpolation.ROWS,
        **merges.ROWS,
        **tokens.ROWS,
        **windows.ROWS,
    },
)

__all__ = ["ROWS", "TorchRow", "Weight"]
