"""Layers that are random in training."""

from __future__ import annotations

from typing import Final

from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.pretty_printer import Code, call
from archspec.codegen.tree import LayerUse
from archspec_torch.ops.padding import of_rank
from archspec_torch.ops.row import TorchRow


def _drop_path(use: LayerUse, printer: ExpressionPrinter) -> Code:
    printer.helpers.add("DropPath")
    return call("DropPath", printer.attribute(use, "rate"))


def _drop_block(use: LayerUse, printer: ExpressionPrinter) -> Code:
    printer.helpers.add("DropBlock")
    return call("DropBlock", printer.attribute(use, "rate"), printer.attribute(use, "block"))


ROWS: Final[dict[str, TorchRow]] = {
    "dropout": TorchRow("light", lambda use, printer: call("nn.Dropout", printer.attribute(use, "rate"))),
    "drop_path": TorchRow("light", _drop_path),
    "channel_dropout": TorchRow(
        "light", lambda use, printer: call(of_rank("nn.Dropout", use), printer.attribute(use, "rate"))
    ),
    "drop_block": TorchRow("light", _drop_block),
}
