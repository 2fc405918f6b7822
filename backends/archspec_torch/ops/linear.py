"""Convolutions and dense layers."""

from __future__ import annotations

from typing import Final

from archspec.codegen.escaping import literal
from archspec.codegen.expression_printer import ExpressionPrinter, plain
from archspec.codegen.pretty_printer import Code, call
from archspec.codegen.tree import LayerUse
from archspec.ir.convolution_arithmetic import crop
from archspec.ir.initializers import FanInUniform, Ones
from archspec.ir.ops.linear import ScaledStandardizedConv
from archspec_torch.ops.padding import last_axis_first, of_rank, padded, padding_class
from archspec_torch.ops.row import TorchRow


def _conv(use: LayerUse, printer: ExpressionPrinter) -> Code:
    return _convolution(use, printer, *padded(use, printer, "Conv"))


def _standardized_conv(use: LayerUse, printer: ExpressionPrinter) -> Code:
    head = _standardized_class(use)
    printer.helpers.add(head)
    own = {name: name for name in ("eps", "gamma") if name in use.op.attributes()}
    return _convolution(use, printer, head, padded(use, printer, "Conv")[1] | printer.given(use, own))


def _standardized_class(use: LayerUse) -> str:
    scaled = "Scaled" if issubclass(use.op, ScaledStandardizedConv) else ""
    return f"{scaled}Standardized{padding_class(use, 'Conv').removeprefix('nn.')}"


def _convolution(use: LayerUse, printer: ExpressionPrinter, head: str, padding: dict[str, Code]) -> Code:
    keywords: dict[str, Code] = {"kernel_size": printer.attribute(use, "kernel")}
    keywords |= printer.given(use, {"stride": "stride"}) | padding
    keywords |= printer.given(use, {"dilation": "dilation", "groups": "groups", "bias": "bias"})
    return call(head, printer.expr(use.features[0]), printer.attribute(use, "filters"), **keywords)


def _conv_transpose(use: LayerUse, printer: ExpressionPrinter) -> Code:
    stride, dilation = use.value("stride"), use.value("dilation")
    ends = crop(use.value("kernel"), stride, use.value("padding"), use.value("output_padding"), dilation)
    name, keywords = of_rank("ConvTranspose", use), {"kernel_size": printer.attribute(use, "kernel")}
    head = f"nn.{name}"
    keywords |= printer.given(use, {"stride": "stride"})
    # What PyTorch adds after it has left out as much at the end as at the beginning.
    added = tuple(before - after for before, after in ends)
    if all(0 <= more < max(sizes) for more, *sizes in zip(added, stride, dilation, strict=True)):
        padding = tuple(before for before, _ in ends)
    else:
        padding, added = (), tuple(max(-after, 0) for _, after in ends)
        head = f"Cropped{name}"
        printer.helpers.add(head)
        sides = [side for before, after in ends for side in (before, max(after, 0))]
        keywords["sides"] = literal(last_axis_first(sides))
    keywords |= {name: plain(sizes) for name, sizes in (("padding", padding), ("output_padding", added)) if any(sizes)}
    keywords |= printer.given(use, {"groups": "groups", "bias": "bias", "dilation": "dilation"})
    return call(head, printer.expr(use.features[0]), printer.attribute(use, "filters"), **keywords)


def _dense(use: LayerUse, printer: ExpressionPrinter) -> Code:
    head, keywords = "nn.Linear", printer.given(use, {"bias": "bias"})
    if use.value("axis") == "channels":
        head = "ChannelLinear"
        printer.helpers.add(head)
    return call(head, printer.features(use), printer.attribute(use, "units"), **keywords)


_DRAWS: Final = {"weight": FanInUniform(), "bias": FanInUniform()}
_STANDARDIZED: Final = TorchRow(
    "heavy",
    _standardized_conv,
    type=lambda use: of_rank("nn.Conv", use),
    draws={**_DRAWS, "gain": Ones()},
    own_type=_standardized_class,
)

ROWS: Final[dict[str, TorchRow]] = {
    "conv": TorchRow("heavy", _conv, type=lambda use: of_rank("nn.Conv", use), draws=_DRAWS),
    "standardized_conv": _STANDARDIZED,
    "scaled_standardized_conv": _STANDARDIZED,
    "conv_transpose": TorchRow(
        "heavy", _conv_transpose, type=lambda use: of_rank("nn.ConvTranspose", use), draws=_DRAWS
    ),
    # What is for feature maps is a kind of it.
    "dense": TorchRow("heavy", _dense, type=lambda use: "nn.Linear", draws=_DRAWS),
}
