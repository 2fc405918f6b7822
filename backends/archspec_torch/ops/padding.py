"""Padding of windows: torch.nn's own where it pads evenly, else a helper's."""

from __future__ import annotations

from archspec.codegen.layout import Code
from archspec.codegen.printer import Printer, plain
from archspec.codegen.text import literal
from archspec.codegen.tree import LayerUse
from archspec.expr import Items
from archspec.ir.attributes import Padding, Pair
from archspec.ir.ops import Conv


def padded(use: LayerUse, printer: Printer, name: str, beyond: Pair = (0, 0)) -> tuple[str, dict[str, Code]]:
    """The class and its padding argument: torch.nn's own where it pads evenly, else a helper's.

    The helper pads so much more below and to the right.
    """
    given = use.exprs.get("padding")
    if isinstance(given, Items) and len(given.items) == 4:
        top, bottom, left, right = given.items
        printer.helpers.add(f"Padded{name}")
        return f"Padded{name}", {"sides": printer.expr(Items((left, right, top, bottom)))}
    if given is not None:
        return f"nn.{name}", {"padding": printer.expr(given)}
    padding: Padding = use.value("padding")
    if padding.mode == "same":
        if use.fixed("kernel") and use.value("kernel") == (1, 1):
            return f"nn.{name}", {}
        if _same_without_strides(use):
            return f"nn.{name}", {"padding": literal("same")}
        printer.helpers.add(f"Same{name}")
        return f"Same{name}", {}
    even = padding.symmetric
    if even == (0, 0):
        return f"nn.{name}", {}
    if even is not None and (use.op is Conv or _half_covers(use, even)):
        return f"nn.{name}", {"padding": plain(even)}
    assert padding.sides is not None
    sides = padding.sides
    printer.helpers.add(f"Padded{name}")
    return f"Padded{name}", {"sides": plain((sides[2], sides[3] + beyond[1], sides[0], sides[1] + beyond[0]))}


def _same_without_strides(use: LayerUse) -> bool:
    """PyTorch's own `same` knows no strides; for even kernels, which it pads alike, it warns."""
    if use.op is not Conv or not use.fixed("stride") or use.value("stride") != (1, 1):
        return False
    return not use.fixed("kernel") or all(window % 2 for window in use.value("kernel"))


def _half_covers(use: LayerUse, even: Pair) -> bool:
    """torch.nn's pools refuse padding of more than half the window. A window by expression is never smaller."""
    if not use.fixed("kernel"):
        return True
    kernel: Pair = use.value("kernel")
    return even[0] * 2 <= kernel[0] and even[1] * 2 <= kernel[1]
