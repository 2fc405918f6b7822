"""The whole numbers that decide sizes, and whether source of the same layers is right for other values of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from archspec.codegen.body_context import LAYERS
from archspec.codegen.other_values import NotRightError, with_value
from archspec.expr import Binary, Compare, Comprehension, Const, Expr, FunctionCall, Name, Value, bound_name
from archspec.ir.def_use import Node
from archspec.ir.graph import LayerGraph, NetworkParam
from archspec.ir.op import Op
from archspec.ir.ops.pools import AdaptivePool
from archspec.limits import Budget

_STEPS: Final = (1, 2, -1, -2, 5, 8)
"""By how much others differ that are tried: even and odd ones, near ones and such as make fewer places."""


@dataclass(slots=True)
class OpenSizes:
    """The params of a network that are sizes of windows, strides, paddings and dilations, or lists of such.

    Each is tried when asked for.

    Another value is right where all layers take what arrives then with the same weights. Sizes that nothing depends
    on may be others: of what a global pool takes, or of the network's outputs.
    """

    graph: LayerGraph
    budget: Budget
    kinds: Callable[[Sequence[Node]], Sequence[object]]
    """What a backend writes a layer as."""
    found: dict[str, Expr | str | None] = field(default_factory=dict[str, Expr | str | None])
    """By the names of those that were tried, a bound that other values keep, or what they decide."""

    def takes(self, name: str) -> bool:
        """Whether other values of a param give right networks, all of them or those within its bound."""
        if name not in self.found:
            params = [param for param in self.graph.params if param.name == name]
            self.found[name] = self._tried(params[0]) if params else ""
        return not isinstance(self.found[name], str)

    def bound(self, name: str) -> Expr | None:
        """What other values of a param have to keep, if it was asked for and there is such a bound."""
        found = self.found.get(name)
        return None if isinstance(found, str) else found

    def reason(self, name: str) -> str | None:
        """What a param decides of which other values were tried; None where that is nothing new."""
        found = self.found.get(name)
        return found if isinstance(found, str) and found else None

    def _tried(self, param: NetworkParam) -> Expr | str | None:
        value = param.value
        is_list = isinstance(value, tuple) and bool(value)
        items = value if isinstance(value, tuple) else (value,)
        if not all(type(item) is int for item in items) or not items or param.fixed or param.expr is not None:
            return ""
        choices = [other for other in param.choices if type(other) is type(value) and other != value]
        right: list[tuple[int, ...]] = []
        refused: dict[tuple[int, ...], str] = {}
        for other in [_items(choice) for choice in choices] or _others(_items(value)):
            try:
                self._check(with_value(self.graph, param, other if is_list else other[0], self.budget))
            except NotRightError as error:
                if not error.refused:
                    return "" if error.what == LAYERS else error.what
                refused[other] = error.what
            else:
                right.append(other)
        if not right:
            return next(iter(refused.values()), "")
        if not refused:
            return None
        [*parities] = {item % 2 for item in _items(value)}
        alike = len(parities) == 1 and all({item % 2 for item in other} == {*parities} for other in right)
        if not choices and alike and all({item % 2 for item in other} != {*parities} for other in refused):
            return _of_parity(param.name, parities[0], is_list=is_list)
        return next(iter(refused.values()))

    def _check(self, changed: Any) -> None:
        """Other layers are written as those of the network are.

        Raises:
            NotRightError: one is not.
        """
        for path, op in changed.items():
            node = self.graph.nodes[path]
            if _traits(op) != _traits(node.op) or [*self.kinds([node])] != [*self.kinds([replace(node, op=op)])]:
                raise NotRightError(f"how {path} is padded")


def _items(value: Value) -> tuple[int, ...]:
    """A whole number as a list of one; a list of them as it is."""
    found = value if isinstance(value, tuple) else (value,)
    return tuple(item for item in found if isinstance(item, int))


def _others(items: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Other values that are tried: all items by as much, and of a list the first of these for each by itself."""
    found = [tuple(item + step for item in items) for step in _STEPS]
    if len(items) > 1:
        places = [(place, step) for place in range(len(items)) for step in _STEPS[:2]]
        found += [(*items[:place], items[place] + step, *items[place + 1 :]) for place, step in places]
    return [other for other in found if min(other) > 0]


def _of_parity(name: str, rest: int, *, is_list: bool) -> Expr:
    """That a number is odd or even, or all of a list."""
    link = "!=" if rest else "=="
    if not is_list:
        return Compare(Binary("%", Name(name), Const(2)), (link,), (Const(0),))
    each = bound_name("k", 0)
    asked = Compare(Binary("%", Name(each), Const(2)), (link,), (Const(0),))
    return FunctionCall("all", (Comprehension(asked, (each,), Name(name), None),))


def _traits(op: Op) -> tuple[object, ...]:
    """What frameworks have other layers for: padding that keeps sizes, strides and dilations, and both of them."""
    if isinstance(op, AdaptivePool):
        return (op.structural(),)
    window: Any = op
    kernel, padding = window.kernel, window.padding
    stride, dilation = window.stride or kernel, getattr(window, "dilation", (1,) * len(kernel))
    sides = padding.sides or ()
    keeps = (
        not padding.is_same
        and max(stride) == 1
        and all(
            before == after and 2 * before == spread * (size - 1)
            for (before, after), size, spread in zip(sides, kernel, dilation, strict=True)
        )
    )
    return keeps, padding.is_same, max(stride) > 1 and max(dilation) > 1, op.structural()
