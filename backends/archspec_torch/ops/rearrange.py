"""Axes by name, by PyTorch's functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from archspec.codegen.escaping import literal
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.pretty_printer import Bracket, Code, call
from archspec.codegen.tree import LayerUse
from archspec.ir.ops.rearrange import AxisPattern
from archspec_torch.ops.row import TorchRow, chained


def _rearranged(use: LayerUse, printer: ExpressionPrinter, operands: Sequence[Code]) -> Code:
    axes = AxisPattern.read(use.value("pattern"))
    found = operands[0]
    # From the last axis to the first, so that the places of those before it stay what they are.
    left = [*(use.value("sizes") or ())]
    for axis, group in reversed([*enumerate(axes.before, start=1)]):
        if len(group) > 1:
            found = call(
                "torch.unflatten", found, str(axis), literal(tuple(left[-len(group) :]))
            )  # the method has no type
            del left[-len(group) :]
    calls: list[Bracket] = []
    order = axes.order()
    if order != tuple(sorted(order)):
        calls.append(call("permute", "0", *(str(1 + place) for place in order)))
    start = 1
    ends: list[tuple[int, int]] = []
    for group in axes.after:
        ends.append((start, start + len(group) - 1))
        start += len(group)
    calls += [call("flatten", str(first), str(last)) for first, last in reversed(ends) if last > first]
    return chained(found, calls)


ROWS: Final[dict[str, TorchRow]] = {"rearrange": TorchRow("heavy", function=_rearranged)}
