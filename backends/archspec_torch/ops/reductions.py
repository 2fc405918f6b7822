"""Layers that make one number of all channels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.pretty_printer import Code, call
from archspec.codegen.tree import LayerUse
from archspec.ir.tensor_type import TOKENS
from archspec_torch.ops.row import TorchRow


def _axis(use: LayerUse) -> str:
    return "-1" if use.axes[0] == TOKENS else "1"


def _module(name: str) -> Callable[[LayerUse, ExpressionPrinter], Code]:
    def module(use: LayerUse, printer: ExpressionPrinter) -> Code:
        printer.helpers.add(name)
        return call(name) if _axis(use) == "1" else call(name, dim=_axis(use))

    return module


def _over_channels(head: str) -> Callable[[LayerUse, ExpressionPrinter, Sequence[Code]], Code]:
    return lambda use, printer, operands: call(head, *operands, dim=_axis(use), keepdim="True")


ROWS: Final[dict[str, TorchRow]] = {
    "channel_avg_pool": TorchRow("light", _module("ChannelMean"), _over_channels("torch.mean")),
    "channel_max_pool": TorchRow("light", _module("ChannelMax"), _over_channels("torch.amax")),
}
