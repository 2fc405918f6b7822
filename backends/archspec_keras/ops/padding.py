"""Padding of windows, as Keras takes it."""

from __future__ import annotations

from archspec.codegen.layout import Code
from archspec.codegen.printer import plain
from archspec.codegen.text import literal
from archspec.expr import Items
from archspec.ir.attributes import Padding, Pair
from archspec_keras.ops.row import Site


def is_same(site: Site) -> bool:
    """Whether the padding is `same`, whatever the input's size."""
    return site.fixed("padding") and site.value("padding") == Padding("same", None)


def padding_sides(site: Site) -> Code | None:
    """The sides as Keras takes them: a number, a pair, or ((top, bottom), (left, right)); None if all are zero."""
    expr = site.use.exprs.get("padding")
    if expr is not None:
        if isinstance(expr, Items) and len(expr.items) == 4:
            expr = Items((Items(expr.items[:2]), Items(expr.items[2:])))
        return site.printer.expr(expr)
    padding: Padding = site.value("padding")
    assert padding.sides is not None
    if padding.sides == (0, 0, 0, 0):
        return None
    if padding.symmetric is not None:
        return plain(padding.symmetric)
    top, bottom, left, right = padding.sides
    return literal(((top, bottom), (left, right)))


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
