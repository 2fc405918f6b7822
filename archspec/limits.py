"""Bounds on what a spec may ask for: it is untrusted, and must not take all the time or memory there is.

There is one table of them, `Limits`. The limits that hold are those of the context: `limits()` gives them, and
`within` sets others for a while.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from archspec.errors import Diagnostic, SpecError, did_you_mean


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
_CURRENT: Final[ContextVar[Limits]] = ContextVar("archspec.limits", default=DEFAULT)

limits = _CURRENT.get
"""The limits that hold here."""


@contextmanager
def within(chosen: Limits | None) -> Iterator[None]:
    """Let other limits hold for a while; None leaves them as they are."""
    token = _CURRENT.set(chosen or limits())
    try:
        yield
    finally:
        _CURRENT.reset(token)


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
class Meter:
    """What is left of the steps for working a network out."""

    left: int

    def spend(self, steps: int) -> None:
        """Take steps away.

        Raises:
            WorkError: none are left.
        """
        self.left -= steps
        if self.left < 0:
            raise WorkError


class WorkError(Exception):
    """Working a network out takes more steps than the limit."""

    def diagnostic(self, **place: Any) -> Diagnostic:
        """What to tell the user, at a place."""
        message = f"this network takes more than {limits().work:,} steps to work out"
        help = "shorten its expressions, put its items into blocks, or raise the limit `work`"
        return Diagnostic("E0304", message, help=help, **place)


_METER: Final[ContextVar[Meter | None]] = ContextVar("archspec.meter", default=None)


@contextmanager
def metered() -> Iterator[None]:
    """Let the limit `work` hold for all that is worked out inside; within another one nothing changes."""
    if _METER.get() is not None:
        yield
        return
    token = _METER.set(Meter(limits().work))
    try:
        yield
    finally:
        _METER.reset(token)


def meter() -> Meter:
    """The meter that runs; one that is as good as endless where none does."""
    return _METER.get() or Meter(2**62)
