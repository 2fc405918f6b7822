"""Convolutions and dense layers."""

from __future__ import annotations

from typing import Final

from archspec.codegen.layout import Code, call
from archspec.codegen.printer import Printer, plain
from archspec.codegen.tree import LayerUse
from archspec.ir.initializers import FanInUniform
from archspec.ir.window import crop
from archspec_torch.ops.padding import padded
from archspec_torch.ops.row import Row


def _conv(use: LayerUse, printer: Printer) -> Code:
    head, padding = padded(use, printer, "Conv2d")
    keywords: dict[str, Code] = {"kernel_size": printer.attribute(use, "kernel")}
    keywords |= printer.given(use, {"stride": "stride"}) | padding
    keywords |= printer.given(use, {"dilation": "dilation", "groups": "groups", "bias": "bias"})
    return call(head, printer.expr(use.features[0]), printer.attribute(use, "filters"), **keywords)


def _conv_transpose(use: LayerUse, printer: Printer) -> Code:
    stride, dilation = use.value("stride"), use.value("dilation")
    (top, bottom), (left, right) = crop(
        use.value("kernel"), stride, use.value("padding"), use.value("output_padding"), dilation
    )
    head, keywords = "nn.ConvTranspose2d", {"kernel_size": printer.attribute(use, "kernel")}
    keywords |= printer.given(use, {"stride": "stride"})
    added = (top - bottom, left - right)  # what PyTorch adds after it has left out as much below as above
    if all(0 <= more < max(sizes) for more, *sizes in zip(added, stride, dilation, strict=True)):
        padding = (top, left)
    else:
        padding, added = (0, 0), (max(-bottom, 0), max(-right, 0))
        head = "CroppedConvTranspose2d"
        printer.helpers.add(head)
        keywords["sides"] = plain((left, max(right, 0), top, max(bottom, 0)))
    keywords |= {name: plain(pair) for name, pair in (("padding", padding), ("output_padding", added)) if any(pair)}
    keywords |= printer.given(use, {"groups": "groups", "bias": "bias", "dilation": "dilation"})
    return call(head, printer.expr(use.features[0]), printer.attribute(use, "filters"), **keywords)


def _dense(use: LayerUse, printer: Printer) -> Code:
    keywords = printer.given(use, {"bias": "bias"})
    return call("nn.Linear", printer.expr(use.features[0]), printer.attribute(use, "units"), **keywords)


_DRAWS: Final = {"weight": FanInUniform(), "bias": FanInUniform()}

ROWS: Final[dict[str, Row]] = {
    "conv": Row("heavy", _conv, type=lambda use: "nn.Conv2d", draws=_DRAWS),
    "conv_transpose": Row("heavy", _conv_transpose, type=lambda use: "nn.ConvTranspose2d", draws=_DRAWS),
    "dense": Row("heavy", _dense, type=lambda use: "nn.Linear", draws=_DRAWS),
}
