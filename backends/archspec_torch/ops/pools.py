"""Pools."""

from __future__ import annotations

from typing import Final, Literal

from archspec.codegen.escaping import literal
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.pretty_printer import Code, call
from archspec.codegen.tree import LayerUse
from archspec.ir.attributes import Padding, PerAxis
from archspec.ir.convolution_arithmetic import beyond_padding
from archspec.ir.tensor_type import TOKENS
from archspec_torch.ops.padding import last_axis_first, of_rank, padded
from archspec_torch.ops.row import TorchRow


def _max_pool(use: LayerUse, printer: ExpressionPrinter) -> Code:
    beyond = _beyond(use)
    head, padding = padded(use, printer, "MaxPool", beyond)
    return call(head, **_window(use, printer), **padding, **_ceil_mode(head, beyond))


def _avg_pool(use: LayerUse, printer: ExpressionPrinter) -> Code:
    beyond, counts = _beyond(use), use.value("count_padding")
    head, padding = padded(use, printer, "AvgPool", beyond)
    own = head.startswith("nn.")
    if counts and any(beyond) and not own:
        # Padding that counts, and beyond it what does not.
        counted = [side for sides in use.value("padding").sides for side in sides]
        zeros = call(of_rank("nn.ZeroPad", use), literal(last_axis_first(counted)))
        ends = {"sides": literal(last_axis_first([side for end in beyond for side in (0, end)]))}
        return call("nn.Sequential", zeros, call(head, **_window(use, printer), **ends, count_include_pad="False"))
    count: dict[str, Code] = {"count_include_pad": "False"} if (padding or not own) and not counts else {}
    return call(head, **_window(use, printer), **padding, **_ceil_mode(head, beyond), **count)


def _beyond(use: LayerUse) -> PerAxis:
    """By how much windows may reach beyond the padding, if they may."""
    padding: Padding
    if not use.value("ceil_mode") or (padding := use.value("padding")).sides is None:
        return ()
    kernel: PerAxis = use.value("kernel")
    return beyond_padding(kernel, use.value("stride") or kernel, padding.sides)


def _ceil_mode(head: str, beyond: PerAxis) -> dict[str, Code]:
    return {"ceil_mode": "True"} if any(beyond) and head.startswith("nn.") else {}


def _window(use: LayerUse, printer: ExpressionPrinter) -> dict[str, Code]:
    return {"kernel_size": printer.attribute(use, "kernel")} | printer.given(use, {"stride": "stride"})


def _global_pool(kind: Literal["Avg", "Max"]) -> TorchRow:
    def module(use: LayerUse, printer: ExpressionPrinter) -> Code:
        if use.axes[0] == TOKENS:
            head = "TokenMean" if kind == "Avg" else "TokenMax"
            printer.helpers.add(head)
            return call(head, **({"keepdim": "True"} if use.value("keep_axes") else {}))
        pool = call(of_rank(f"nn.Adaptive{kind}Pool", use), "1")
        return pool if use.value("keep_axes") else call("nn.Sequential", pool, call("nn.Flatten"))

    return TorchRow("heavy", module)


def _blur_pool(use: LayerUse, printer: ExpressionPrinter) -> Code:
    name = of_rank("BlurPool", use)
    printer.helpers.add(name)
    return call(name, printer.attribute(use, "kernel"), printer.attribute(use, "stride"))


ROWS: Final[dict[str, TorchRow]] = {
    "max_pool": TorchRow("heavy", _max_pool),
    "avg_pool": TorchRow("heavy", _avg_pool),
    "global_avg_pool": _global_pool("Avg"),
    "global_max_pool": _global_pool("Max"),
    "adaptive_avg_pool": TorchRow(
        "heavy", lambda use, printer: call(of_rank("nn.AdaptiveAvgPool", use), printer.attribute(use, "size"))
    ),
    "adaptive_max_pool": TorchRow(
        "heavy", lambda use, printer: call(of_rank("nn.AdaptiveMaxPool", use), printer.attribute(use, "size"))
    ),
    "blur_pool": TorchRow("heavy", _blur_pool),
}
