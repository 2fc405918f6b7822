"""Layers that are random in training."""

from __future__ import annotations

from typing import Final

from archspec.codegen.layout import call
from archspec_torch.ops.row import Row

ROWS: Final[dict[str, Row]] = {
    "dropout": Row("light", lambda use, printer: call("nn.Dropout", printer.attribute(use, "rate"))),
}
