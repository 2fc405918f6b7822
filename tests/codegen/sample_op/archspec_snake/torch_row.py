"""How PyTorch writes it: a module that the generated file brings along."""

from __future__ import annotations

from archspec.codegen.layout import Code, call
from archspec.codegen.printer import Printer
from archspec.codegen.tree import LayerUse
from archspec_torch.ops import Row

HELPER = '''
class Snake(nn.Module):
    """Adds a squared sine, so that what repeats can be learned."""

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.sin(self.alpha * x) ** 2 / self.alpha
'''


def _snake(use: LayerUse, printer: Printer) -> Code:
    printer.helpers.add("Snake")
    return call("Snake", **printer.given(use, {"alpha": "alpha"}))


ROW = Row("light", _snake, helpers={"Snake": HELPER})
