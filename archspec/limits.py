"""Bounds on what a spec may ask for: it is untrusted, and must not take all the time or memory there is.

There is one table of them, `Limits`. A `Budget` is made of it where work begins, by `load`, `compile` and what
makes source, and handed down to whatever works something out.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Final

from archspec.errors import ArchspecError, Diagnostic, Span, SpecError, did_you_mean


def _limit(doc: str, default: int, most: int | None = None) -> Any:
    return dataclasses.field(default=default, metadata={"doc": doc, "most": most})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a spec may ask for. Each limit can be raised or lowered; some have a height of their own.

    In Python: `archspec.load(path, limits=Limits(items=1_000_000))`; on the command line: `--limit items=1000000`.

    Raises:
        ValueError: a limit is no whole number, is less than 1, or is past what can be kept.
    """

    bytes: int = _limit("bytes of all files of a spec together", 8_000_000)
    files: int = _limit("files that one spec reads", 100, most=1_000)
    values: int = _limit("values in a spec, aliases written out", 100_000)
    text: int = _limit("characters of one value", 100_000)
    depth: int = _limit("nesting of a file", 64, most=80)
    digits: int = _limit("characters of a plain number", 100, most=4_000)
    name: int = _limit("characters of a name", 80, most=250)
    errors: int = _limit("errors that are collected", 500)
    items: int = _limit("items of a network, written out: layers, scopes, iterations, units, conditions, taps", 250_000)
    nesting: int = _limit("items, calls and branches inside each other", 64, most=80)
    size: int = _limit("one size of a tensor", 2**31 - 1, most=2**53)
    tensor: int = _limit("all numbers of a tensor", 2**40, most=2**53)
    expression: int = _limit("characters of an expression", 20_000)
    brackets: int = _limit("brackets inside each other in an expression", 50, most=60)
    list_items: int = _limit("items of a list that an expression gives, inner lists counted too", 100_000)
    default_parts: int = _limit("parts of a param's default, with the params before it put in", 2_000)
    work: int = _limit("steps of working a network out, most of them for its expressions", 2_000_000)

    def __post_init__(self) -> None:
        """Each value is a whole number within its bounds."""
        for field in dataclasses.fields(self):
            value, most = getattr(self, field.name), field.metadata["most"]
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"the limit `{field.name}` is a whole number, 1 or more; this is {value!r}")
            if value > (most or math.inf):
                raise ValueError(f"the limit `{field.name}` can be {most:,} at most, this is {value:,}")


DEFAULT: Final = Limits()


def parse_limits(given: Mapping[str, str]) -> Limits:
    """Limits from a command line: `{"items": "1_000_000"}`.

    Raises:
        SpecError: there is no such limit, or it cannot have this value.
    """
    known = [field.name for field in dataclasses.fields(Limits)]
    values: dict[str, int] = {}
    for name, text in given.items():
        if name not in known:
            help = did_you_mean(name, known) or f"they are: {', '.join(known)}"
            raise SpecError(Diagnostic("E0207", f"there is no limit `{name[:80]}`", help=help))
        digits = text.replace("_", "")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 30):
            raise SpecError(Diagnostic("E0207", f"the limit `{name}` is a whole number, found `{text[:80]}`"))
        values[name] = int(digits)
    try:
        return Limits(**values)
    except ValueError as error:
        raise SpecError(Diagnostic("E0207", str(error))) from None


@dataclasses.dataclass(slots=True)
class Budget:
    """What one piece of work may take: its limits, and how many of the steps that they allow are left.

    Reading a spec, lowering it and making source of its graph have a budget each.
    """

    limits: Limits = DEFAULT
    left: int = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        """Nothing is spent yet."""
        self.left = self.limits.work

    def spend(self, steps: int) -> None:
        """Take steps away.

        Raises:
            WorkError: none are left.
        """
        self.left -= steps
        if self.left < 0:
            raise WorkError(self.limits.work)


class WorkError(ArchspecError):
    """Working a network out takes more steps than the limit. Who knows the place raises a `SpecError` with it."""

    def __init__(self, most: int) -> None:
        self.most = most
        super().__init__(self.diagnostic())

    def diagnostic(self, span: Span | None = None) -> Diagnostic:
        """What to say to the user, at a place."""
        message = f"this network takes more than {self.most:,} steps to work out"
        help = "shorten its expressions, put its items into blocks, or raise the limit `work`"
        return Diagnostic("E0304", message, span, help=help)
