"""Which attributes decide how large a layer's output is: not a dilation that its padding makes up for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archspec.expr import Binary, Const, Expr
from archspec.ir.op import Op

_BALANCED = frozenset({"padding", "dilation"})
_CONVOLUTIONS = frozenset({"conv", "standardized_conv", "scaled_standardized_conv"})


def deciding_sizes(op: type[Op], exprs: Mapping[str, Expr], values: Mapping[str, Any]) -> list[str]:
    """The attributes of a layer that are expressions and decide sizes; `values` has those that are none."""
    known = op.attributes()
    found = [name for name, expr in exprs.items() if known[name].spatial and not isinstance(expr, Const)]
    balanced = op.name in _CONVOLUTIONS and _is_balanced(exprs, values)
    return [name for name in found if name not in _BALANCED] if balanced else found


def _is_balanced(exprs: Mapping[str, Expr], values: Mapping[str, Any]) -> bool:
    """Whether the padding on each side is half of what a dilated kernel of one odd size is more than a pixel."""
    if not exprs.keys() >= _BALANCED or "kernel" not in values:
        return False
    sizes = {*values["kernel"]}
    half, rest = divmod(max(sizes, default=0) - 1, 2)
    if len(sizes) != 1 or rest:
        return False
    dilation, padding = exprs["dilation"], exprs["padding"]
    if half == 1:
        return padding == dilation
    return padding in (Binary("*", Const(half), dilation), Binary("*", dilation, Const(half)))
