"""Which calls of `forward` stand inside each other, and which have a statement of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from archspec.codegen.pretty_printer import Bracket, Code, MethodChain
from archspec.ir.scope import Ref
from archspec_torch.ops import Weight

LABEL: Final = "__node__"
"""What is called in labeled source: `__node__(self.relu(x), ["block.relu"])`, with the layer's paths."""
MOST_NESTED: Final = 3
"""Calls in one statement, merges not counted."""


@dataclass(slots=True)
class Pending:
    """An expression that has not been written yet, and the tensors in variables that it mentions."""

    code: Code
    sources: tuple[Ref, ...]
    weights: tuple[Weight, ...]
    simple: bool
    """One call on variables: short enough to stand inside a merge."""


def _is_call(code: Code) -> bool:
    """Whether code is a call, with a label or without: anything else would need brackets in a sum."""
    if isinstance(code, Bracket) and code.head == LABEL:
        return _is_call(code.args[0])
    return isinstance(code, MethodChain) or (isinstance(code, Bracket) and code.head != "")


def nests(inner: Pending, outer: Weight) -> bool:
    """Whether `outer(inner(...))` is one statement rather than two."""
    if outer in ("merge", "product"):
        if outer == "merge" and inner.weights == ("product",):  # no brackets are needed: a * b + c * d
            return inner.simple
        return inner.simple and (inner.weights == ("heavy",) or (inner.weights == ("light",) and _is_call(inner.code)))
    if len(inner.weights) >= MOST_NESTED:
        return False
    led_by_light = inner.weights[0] == "light"
    if outer == "heavy":
        return led_by_light and not {"heavy", "merge", "product"}.intersection(inner.weights)
    return not (led_by_light and "heavy" in inner.weights)
