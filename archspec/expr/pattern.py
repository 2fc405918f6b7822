"""Names with expressions in braces: `unit_{i+1}` names the units of a stage `unit_1`, `unit_2` and so on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from archspec.expr.evaluate import IN_NAMES, ExprError, describe, evaluate, stands_in_names
from archspec.expr.parse import parse
from archspec.expr.printing import source
from archspec.expr.tree import Const, JoinedText, Value
from archspec.limits import Budget


@lru_cache(maxsize=64)
def split_pattern(pattern: str) -> tuple[tuple[str, bool], ...]:
    """The parts of a pattern in order, each with whether it is an expression.

    Raises:
        ValueError: the braces do not match.
    """
    parts: list[tuple[str, bool]] = []
    for index, piece in enumerate(re.split(r"(\{[^{}]*\})", pattern)):
        if index % 2:
            parts.append((piece[1:-1], True))
        elif "{" in piece or "}" in piece:
            raise ValueError("the braces do not match")
        elif piece:
            parts.append((piece, False))
    return tuple(parts)


def name_by(pattern: str, indices: Mapping[str, Value], budget: Budget) -> str:
    """The name that a pattern gives for these indices of loops.

    Raises:
        ExprError: an expression cannot be worked out, or gives something that cannot stand in a name.
    """
    parts: list[str] = []
    budget.spend(len(pattern) // 8)
    for text, is_expression in split_pattern(pattern):
        if not is_expression:
            parts.append(text)
            continue
        value = evaluate(parse(text, budget), indices, budget)
        if not stands_in_names(value):
            known = ", ".join(f"{name} = {index}" for name, index in indices.items())
            raise ExprError(f"`{text}` gives {describe(value)} for {known}; {IN_NAMES}")
        parts.append(str(value))
    return "".join(parts)


def pattern_text(pattern: str, budget: Budget) -> JoinedText:
    """A pattern as an expression, which gives the name.

    Raises:
        ValueError: the braces do not match.
        ExprError: what stands in them is not an expression.
    """
    return JoinedText(
        tuple(parse(text, budget) if is_expression else Const(text) for text, is_expression in split_pattern(pattern))
    )


def sources_by(pattern: str, variable: str, budget: Budget) -> list[tuple[str, bool]]:
    """The parts of a pattern, the expressions as Python source with `variable` for `i`."""
    return [
        (source(parse(text, budget), {"i": variable}), True) if is_expression else (text, False)
        for text, is_expression in split_pattern(pattern)
    ]
