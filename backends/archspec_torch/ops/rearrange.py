"""Axes by name, as a chain of PyTorch's methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from archspec.codegen.escaping import literal
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.pretty_printer import Code, Infix, flat
from archspec.codegen.tree import LayerUse
from archspec.ir.ops.rearrange import AxisPattern
from archspec_torch.ops.row import TorchRow


def _rearranged(use: LayerUse, printer: ExpressionPrinter, operands: Sequence[Code]) -> Code:
    axes = AxisPattern.read(use.value("pattern"))
    operand = operands[0]
    text = f"({flat(operand)})" if isinstance(operand, Infix) else flat(operand)
    # From the last axis to the first, so that the places of those before it stay what they are.
    left = [*(use.value("sizes") or ())]
    for axis, group in reversed([*enumerate(axes.before, start=1)]):
        if len(group) > 1:
            text += f".unflatten({axis}, {literal(tuple(left[-len(group) :]))})"
            del left[-len(group) :]
    order = axes.order()
    if order != tuple(sorted(order)):
        text += f".permute(0, {', '.join(str(1 + place) for place in order)})"
    start = 1
    ends: list[tuple[int, int]] = []
    for group in axes.after:
        ends.append((start, start + len(group) - 1))
        start += len(group)
    for first, last in reversed(ends):
        if last > first:
            text += f".flatten({first}, {last})"
    return text


ROWS: Final[dict[str, TorchRow]] = {"rearrange": TorchRow("heavy", function=_rearranged)}
