"""Joining branches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Final

from archspec.codegen.layout import Bracket, Code, Infix, call
from archspec.codegen.printer import Printer
from archspec.codegen.tree import LayerUse
from archspec_torch.ops.row import Row


def _infix(operator: str) -> Callable[[LayerUse, Printer, Sequence[Code]], Code]:
    return lambda use, printer, operands: Infix(operator, tuple(operands))


def _concat(use: LayerUse, printer: Printer, operands: Sequence[Code]) -> Code:
    features = use.ranks[0] == 2 and use.value("axis") == "channels"
    return call("torch.cat", Bracket("", tuple(operands)), dim="-1" if features else "1")


def _maximum(use: LayerUse, printer: Printer, operands: Sequence[Code]) -> Code:
    first, *others = operands
    return reduce(lambda left, right: call("torch.maximum", left, right), others, first)


ROWS: Final[dict[str, Row]] = {
    "add": Row("merge", function=_infix("+")),
    "multiply": Row("merge", function=_infix("*")),
    "maximum": Row("merge", function=_maximum),
    "concat": Row("merge", function=_concat),
}
