"""Padding of windows, as Keras takes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archspec.codegen.escaping import literal
from archspec.codegen.expression_printer import plain
from archspec.codegen.pretty_printer import Code, call
from archspec.expr import Items, Name
from archspec.ir.attributes import SAME, SAME_LOWER, Padding, PerAxis, Sides
from archspec.ir.op import Op
from archspec_keras.ops.row import LayerContext, LayerStep


def is_same(context: LayerContext) -> bool:
    """Whether the padding is `same`, whatever the input's size."""
    return context.fixed("padding") and context.value("padding") == SAME


def is_word(context: LayerContext) -> bool:
    """Whether the padding is an argument that is `same` or `valid`."""
    ops: list[Any] = [context.graph.nodes[path].op for path in context.use.paths]
    return not context.fixed("padding") and any(op.padding.is_same for op in ops)


def is_same_lower(context: LayerContext) -> bool:
    """Whether the padding is `same_lower`, whatever the input's size."""
    return context.fixed("padding") and context.value("padding") == SAME_LOWER


def lower_padding(context: LayerContext, **keywords: Code) -> LayerStep:
    """The layer that pads by `same_lower`, which Keras's own layers do not know."""
    window = context.attribute("kernel")
    given = context.given(stride="strides")
    if "dilation" in context.use.op.attributes():
        given |= context.given(dilation="dilation_rate")
    elif context.fixed("stride") and context.value("stride") is None:  # a pool's, which is then the window's
        given["strides"] = window
    return LayerStep(call(context.helper("SameLowerPadding{}"), window, **given, **keywords), "_pad")


def padding_sides(context: LayerContext, beyond: PerAxis = (), name: str = "padding") -> Code | None:
    """The sides as Keras takes them: a number, one for each axis, or ((top, bottom), (left, right)); None if all zero.

    `beyond` is what is added at the end of each axis, `name` the attribute that has the sides.
    """
    expr = context.use.exprs.get(name)
    if expr is not None:
        if isinstance(expr, Items) and len(expr.items) == 2 * context.rank > 2:
            pairs = zip(expr.items[::2], expr.items[1::2], strict=True)
            expr = Items(tuple(map(Items, pairs)))
        elif isinstance(expr, Items) and len(expr.items) == 1:
            expr = expr.items[0]  # of a signal: Keras takes both sides or a number
        return context.printer.expr(expr)
    padding: Padding = context.value(name)
    assert padding.sides is not None
    more = beyond or (0,) * context.rank
    sides = tuple((before, after + end) for (before, after), end in zip(padding.sides, more, strict=True))
    return sides_code(sides) if any(map(any, sides)) else None


def sides_code(sides: Sides) -> Code:
    """Sides (before, after) of each axis as Keras takes them: those of a signal are one pair."""
    if all(before == after for before, after in sides):
        return plain(tuple(before for before, _ in sides))
    return literal(sides if len(sides) > 1 else sides[0])


def covers(context: LayerContext) -> bool:
    """At stride 1 with half an odd window on each side, explicit padding is `same` at any size."""
    ops = [context.graph.nodes[path].op for path in context.use.paths]
    return all(map(is_covered, ops))


def covering_stride(context: LayerContext) -> str | None:
    """The argument by whose 1 explicit padding is `same`, where a function is called with 1 and with more.

    A convolution that pads by itself takes less time than one after a layer that pads.
    """
    stride = context.use.exprs.get("stride")
    if not isinstance(stride, Name) or context.printer.types.get(stride.id) != "int":
        return None
    ops = [context.graph.nodes[path].op for path in context.use.paths]
    return context.printer.expr(stride) if covered_by_stride(ops) else None


def covered_by_stride(ops: Sequence[Op]) -> bool:
    """Whether of several layers with windows those of stride 1 pad as `same` does, and there are others."""
    windows: Sequence[Any] = ops
    alone = all(is_covered(op) == (max(op.stride) == 1) for op in windows)
    return alone and {is_covered(op) for op in windows} == {True, False}


def is_covered(op: Op) -> bool:
    """The same of one layer with a window."""
    window: Any = op
    kernel: PerAxis = window.kernel
    padding: PerAxis | None = window.padding.symmetric
    dilation: PerAxis = getattr(window, "dilation", (1,) * len(kernel))
    if padding is None or window.padding.is_same or set(window.stride or kernel) != {1}:
        return False
    axes = zip(padding, kernel, dilation, strict=True)
    return all(size % 2 == 1 and side * 2 == spread * (size - 1) for side, size, spread in axes)
