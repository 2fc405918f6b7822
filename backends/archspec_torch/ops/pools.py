"""Pools."""

from __future__ import annotations

from typing import Final

from archspec.codegen.layout import Code, call
from archspec.codegen.printer import Printer
from archspec.codegen.tree import LayerUse
from archspec_torch.ops.padding import padded
from archspec_torch.ops.row import Row


def _max_pool(use: LayerUse, printer: Printer) -> Code:
    head, padding = padded(use, printer, "MaxPool2d")
    return call(head, **_window(use, printer), **padding)


def _avg_pool(use: LayerUse, printer: Printer) -> Code:
    head, padding = padded(use, printer, "AvgPool2d")
    pads = padding or not head.startswith("nn.")
    count: dict[str, Code] = {"count_include_pad": "False"} if pads and not use.value("count_padding") else {}
    return call(head, **_window(use, printer), **padding, **count)


def _window(use: LayerUse, printer: Printer) -> dict[str, Code]:
    return {"kernel_size": printer.attribute(use, "kernel")} | printer.given(use, {"stride": "stride"})


def _global_avg_pool(use: LayerUse, printer: Printer) -> Code:
    pool = call("nn.AdaptiveAvgPool2d", "1")
    return pool if use.value("keep_axes") else call("nn.Sequential", pool, call("nn.Flatten"))


ROWS: Final[dict[str, Row]] = {
    "max_pool": Row("heavy", _max_pool),
    "avg_pool": Row("heavy", _avg_pool),
    "global_avg_pool": Row("heavy", _global_avg_pool),
}
