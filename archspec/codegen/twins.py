"""Several definitions of one block: what tells them apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from archspec.codegen.escaping import is_attribute
from archspec.codegen.tree import Definition
from archspec.expr import Const, Expr, source

_TOLD: Final = 3
"""Params that a docstring says the values of; more would not be read."""


def tell_apart(definitions: Iterable[Definition], constants: Mapping[str, Mapping[int, Mapping[str, Expr]]]) -> None:
    """Let the docstrings of several definitions of one block say which of its params are which value there.

    A param that is another value in each of them gives each a word for its name, too.

    `constants` has, by the block's name and the `id` of the definition, the params that are one value in all its calls.
    """
    for new in definitions:
        found = constants.get(new.name, {})
        mine = found.get(id(new), {})
        others = [values for key, values in found.items() if key != id(new)]
        own = [name for name, value in mine.items() if any(other.get(name, value) != value for other in others)]
        apart = (name for name in own if len({other.get(name) for other in found.values()}) == len(found))
        known = [name for name in apart if all(name in other for other in found.values())]
        # A word says more than a switch does, and that more than a number.
        words = (_word(name, mine[name]) for name in sorted(known, key=lambda name: _order(mine[name])))
        new.variant = next(filter(None, words), "")
        if own and len(own) <= _TOLD:
            first, *more = (f"`{name}` is {source(mine[name])}" for name in own)
            said = " and ".join((", ".join((first, *more[:-1])), *more[-1:]))
            new.told = f"Here {said}."


def _word(name: str, value: Expr) -> str:
    """What is said of a param's value in a name: the word that it is, `stride2`, or `not_active`."""
    match value:
        case Const(bool() as holds):
            return name if holds else f"not_{name}"
        case Const(int() as number) if number >= 0:
            return f"{name}{number}"
        case Const(str() as word) if is_attribute(word) and word.isascii():
            return word
        case _:
            return ""


def _order(value: Expr) -> int:
    match value:
        case Const(str()):
            return 0
        case Const(bool()):
            return 1
        case _:
            return 2
