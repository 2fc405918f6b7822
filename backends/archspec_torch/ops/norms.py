"""Normalizations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from archspec.codegen.layout import Code, call
from archspec.codegen.printer import Printer
from archspec.codegen.text import literal
from archspec.codegen.tree import LayerUse
from archspec.expr import Binary, Const, fold
from archspec.ir.initializers import Ones, Zeros
from archspec.ir.tensor_type import IMAGE
from archspec_torch.ops.row import Row


def _batch_norm_type(use: LayerUse) -> str:
    return "nn.BatchNorm2d" if use.axes[0] == IMAGE else "nn.BatchNorm1d"


def _batch_norm(use: LayerUse, printer: Printer) -> Code:
    name = _batch_norm_type(use)
    if use.value("variance") == "biased":
        name = name.replace("nn.", "Biased")
        printer.helpers.add(name)
    keywords = printer.given(use, {"eps": "eps"})
    if not use.fixed("decay"):
        keywords["momentum"] = printer.expr(fold(Binary("-", Const(1), use.exprs["decay"]), printer.budget))
    elif use.value("decay") != 0.9:
        keywords["momentum"] = literal(round(1 - use.value("decay"), 12))
    keywords |= printer.given(use, {"affine": "affine"})
    return call(name, printer.expr(use.features[0]), **keywords)


def _layer_norm(use: LayerUse, printer: Printer) -> Code:
    name = "nn.LayerNorm"
    if use.axes[0] == IMAGE:
        name = "LayerNorm2d"
        printer.helpers.add(name)
    keywords = printer.given(use, {"eps": "eps", "affine": "elementwise_affine"})
    return call(name, printer.expr(use.features[0]), **keywords)


def _group_norm(use: LayerUse, printer: Printer) -> Code:
    groups, channels = printer.attribute(use, "groups"), printer.expr(use.features[0])
    return call("nn.GroupNorm", groups, channels, **printer.given(use, {"eps": "eps", "affine": "affine"}))


def _instance_norm(use: LayerUse, printer: Printer) -> Code:
    keywords = printer.given(use, {"eps": "eps"})
    if use.value("affine"):  # not PyTorch's default here
        keywords["affine"] = "True"
    return call("nn.InstanceNorm2d", printer.expr(use.features[0]), **keywords)


def _local_response_norm(use: LayerUse, printer: Printer) -> Code:
    keywords = printer.given(use, {"alpha": "alpha", "beta": "beta", "k": "k"})
    return call("nn.LocalResponseNorm", printer.attribute(use, "size"), **keywords)


_DRAWS: Final = {"weight": Ones(), "bias": Zeros()}


def _norm(module: Callable[[LayerUse, Printer], Code], type: str) -> Row:
    return Row("light", module, type=lambda use: type, draws=_DRAWS, told_channels=lambda use: True)


ROWS: Final[dict[str, Row]] = {
    "batch_norm": Row("light", _batch_norm, type=_batch_norm_type, draws=_DRAWS, state=True),
    "layer_norm": _norm(_layer_norm, "nn.LayerNorm"),
    "group_norm": _norm(_group_norm, "nn.GroupNorm"),
    "instance_norm": _norm(_instance_norm, "nn.InstanceNorm2d"),
    "local_response_norm": Row("light", _local_response_norm),
}
