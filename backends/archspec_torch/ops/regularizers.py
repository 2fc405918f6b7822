"""Layers that are random in training."""

from __future__ import annotations

from typing import Final

from archspec.codegen.layout import Code, call
from archspec.codegen.printer import Printer
from archspec.codegen.tree import LayerUse
from archspec_torch.ops.row import Row


def _drop_path(use: LayerUse, printer: Printer) -> Code:
    printer.helpers.add("DropPath")
    return call("DropPath", printer.attribute(use, "rate"))


ROWS: Final[dict[str, Row]] = {
    "dropout": Row("light", lambda use, printer: call("nn.Dropout", printer.attribute(use, "rate"))),
    "drop_path": Row("light", _drop_path),
}
