"""Normalizations."""

from __future__ import annotations

from typing import Final

from archspec.codegen.layout import Code, call
from archspec.codegen.printer import Printer
from archspec.codegen.text import literal
from archspec.codegen.tree import LayerUse
from archspec.expr import Binary, Const, fold
from archspec_torch.ops.row import Row


def _batch_norm_type(use: LayerUse) -> str:
    return "nn.BatchNorm2d" if use.ranks[0] == 3 else "nn.BatchNorm1d"


def _batch_norm(use: LayerUse, printer: Printer) -> Code:
    name = _batch_norm_type(use)
    if use.value("variance") == "biased":
        name = name.replace("nn.", "Biased")
        printer.helpers.add(name)
    keywords = printer.given(use, {"eps": "eps"})
    if not use.fixed("decay"):
        keywords["momentum"] = printer.expr(fold(Binary("-", Const(1), use.exprs["decay"])))
    elif use.value("decay") != 0.9:
        keywords["momentum"] = literal(round(1 - use.value("decay"), 12))
    return call(name, printer.expr(use.features[0]), **keywords)


ROWS: Final[dict[str, Row]] = {
    "batch_norm": Row("light", _batch_norm, type=_batch_norm_type),
}
