"""Resizing by what lies between the elements."""

from __future__ import annotations

from typing import Final

from archspec.codegen.pretty_printer import Code, call
from archspec.ir.interpolation_arithmetic import NEAREST
from archspec_keras.ops.row import KerasRow, LayerContext, LayerStep


def _upsample(context: LayerContext) -> list[LayerStep]:
    mode: str = context.value("mode")
    if _enlarges(context):
        if mode in NEAREST:
            return [LayerStep(call(context.of_rank("layers.UpSampling{}"), context.attribute("factor")))]
        if mode != "bicubic" and not context.value("align_corners"):
            head = context.helper(f"{mode.capitalize()}UpSampling{{}}")
            return [LayerStep(call(head, context.attribute("factor")))]
    amount = context.given(size="size", factor="factor")
    if mode in NEAREST:
        exact: dict[str, Code] = {"exact": "True"} if mode == "nearest_exact" else {}
        return [LayerStep(call(context.helper("NearestResizing{}"), **amount, **exact))]
    words: dict[str, Code] = {"cubic": "True"} if mode == "bicubic" else {}
    if context.value("antialias"):
        words["antialias"] = "True"
    words |= context.given(align_corners="align_corners")
    return [LayerStep(call(context.helper("Interpolation{}"), **amount, **words))]


def _enlarges(context: LayerContext) -> bool:
    """Whether each element becomes a whole number of them: an expression that is printed is whole."""
    if not context.fixed("factor"):
        return True
    factor = context.value("factor")
    return factor is not None and all(isinstance(times, int) for times in factor)


ROWS: Final[dict[str, KerasRow]] = {"upsample": KerasRow(_upsample)}
