"""Which calls of `forward` stand inside each other, and which have a statement of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from archspec.codegen.pretty_printer import Bracket, Code
from archspec.ir.scope import Ref
from archspec_torch.ops import Weight

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


def nests(inner: Pending, outer: Weight) -> bool:
    """Whether `outer(inner(...))` is one statement rather than two."""
    if outer == "merge":
        is_call = isinstance(inner.code, Bracket) and inner.code.head != ""  # anything else would need brackets
        return inner.simple and (inner.weights == ("heavy",) or (inner.weights == ("light",) and is_call))
    if len(inner.weights) >= MOST_NESTED:
        return False
    led_by_light = inner.weights[0] == "light"
    if outer == "heavy":
        return False if "heavy" in inner.weights or "merge" in inner.weights else led_by_light
    return not (led_by_light and "heavy" in inner.weights)
