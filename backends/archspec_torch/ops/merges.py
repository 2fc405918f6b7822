"""Joining branches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from archspec.codegen.layout import Bracket, Code, Infix, call
from archspec.codegen.printer import Printer
from archspec.codegen.tree import LayerUse
from archspec_torch.ops.row import Row


def _infix(operator: str) -> Callable[[LayerUse, Printer, Sequence[Code]], Code]:
    return lambda use, printer, operands: Infix(operator, tuple(operands))


def _concat(use: LayerUse, printer: Printer, operands: Sequence[Code]) -> Code:
    return call("torch.cat", Bracket("", tuple(operands)), dim="1" if use.ranks[0] in (1, 3) else "-1")


ROWS: Final[dict[str, Row]] = {
    "add": Row("merge", function=_infix("+")),
    "multiply": Row("merge", function=_infix("*")),
    "concat": Row("merge", function=_concat),
}
