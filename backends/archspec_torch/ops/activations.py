"""Activations."""

from __future__ import annotations

from typing import Final

from archspec.codegen.layout import Code, call
from archspec.codegen.printer import Printer
from archspec.codegen.tree import LayerUse
from archspec_torch.ops.row import Row, light


def _softmax(use: LayerUse, printer: Printer) -> Code:
    return call("nn.Softmax", dim="1" if use.ranks[0] == 3 else "-1")


ROWS: Final[dict[str, Row]] = {
    "relu": light("nn.ReLU"),
    "sigmoid": light("nn.Sigmoid"),
    "softmax": Row("light", _softmax),
}
