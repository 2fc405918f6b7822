"""Resizing by what lies between the elements."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from archspec.codegen.escaping import literal
from archspec.codegen.expression_printer import ExpressionPrinter, plain
from archspec.codegen.pretty_printer import Code, call, flat
from archspec.codegen.tree import LayerUse
from archspec.ir.interpolation_arithmetic import MOST_PARTS, NEAREST
from archspec.ir.tensor_type import spatial_rank
from archspec_torch.ops.padding import of_rank
from archspec_torch.ops.row import TorchRow

_MOST_NEAREST: Final = 40
"""PyTorch's `nearest` divides in float32: at factor 41 it takes some elements too early. `nearest-exact` never does."""


def _upsample(use: LayerUse, printer: ExpressionPrinter) -> Code:
    if use.value("mode") in NEAREST and not _repeats(use):
        name = of_rank("NearestUpsample", use)
        printer.helpers.add(name)
        return call(name, **_ratio(use), **printer.given(use, {"size": "size"}), **_exact(use))
    amount = printer.given(use, {"factor": "scale_factor", "size": "size"})
    if use.value("antialias"):
        printer.helpers.add("AntialiasedUpsample")
        return call("AntialiasedUpsample", **amount, **_mode(use))
    return call("nn.Upsample", **amount, **_mode(use))


def _repeats(use: LayerUse) -> bool:
    """Whether each element is repeated a whole number of times: at no other factor is PyTorch sure of the nearest."""
    if not use.fixed("factor"):
        return True  # an expression that is printed is whole
    factor = use.value("factor")
    return factor is not None and all(isinstance(times, int) for times in factor)


def _ratio(use: LayerUse) -> dict[str, Code]:
    """A factor as two whole numbers."""
    factor = use.value("factor")
    if factor is None:
        return {}
    ratios = [Fraction(times).limit_denominator(MOST_PARTS) for times in factor]
    return {
        "up": plain(tuple(ratio.numerator for ratio in ratios)),
        "down": plain(tuple(ratio.denominator for ratio in ratios)),
    }


def _mode(use: LayerUse) -> dict[str, Code]:
    mode = use.value("mode")
    found: dict[str, Code] = {}
    if mode in NEAREST and use.fixed("factor") and max(use.value("factor")) <= _MOST_NEAREST:
        return found
    found["mode"] = literal("nearest-exact" if mode in NEAREST else mode)
    if use.value("align_corners"):
        found["align_corners"] = "True"
    return found


def _exact(use: LayerUse) -> dict[str, Code]:
    return {"exact": "True"} if use.value("mode") == "nearest_exact" else {}


def _resized(use: LayerUse, printer: ExpressionPrinter, operands: Sequence[Code]) -> Code:
    """To the size of another tensor."""
    x, other = operands
    size = f"{flat(other)}.shape[2:]"
    if use.value("mode") in NEAREST:
        name = f"nearest_{spatial_rank(use.axes[0])}d"
        printer.helpers.add(name)
        return call(name, x, size, **_exact(use))
    antialias: dict[str, Code] = {"antialias": "True"} if use.value("antialias") else {}
    return call("F.interpolate", x, size, **_mode(use), **antialias)


ROWS: Final[dict[str, TorchRow]] = {
    "upsample": TorchRow("heavy", _upsample, _resized, inline=lambda use: len(use.operands) > 1)
}
