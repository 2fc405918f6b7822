"""What a comparison found, as data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from archspec.parity.causes import Cause
from archspec.parity.fault_localization import FaultyLayer
from archspec.parity.measure import exceeds


@dataclass(frozen=True, slots=True)
class PairResult:
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
    jumped: bool = False
    """A step of training that agrees where both start from the same weights, or one that comes after it: no tolerance
    either."""
    followed: bool = False
    """A step that the second made from the weights that the first had before it."""

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
class ComparisonResults:
    """All rows of a comparison, the layers that are to blame, and what ran."""

    network: str
    title: str
    rows: tuple[PairResult, ...]
    blamed: tuple[FaultyLayer, ...]
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


def _without_infinity(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: _without_infinity(value) for name, value in found.items()}
    if isinstance(found, list | tuple):
        return [_without_infinity(value) for value in found]
    return str(found) if isinstance(found, float) and not math.isfinite(found) else found
