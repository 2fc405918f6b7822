"""How PyTorch writes it: a module that the generated file brings along."""

from __future__ import annotations

from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.pretty_printer import Code, call
from archspec.codegen.tree import LayerUse
from archspec_torch.ops import TorchRow

HELPER = '''
class Snake(nn.Module):
    """Adds a squared sine, so that what repeats can be learned."""

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.sin(self.alpha * x) ** 2 / self.alpha
'''


def _snake(use: LayerUse, printer: ExpressionPrinter) -> Code:
    printer.helpers.add("Snake")
    return call("Snake", **printer.given(use, {"alpha": "alpha"}))


ROW = TorchRow("light", _snake, helpers={"Snake": HELPER})
