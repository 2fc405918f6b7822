"""Padding of windows: torch.nn's own where it pads evenly, else a helper's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from archspec.codegen.attributes import convolves
from archspec.codegen.escaping import literal
from archspec.codegen.expression_printer import ExpressionPrinter, plain
from archspec.codegen.pretty_printer import Code
from archspec.codegen.tree import LayerUse
from archspec.expr import Items
from archspec.ir.attributes import Padding, PerAxis
from archspec.ir.op import Op
from archspec.ir.ops.linear import Convolution
from archspec.ir.tensor_type import spatial_rank

T = TypeVar("T")


def of_rank(name: str, use: LayerUse) -> str:
    """A class with the number of spatial axes that its input has: `Conv` on images is `Conv2d`."""
    return f"{name}{spatial_rank(use.axes[0])}d"


def last_axis_first(sides: Sequence[T]) -> tuple[T, ...]:
    """Both sides of each axis as PyTorch has them, from (top, bottom, left, right) to (left, right, top, bottom)."""
    return tuple(sides[at + side] for at in range(len(sides) - 2, -1, -2) for side in (0, 1))


def padded(use: LayerUse, printer: ExpressionPrinter, kind: str, beyond: PerAxis = ()) -> tuple[str, dict[str, Code]]:
    """The class and its padding argument: torch.nn's own where it pads evenly, else a helper's.

    The helper pads so much more at the end of each axis.
    """
    given, name = use.exprs.get("padding"), of_rank(kind, use)
    if isinstance(given, Items) and len(given.items) == 2 * spatial_rank(use.axes[0]):
        printer.helpers.add(f"Padded{name}")
        return f"Padded{name}", {"sides": printer.expr(Items(last_axis_first(given.items)))}
    if given is not None:
        return f"nn.{name}", {"padding": printer.expr(given)}
    padding: Padding = use.value("padding")
    if padding.is_same:
        if use.fixed("kernel") and set(use.value("kernel")) == {1}:
            return f"nn.{name}", {}
        if _same_without_strides(use):
            return f"nn.{name}", {"padding": literal("same")}
        helper = f"{'SameLower' if padding.lower else 'Same'}{name}"
        printer.helpers.add(helper)
        return helper, {}
    even = padding.symmetric
    if even is not None and not any(even):
        return f"nn.{name}", {}
    if even is not None and (issubclass(use.op, Convolution) or _half_covers(use, even)):
        return f"nn.{name}", {"padding": plain(even)}
    assert padding.sides is not None
    more = beyond or (0,) * len(padding.sides)
    sides = [side for (before, after), end in zip(padding.sides, more, strict=True) for side in (before, after + end)]
    printer.helpers.add(f"Padded{name}")
    return f"Padded{name}", {"sides": literal(last_axis_first(sides))}


def takes_words(ops: Sequence[Op]) -> bool:
    """Whether PyTorch's convolution takes the word for their padding: its own `same` knows no strides."""
    same = [op for op in ops if isinstance(op, Convolution) and op.padding.is_same]
    return convolves(ops) and all(set(op.stride) == {1} and all(window % 2 for window in op.kernel) for op in same)


def _same_without_strides(use: LayerUse) -> bool:
    """PyTorch's own `same` knows no strides; for even kernels, which it pads alike, it warns."""
    if not issubclass(use.op, Convolution) or not use.fixed("stride") or set(use.value("stride")) != {1}:
        return False
    return not use.fixed("kernel") or all(window % 2 for window in use.value("kernel"))


def _half_covers(use: LayerUse, even: PerAxis) -> bool:
    """torch.nn's pools refuse padding of more than half the window. A window by expression is never smaller."""
    if not use.fixed("kernel"):
        return True
    return all(side * 2 <= window for side, window in zip(even, use.value("kernel"), strict=True))
