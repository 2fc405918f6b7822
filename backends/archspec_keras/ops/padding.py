"""Padding of windows, as Keras takes it."""

from __future__ import annotations

from collections.abc import Sequence

from archspec.codegen.layout import Code
from archspec.codegen.printer import plain
from archspec.codegen.text import literal
from archspec.expr import Items
from archspec.ir.attributes import Padding, Pair
from archspec_keras.ops.row import Site


def is_same(site: Site) -> bool:
    """Whether the padding is `same`, whatever the input's size."""
    return site.fixed("padding") and site.value("padding") == Padding("same", None)


def padding_sides(site: Site, beyond: Pair = (0, 0), name: str = "padding") -> Code | None:
    """The sides as Keras takes them: a number, a pair, or ((top, bottom), (left, right)); None if all are zero.

    `beyond` is what is added below and to the right, `name` the attribute that has the sides.
    """
    expr = site.use.exprs.get(name)
    if expr is not None:
        if isinstance(expr, Items) and len(expr.items) == 4:
            expr = Items((Items(expr.items[:2]), Items(expr.items[2:])))
        return site.printer.expr(expr)
    top, bottom, left, right = site.value(name).sides
    sides = (top, bottom + beyond[0], left, right + beyond[1])
    return sides_code(sides) if any(sides) else None


def sides_code(sides: Sequence[int]) -> Code:
    """Sides (top, bottom, left, right) as Keras takes them."""
    top, bottom, left, right = sides
    return plain((top, left)) if (top, left) == (bottom, right) else literal(((top, bottom), (left, right)))


def covers(site: Site) -> bool:
    """At stride 1 with half an odd window on each side, explicit padding is `same` at any size."""
    if not site.fixed("padding", "kernel", "stride", "dilation"):
        return False
    kernel: Pair = site.value("kernel")
    stride: Pair = site.value("stride") or kernel
    dilation: Pair = site.value("dilation") if "dilation" in site.use.values else (1, 1)
    padding: Pair | None = site.value("padding").symmetric
    if padding is None or stride != (1, 1):
        return False
    axes = zip(padding, kernel, dilation, strict=True)
    return all(window % 2 == 1 and side * 2 == spread * (window - 1) for side, window, spread in axes)
