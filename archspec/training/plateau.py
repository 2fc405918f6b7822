"""Numbers that are watched from epoch to epoch: reductions on a plateau, early stopping. Pure functions.

What a program that was generated does must be what these do; tests and parity hold it against them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from archspec.recipe import EarlyStopping, Plateau


def rises(name: str) -> bool:
    """Whether a number that is watched is better where it is greater: all are but losses."""
    return not name.endswith("loss")


def improved(value: float, best: float | None, threshold: float, mode: str, name: str) -> bool:
    """Whether a number is better than the best so far, by more than the threshold; the first is, and one that is no
    number never is.
    """
    if value != value:
        return False
    if best is None:
        return True
    sign = 1.0 if rises(name) else -1.0
    bound = best * (1.0 + sign * threshold) if mode == "relative" else best + sign * threshold
    return value > bound if rises(name) else value < bound


@dataclass(frozen=True, slots=True)
class PlateauState:
    """What a plateau knows after some epochs."""

    best: float | None = None
    waited: int = 0
    """Epochs in a row without improvement."""
    cooling: int = 0
    """Epochs that are still not counted."""
    reduction: float = 1.0
    """The product of all reductions so far."""

    def after(self, value: float, plateau: Plateau) -> PlateauState:
        """What it knows after another epoch, whose number is `value`."""
        better = improved(value, self.best, plateau.threshold, plateau.threshold_mode, plateau.watch)
        best = value if better else self.best
        waited = 0 if better else self.waited + 1
        cooling = self.cooling
        if cooling > 0:
            cooling, waited = cooling - 1, 0
        if waited <= plateau.patience:
            return replace(self, best=best, waited=waited, cooling=cooling)
        return PlateauState(best, 0, plateau.cooldown, self.reduction * plateau.factor)


@dataclass(frozen=True, slots=True)
class StoppingState:
    """What early stopping knows after some epochs."""

    best: float | None = None
    waited: int = 0
    epoch: int = 0
    """How many epochs there were."""

    def after(self, value: float, stopping: EarlyStopping) -> StoppingState:
        """What it knows after another epoch, whose number is `value`."""
        if self.epoch < stopping.start:
            return replace(self, epoch=self.epoch + 1)
        better = improved(value, self.best, stopping.threshold, stopping.threshold_mode, stopping.watch)
        return StoppingState(value if better else self.best, 0 if better else self.waited + 1, self.epoch + 1)

    def ends(self, stopping: EarlyStopping) -> bool:
        """Whether training ends here."""
        return self.waited > stopping.patience
