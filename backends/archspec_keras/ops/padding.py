"""Padding of windows, as Keras takes it."""

from __future__ import annotations

from archspec.codegen.layout import Code
from archspec.codegen.printer import plain
from archspec.codegen.text import literal
from archspec.expr import Items
from archspec.ir.attributes import Padding, PerAxis, Sides
from archspec_keras.ops.row import Site


def is_same(site: Site) -> bool:
    """Whether the padding is `same`, whatever the input's size."""
    return site.fixed("padding") and site.value("padding") == Padding("same", None)


def padding_sides(site: Site, beyond: PerAxis = (), name: str = "padding") -> Code | None:
    """The sides as Keras takes them: a number, one for each axis, or ((top, bottom), (left, right)); None if all zero.

    `beyond` is what is added at the end of each axis, `name` the attribute that has the sides.
    """
    expr = site.use.exprs.get(name)
    if expr is not None:
        if isinstance(expr, Items) and len(expr.items) == 2 * site.rank > 2:
            pairs = zip(expr.items[::2], expr.items[1::2], strict=True)
            expr = Items(tuple(map(Items, pairs)))
        elif isinstance(expr, Items) and len(expr.items) == 1:
            expr = expr.items[0]  # of a signal: Keras takes both sides or a number
        return site.printer.expr(expr)
    padding: Padding = site.value(name)
    assert padding.sides is not None
    more = beyond or (0,) * site.rank
    sides = tuple((before, after + end) for (before, after), end in zip(padding.sides, more, strict=True))
    return sides_code(sides) if any(map(any, sides)) else None


def sides_code(sides: Sides) -> Code:
    """Sides (before, after) of each axis as Keras takes them: those of a signal are one pair."""
    if all(before == after for before, after in sides):
        return plain(tuple(before for before, _ in sides))
    return literal(sides if len(sides) > 1 else sides[0])


def covers(site: Site) -> bool:
    """At stride 1 with half an odd window on each side, explicit padding is `same` at any size."""
    if not site.fixed("padding", "kernel", "stride", "dilation"):
        return False
    kernel: PerAxis = site.value("kernel")
    stride: PerAxis = site.value("stride") or kernel
    dilation: PerAxis = site.value("dilation") if "dilation" in site.use.values else (1,) * site.rank
    padding: PerAxis | None = site.value("padding").symmetric
    if padding is None or set(stride) != {1}:
        return False
    axes = zip(padding, kernel, dilation, strict=True)
    return all(window % 2 == 1 and side * 2 == spread * (window - 1) for side, window, spread in axes)
