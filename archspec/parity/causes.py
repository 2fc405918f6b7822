"""What it is that differs in two training runs: the rate, the decay, the momentum, a batch, the running statistics."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from archspec.parity.measure import Tensors

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = np.ndarray[Any, Any]

CauseKind: TypeAlias = Literal["learning rate", "weight decay", "momentum", "batch", "running statistics", "step"]
_FIT: Final = 1e-2
"""The share of a difference that its explanation may leave over; whatever else there is explains next to nothing."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What the runs of two participants differ in, at the first step where they do."""

    pair: tuple[str, str]
    dtype: str
    size: str
    kind: CauseKind
    step: int
    layers: tuple[str, ...]
    """Those that differ; none of a batch."""
    amount: float
    """The second's share of the first's rate; the second's decay or momentum less the first's; else the difference."""
    nesterov: bool = False
    """The share of the rate is what Nesterov's momentum makes of the first step."""


@dataclass(frozen=True, slots=True)
class TrainingStep:
    """A step of two runs that agreed before it: whose weights are to be read where, and what differs of them."""

    number: int
    first: Tensors
    second: Tensors
    start: Tensors
    names: tuple[str, ...]
    """The weights that differ after it."""

    def before(self, tensors: Tensors, name: str, steps: int = 1) -> Array:
        """A weight of a participant, so many steps before this one has ended."""
        number = self.number - steps
        found = self.start.get("start", name) if number == 0 else tensors.get(f"weights {number}", name)
        assert found is not None  # the step before was compared, and agreed
        return found

    def after(self, tensors: Tensors, name: str) -> Array:
        """A weight of a participant after this step."""
        found = tensors.get(f"weights {self.number}", name)
        assert found is not None
        return found

    def difference(self, name: str) -> Array:
        """The second's weight less the first's."""
        return self.after(self.second, name) - self.after(self.first, name)

    def move(self, name: str) -> Array:
        """How far the first moves a weight in this step."""
        return self.after(self.first, name) - self.before(self.first, name)

    def earlier_move(self, name: str) -> Array:
        """How far the first moved it in the step before."""
        return self.before(self.first, name) - self.before(self.first, name, 2)


def of_step(step: TrainingStep, rate: float, momentum: float) -> tuple[CauseKind, float, bool]:
    """What makes weights differ after a step, how much of it, and whether it is Nesterov's momentum.

    A wrong rate makes the difference a share of the step itself, a wrong decay one of the weights, a wrong momentum one
    of the step before. Each is fitted to the difference, and explains it if next to nothing is left over.
    """
    fits: list[tuple[float, CauseKind, float]] = []
    left, share = _fit(step.names, step.difference, step.move)
    fits.append((left, "learning rate", 1 + share))
    left, share = _fit(step.names, step.difference, lambda name: step.before(step.first, name), each=True)
    fits.append((left, "weight decay", -share / rate if rate else 0.0))
    if step.number > 1:
        left, share = _fit(step.names, step.difference, step.earlier_move)
        fits.append((left, "momentum", share))
    left, kind, amount = min(fits)
    if left > _FIT:
        return "step", math.nan, False
    nesterov = kind == "learning rate" and step.number == 1 and momentum > 0
    return kind, amount, nesterov and any(math.isclose(amount, share) for share in (1 + momentum, 1 / (1 + momentum)))


def _fit(
    names: Iterable[str],
    wanted: Callable[[str], Array],
    given: Callable[[str], Array],
    *,
    each: bool = False,
) -> tuple[float, float]:
    """The share of what is given that comes nearest to what is wanted: what is left over, as a share; and that share.

    With `each`, every tensor has a share of its own, as where layers have decays of their own; the largest is given.
    """
    import numpy as np

    squares = [[0.0, 0.0, 0.0]]
    for name in names:
        want, have = wanted(name).astype(np.float64).ravel(), given(name).astype(np.float64).ravel()
        products = [float(want @ want), float(want @ have), float(have @ have)]
        if each:
            squares.append(products)
        else:
            squares[0] = [total + more for total, more in zip(squares[0], products, strict=True)]
    whole = sum(want for want, _, _ in squares)
    left = sum(max(want - both**2 / have, 0.0) if have else want for want, both, have in squares)
    share = max((both / have for _, both, have in squares if have), key=abs, default=0.0)
    return (math.sqrt(left / whole) if whole else math.inf), share
