"""Members that are there under a condition, each in one line: `self.norm = nn.ReLU() if last else nn.Identity()`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from archspec.codegen.escaping import variable_name
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.marked_text import as_marked
from archspec.codegen.pretty_printer import INDENT, WIDTH
from archspec.codegen.tree import ChoiceUse, LayerUse, Tree
from archspec.codegen.walk import layers
from archspec.expr import Name
from archspec_torch.member_names import ordered_names

_MOST: Final = 3
"""More members than this are read sooner under one `if`."""


def one_line_each(
    then: Sequence[str], other: Sequence[str], targets: Collection[str], test: str, depth: int
) -> list[str]:
    """A line for each member, so many levels in; nothing where one of them has no room, or they are too many.

    Args:
        then: the lines that make members where the condition holds, one level deeper.
        other: the lines that make them where it does not.
        targets: what is assigned, as source, each on one of the sides.
        test: the condition, as source.
        depth: how many levels in the lines stand.
    """
    if not len(targets) == len(then) + len(other) <= _MOST:
        return []
    left, found = {*targets}, list[str]()
    for line in (*then, *other):
        target, _, code = line.strip().partition(" = ")
        if target not in left or " if " in code:
            return []
        left.remove(target)
        sides = (code, "nn.Identity()") if any(line is one for one in then) else ("nn.Identity()", code)
        text = f"{INDENT * depth}{target} = {sides[0]} if {test} else {sides[1]}"
        if len(text) > WIDTH:
            return []
        found.append(as_marked(text, line))
    return found


def flag_of(item: ChoiceUse, printer: ExpressionPrinter, taken: set[str]) -> tuple[str, bool]:
    """A name for a condition, or for its opposite: the param that it is, or what it lets in; `taken` gets it."""
    if isinstance(item.condition, Name):
        name, holds = printer.expr(item.condition), True
    else:
        sides = item.then, item.other
        then, other = ([*ordered_names(side), *(layer.op.name for layer in layers(side))] for side in sides)
        first = next((name for name in then if name not in other), None)
        last = next((name for name in other if name not in then), None)
        name, holds = f"has_{first or last or 'it'}", first is not None or last is None
        added = "add" in (then if holds else other) and "add" not in (other if holds else then)
        if added and not _has_weights(sides[not holds]):  # a branch of its own has a name
            name = "has_residual"
    usual, number = variable_name(name), 2
    name = usual
    while name in taken:
        name, number = f"{usual}_{number}", number + 1
    taken.add(name)
    return name, holds


def _has_weights(side: Tree) -> bool:
    """Whether more is computed on a side of a condition than a sum with what is there."""
    return any(use.has_weights if isinstance(use, LayerUse) else not isinstance(use, ChoiceUse) for use in side.items)
