"""Joining branches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Final

from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.pretty_printer import Bracket, Code, Infix, call
from archspec.codegen.tree import LayerUse
from archspec.ir.tensor_type import TOKENS
from archspec_torch.ops.row import TorchRow


def _infix(operator: str) -> Callable[[LayerUse, ExpressionPrinter, Sequence[Code]], Code]:
    return lambda use, printer, operands: Infix(operator, tuple(operands))


def _concat(use: LayerUse, printer: ExpressionPrinter, operands: Sequence[Code]) -> Code:
    features = use.axes[0] == TOKENS and use.value("axis") == "channels"
    return call("torch.cat", Bracket("", tuple(operands)), dim="-1" if features else "1")


def _nested(head: str) -> Callable[[LayerUse, ExpressionPrinter, Sequence[Code]], Code]:
    def function(use: LayerUse, printer: ExpressionPrinter, operands: Sequence[Code]) -> Code:
        first, *others = operands
        return reduce(lambda left, right: call(head, left, right), others, first)

    return function


def _matmul(use: LayerUse, printer: ExpressionPrinter, operands: Sequence[Code]) -> Code:
    first, second = operands
    return call(
        "torch.matmul", first, second if use.value("axis") == "tokens" else call("torch.transpose", second, "1", "2")
    )


# Python's compiler goes one level deeper with each term of a sum, and gives up after some thousand.
_TERMS: Final = 64
_NESTED: Final = 8

ROWS: Final[dict[str, TorchRow]] = {
    "add": TorchRow("merge", function=_infix("+"), most_operands=_TERMS),
    "multiply": TorchRow("product", function=_infix("*"), most_operands=_TERMS),
    "subtract": TorchRow("merge", function=_infix("-")),
    "divide": TorchRow("product", function=_infix("/")),
    "maximum": TorchRow("merge", function=_nested("torch.maximum"), most_operands=_NESTED),
    "minimum": TorchRow("merge", function=_nested("torch.minimum"), most_operands=_NESTED),
    "matmul": TorchRow("merge", function=_matmul),
    "concat": TorchRow("merge", function=_concat),
}
