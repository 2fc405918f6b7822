"""Names of which only numbers differ, and these by one step: `norms.0`, `norms.1`, or `add`, `add_2`, `add_3`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

_NUMBERS: Final = re.compile(r"(0|[1-9]\d*)")
_MOST_BARE: Final = 2
"""Of so few names, the first without a number, nothing says how they count."""


@dataclass(frozen=True, slots=True)
class CountedNames:
    """Names in a row: fixed text and numbers in turn."""

    parts: tuple[str | tuple[int, int], ...]
    """Text, or the number that the first name has and by how much each name has more than the one before."""
    are_given: bool
    """Whether the spec gives them. Those that it does not give are called after an op: `add`, `add_2`."""
    is_flat: bool = False
    """Whether they are whole names, which do not begin with those of the scopes around."""
    is_first_bare: bool = False
    """Whether the first name has no number: it is the first of its kind, `add`, and only the others count."""

    @property
    def counts_by_one(self) -> bool:
        """Whether some number is that of the name."""
        return any(isinstance(part, tuple) and part[1] == 1 for part in self.parts)

    @property
    def counts_alone(self) -> bool:
        """Whether the number is all that says which of the rounds it is: of what the spec names it counts by one."""
        steps = [part[1] for part in self.parts if isinstance(part, tuple)]
        return bool(steps) and (not self.are_given or {*steps} == {1})

    def reaches(self, name: str) -> bool:
        """Whether a name is one that counts on from the second of these."""
        pattern = "".join(re.escape(part) if isinstance(part, str) else r"(\d+)" for part in self.parts)
        found = re.fullmatch(pattern, name)
        firsts = [part[0] + part[1] for part in self.parts if isinstance(part, tuple)]
        return found is not None and all(
            int(number) >= first for number, first in zip(found.groups(), firsts, strict=True)
        )

    @property
    def start(self) -> int | None:
        """What the first number that is that of the name begins with, if there is one."""
        return next((part[0] for part in self.parts if isinstance(part, tuple) and part[1] == 1), None)

    def source(self, variable: str, start: int) -> list[tuple[bool, str]]:
        """The parts of a name by a variable that is `start` for the first, each with whether it is code."""
        return [(False, part) if isinstance(part, str) else _linear(*part, variable, start) for part in self.parts]


def _linear(first: int, step: int, variable: str, start: int) -> tuple[bool, str]:
    if step == 0:
        return False, str(first)
    base = first - step * start
    counted = variable if step == 1 else f"{step} * {variable}"
    return True, counted if base == 0 else f"{counted} {'+' if base > 0 else '-'} {abs(base)}"


def _before(part: str | tuple[int, int]) -> str | tuple[int, int]:
    """What a number is one place before."""
    return part if isinstance(part, str) else (part[0] - part[1], part[1])


def counted_names(names: Sequence[str], *, are_given: bool) -> CountedNames | None:
    """What gives these names in turn; None where nothing does.

    Args:
        names: the names, two or more.
        are_given: whether the spec gives them.
    """
    if not are_given and not names[0][-1:].isdigit() and names[1].startswith(f"{names[0]}_"):
        found = counted_names(names[1:], are_given=True) if len(names) > _MOST_BARE else None
        if found is None or found.parts[0] != f"{names[0]}_":
            return None
        return CountedNames((found.parts[0], *map(_before, found.parts[1:])), are_given=False, is_first_bare=True)
    split = [_NUMBERS.split(name) for name in names]
    if len({(len(parts), *parts[::2]) for parts in split}) > 1:
        return None
    found_parts: list[str | tuple[int, int]] = []
    for place, column in enumerate(zip(*split, strict=True)):
        if len({*column}) == 1:
            found_parts += [column[0]] if column[0] else []
            continue
        numbers = [*map(int, column)] if place % 2 else []
        steps = {after - before for before, after in pairwise(numbers)}
        if len(steps) != 1 or min(steps) < 1:
            return None
        found_parts.append((numbers[0], steps.pop()))
    return CountedNames(tuple(found_parts), are_given)
