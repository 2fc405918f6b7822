"""Layers that make one number of all channels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from archspec.codegen.layout import Code, call
from archspec.codegen.printer import Printer
from archspec.codegen.tree import LayerUse
from archspec_torch.ops.row import Row


def _over_channels(head: str) -> Callable[[LayerUse, Printer, Sequence[Code]], Code]:
    return lambda use, printer, operands: call(head, *operands, dim="-1" if use.ranks[0] == 2 else "1", keepdim="True")


ROWS: Final[dict[str, Row]] = {
    "channel_avg_pool": Row("light", function=_over_channels("torch.mean")),
    "channel_max_pool": Row("light", function=_over_channels("torch.amax")),
}
