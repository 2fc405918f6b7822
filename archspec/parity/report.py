"""What a comparison found, for programs and, by `archspec.parity.telling`, for people."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from archspec.errors import Diagnostic, Note, ParityError
from archspec.parity.blame import Blame
from archspec.parity.causes import Cause
from archspec.parity.measure import exceeds

_MANY: Final = 10
"""Two ways to compute a network may be so many times as far apart as float32 and float64 are."""
_SHARE: Final = {"float32": 1.0, "float64": 2.0**-29}
"""Of float32's rounding, what is that of a dtype."""


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison of a pair: how far apart the worst tensor of a kind is."""

    pair: tuple[str, str]
    check: str
    dtype: str
    size: str
    """The shapes of the inputs, without the batch."""
    what: str
    worst: str
    """The name of that tensor."""
    difference: float
    """The largest difference, as a share of the largest value."""
    tolerance: float | None
    """None: it is reported, and not judged."""
    missing: int = 0
    """How many tensors were left out, since one of the two does not compute them as such."""
    itself: float | None = None
    """How far the one of the two that repeats better is from itself, from neighboring numbers; None: not measured."""
    step: int = 0
    """Of a training run."""
    drowned: bool = False
    """Each is so far from itself that no fault would show: there is no tolerance for that reason."""

    @property
    def agrees(self) -> bool:
        """Within the tolerance; a difference that is not a number is not."""
        return self.tolerance is None or not exceeds(self.difference, self.tolerance)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A check that a participant cannot do, and why."""

    participant: str
    check: str
    dtype: str
    reason: str


@dataclass(frozen=True, slots=True)
class Profile:
    """The difference of every layer in inference, in the order of computation."""

    pair: tuple[str, str]
    dtype: str
    size: str
    layers: Mapping[str, float | None]
    """None: one of the two does not compute it as a tensor of its own."""


@dataclass(frozen=True, slots=True)
class Report:
    """All rows of a comparison, the layers that are to blame, and what ran."""

    network: str
    title: str
    rows: tuple[Row, ...]
    blamed: tuple[Blame, ...]
    causes: tuple[Cause, ...]
    """What differs in training runs, where it is known."""
    skipped: tuple[Skipped, ...]
    profiles: tuple[Profile, ...]
    versions: Mapping[str, Mapping[str, str]]
    batch: int
    sizes: tuple[str, ...]
    unsized: str = ""
    """Why the network was compared at its own size alone, where it was not asked for any."""

    @property
    def agrees(self) -> bool:
        """All rows do, and of each participant there are some that are judged."""
        judged = [row for row in self.rows if row.tolerance is not None]
        return bool(judged) and all(row.agrees for row in judged) and not self.uncompared

    @property
    def uncompared(self) -> tuple[str, ...]:
        """The participants of which nothing was judged."""
        judged = {label for row in self.rows if row.tolerance is not None for label in row.pair}
        return tuple(label for label in self.versions if label not in judged)

    def __str__(self) -> str:
        from archspec.parity.telling import to_lines

        return "\n".join(to_lines(self))

    def as_dict(self) -> dict[str, Any]:
        """For JSON, which has no numbers that are not finite: they are the words `inf` and `nan`."""
        blamed = [asdict(blame) for blame in self.blamed]
        for entry in blamed:
            del entry["span"]
        found = {
            "network": self.network,
            "title": self.title,
            "agrees": self.agrees,
            "batch": self.batch,
            "sizes": list(self.sizes),
            "unsized": self.unsized,
            "versions": {label: dict(versions) for label, versions in self.versions.items()},
            "rows": [asdict(row) | {"agrees": row.agrees} for row in self.rows],
            "blamed": blamed,
            "causes": [asdict(cause) for cause in self.causes],
            "skipped": [asdict(skipped) for skipped in self.skipped],
            "profiles": [asdict(profile) for profile in self.profiles],
        }
        plain: dict[str, Any] = _without_infinity(found)
        return plain

    def require(self) -> None:
        """Raise unless everything agrees.

        Raises:
            ParityError: with the layers that are to blame, and each row that is past its tolerance.
        """
        if self.agrees:
            return
        if self.uncompared:
            who = ", ".join(self.uncompared)
            message = f"nothing of {self.network} was judged that {who} computes"
            raise ParityError(Diagnostic("E0801", message, notes=self._reasons(), help="docs/parity.md says what is"))
        from archspec.parity.telling import blamed_lines, cause_lines, row_lines

        lines = [*cause_lines(self), *blamed_lines(self), *row_lines(self)]
        span = self.blamed[0].span if self.blamed else None
        notes = tuple(map(Note, lines))
        raise ParityError(
            Diagnostic("E0801", f"the models of {self.network} differ", span, notes=notes, help=self._help())
        )

    def _reasons(self) -> tuple[Note, ...]:
        return tuple(Note(f"{found.check} in {found.dtype}: {found.reason}") for found in self.skipped)

    def _help(self) -> str:
        """Where the differences are no more than what rounding does to this network in one framework, that they are."""
        wrong = [row for row in self.rows if not row.agrees]
        if not all(row.difference <= _MANY * self._rounding(row) for row in wrong):
            return ""
        most: dict[str, float] = {}
        for row in wrong:
            key = f"{row.dtype}.{row.check}"
            most[key] = max(most.get(key, 0.0), row.difference)
        allowed = " ".join(f"--tolerance {key}={2 * value:.0e}" for key, value in most.items())
        return (
            "these differences are of the size that rounding alone has here: the network magnifies it, as many layers "
            f"do, and batch norm over few numbers; compare with a larger --batch, or allow it by {allowed}"
        )

    def _rounding(self, row: Row) -> float:
        """What rounding in the dtype of a row does to the same pass of the first participant."""
        alike = [
            found.difference
            for found in self.rows
            if found.what == "all tensors"
            and (found.check, found.size) == (row.check, row.size)
            and math.isfinite(found.difference)
        ]
        return max(alike, default=0.0) * _SHARE[row.dtype]


def _without_infinity(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: _without_infinity(value) for name, value in found.items()}
    if isinstance(found, list | tuple):
        return [_without_infinity(value) for value in found]
    return str(found) if isinstance(found, float) and not math.isfinite(found) else found
