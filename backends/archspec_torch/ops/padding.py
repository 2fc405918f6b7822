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
    head, given = padding_class(use, kind), use.exprs.get("padding")
    if not head.startswith("nn."):
        printer.helpers.add(head)
    if isinstance(given, Items) and head.startswith("Padded"):
        return head, {"sides": printer.expr(Items(last_axis_first(given.items)))}
    if given is not None:
        return head, {"padding": printer.expr(given)}
    padding: Padding = use.value("padding")
    if padding.is_same:
        by_word = head.startswith("nn.") and not _covers_one(use)
        return head, {"padding": literal("same")} if by_word else {}
    if head.startswith("nn."):
        even = padding.symmetric
        return head, {"padding": plain(even)} if even is not None and any(even) else {}
    assert padding.sides is not None
    more = beyond or (0,) * len(padding.sides)
    sides = [side for (before, after), end in zip(padding.sides, more, strict=True) for side in (before, after + end)]
    return head, {"sides": literal(last_axis_first(sides))}


def padding_class(use: LayerUse, kind: str) -> str:
    """The class of a layer of this kind that pads: torch.nn's own, or a helper."""
    given, name = use.exprs.get("padding"), of_rank(kind, use)
    if given is not None:
        by_side = isinstance(given, Items) and len(given.items) == 2 * spatial_rank(use.axes[0])
        return f"Padded{name}" if by_side else f"nn.{name}"
    padding: Padding = use.value("padding")
    if padding.is_same:
        if _covers_one(use) or _same_without_strides(use):
            return f"nn.{name}"
        return f"{'SameLower' if padding.lower else 'Same'}{name}"
    even = padding.symmetric
    if even is not None and (not any(even) or issubclass(use.op, Convolution) or _half_covers(use, even)):
        return f"nn.{name}"
    return f"Padded{name}"


def _covers_one(use: LayerUse) -> bool:
    return use.fixed("kernel") and set(use.value("kernel")) == {1}


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
