"""What a row is, and the rows that need no more than a name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from archspec.codegen.layout import Code, call
from archspec.codegen.printer import Printer
from archspec.codegen.tree import LayerUse

Weight: TypeAlias = Literal["light", "heavy", "merge"]


@dataclass(frozen=True, slots=True)
class Row:
    """How one op is written.

    `module` gives the constructor; `function` gives an expression of the operands, used in a `forward` where both
    exist. `weight` says how statements are cut: light calls are nested around heavier ones. `type` gives the class in
    torch.nn of what `module` makes; a row whose op has weights needs it, since weights are drawn by class.
    """

    weight: Weight
    module: Callable[[LayerUse, Printer], Code] | None = None
    function: Callable[[LayerUse, Printer, Sequence[Code]], Code] | None = None
    type: Callable[[LayerUse], str] | None = None


def light(name: str) -> Row:
    """The row of a layer without arguments, such as an activation."""
    return Row("light", lambda use, printer: call(name))
