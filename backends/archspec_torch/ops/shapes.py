"""Layers that move numbers and compute none."""

from __future__ import annotations

from typing import Final

from archspec.codegen.layout import call
from archspec_torch.ops.row import Row, light

ROWS: Final[dict[str, Row]] = {
    "identity": light("nn.Identity"),
    "flatten": Row(
        "heavy",
        lambda use, printer: call("nn.Flatten"),
        lambda use, printer, operands: call("torch.flatten", *operands, "1"),
    ),
}
