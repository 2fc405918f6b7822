"""Bounds on networks: a spec is untrusted, and must not take all the time or memory there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a network may hold.

    `items` counts what is written out: layers, scopes, rounds and units, conditions, taps. Each hundred characters of
    an item's path count for one more. `nesting` counts the calls,
    sequences, branches and loops around an item. `size` is one size of a tensor, `tensor` all its numbers.
    `expression` is the parts of a param's default after the params before it have been put in.
    """

    items: int = 250_000
    nesting: int = 64
    size: int = 2**31 - 1
    tensor: int = 2**40
    expression: int = 2_000


LIMITS: Final = Limits()
