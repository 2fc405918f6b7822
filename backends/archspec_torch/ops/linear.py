"""Convolutions and dense layers."""

from __future__ import annotations

from typing import Final

from archspec.codegen.layout import Code, call
from archspec.codegen.printer import Printer
from archspec.codegen.tree import LayerUse
from archspec_torch.ops.padding import padded
from archspec_torch.ops.row import Row


def _conv(use: LayerUse, printer: Printer) -> Code:
    head, padding = padded(use, printer, "Conv2d")
    keywords: dict[str, Code] = {"kernel_size": printer.attribute(use, "kernel")}
    keywords |= printer.given(use, {"stride": "stride"}) | padding
    keywords |= printer.given(use, {"dilation": "dilation", "groups": "groups", "bias": "bias"})
    return call(head, printer.expr(use.features[0]), printer.attribute(use, "filters"), **keywords)


def _dense(use: LayerUse, printer: Printer) -> Code:
    keywords = printer.given(use, {"bias": "bias"})
    return call("nn.Linear", printer.expr(use.features[0]), printer.attribute(use, "units"), **keywords)


ROWS: Final[dict[str, Row]] = {
    "conv": Row("heavy", _conv, type=lambda use: "nn.Conv2d"),
    "dense": Row("heavy", _dense, type=lambda use: "nn.Linear"),
}
