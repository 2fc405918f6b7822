"""Joining branches."""

from __future__ import annotations

from typing import Final

from archspec.codegen.pretty_printer import Code, call
from archspec_keras.ops.row import KerasRow, LayerContext, LayerStep, layer


def _concat(context: LayerContext) -> list[LayerStep]:
    """Channels are the last axis, which Concatenate takes unless it is given another."""
    axis: dict[str, Code] = {"axis": "1"} if context.value("axis") == "tokens" else {}
    return [LayerStep(call("layers.Concatenate", **axis))]


def _matmul(context: LayerContext) -> list[LayerStep]:
    return [LayerStep(call("layers.Dot", axes="(2, 1)" if context.value("axis") == "tokens" else "2"))]


ROWS: Final[dict[str, KerasRow]] = {
    "add": layer("layers.Add"),
    "multiply": layer("layers.Multiply"),
    "subtract": layer("layers.Subtract"),
    "divide": KerasRow(lambda context: [LayerStep(call(context.helper("Divide")))]),
    "maximum": layer("layers.Maximum"),
    "minimum": layer("layers.Minimum"),
    "matmul": KerasRow(_matmul),
    "concat": KerasRow(_concat),
}
