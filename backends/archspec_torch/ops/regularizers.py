"""Layers that are random in training."""

from __future__ import annotations

from typing import Final

from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.pretty_printer import Code, call
from archspec.codegen.tree import LayerUse
from archspec_torch.ops.row import TorchRow


def _drop_path(use: LayerUse, printer: ExpressionPrinter) -> Code:
    printer.helpers.add("DropPath")
    return call("DropPath", printer.attribute(use, "rate"))


ROWS: Final[dict[str, TorchRow]] = {
    "dropout": TorchRow("light", lambda use, printer: call("nn.Dropout", printer.attribute(use, "rate"))),
    "drop_path": TorchRow("light", _drop_path),
}
