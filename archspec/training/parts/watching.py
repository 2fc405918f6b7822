"""Numbers that a training program watches from epoch to epoch: the best, a plateau, early stopping."""

import math
from collections.abc import Mapping
from typing import Any


class Watched:
    """A number that is measured after each epoch, and the best of it so far. Losses are to fall, all others to rise."""

    def __init__(self, watch: str, threshold: float = 0.0, threshold_mode: str = "absolute") -> None:
        """Watches a number.

        Args:
            watch: its name, such as `validation_loss`.
            threshold: by how much it must be better than the best so far.
            threshold_mode: `relative`, a share of the best number; or `absolute`.
        """
        self.watch, self.threshold, self.threshold_mode = watch, threshold, threshold_mode
        self.best: float | None = None

    def improves(self, value: float) -> bool:
        """Takes a new number, and says whether it is the best so far. The first is; one that is no number never is."""
        rises = not self.watch.endswith("loss")
        sign = 1.0 if rises else -1.0
        value = float(value)
        if math.isnan(value):
            return False
        if self.best is not None:
            relative = self.threshold_mode == "relative"
            bound = self.best * (1.0 + sign * self.threshold) if relative else self.best + sign * self.threshold
            if not (value > bound if rises else value < bound):
                return False
        self.best = value
        return True

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {"best": self.best}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from the state that a checkpoint kept."""
        self.best = state["best"]


class Plateau(Watched):
    """Lowers the rate where a number has not become better for more than `patience` epochs in a row."""

    def __init__(
        self,
        watch: str,
        *,
        factor: float,
        patience: int,
        cooldown: int = 0,
        threshold: float = 1e-4,
        threshold_mode: str = "relative",
    ) -> None:
        """Watches a number.

        Args:
            watch: its name.
            factor: what the rate is multiplied by.
            patience: how many epochs in a row may bring no improvement.
            cooldown: how many epochs after a reduction are not counted.
            threshold: by how much it must be better than the best so far.
            threshold_mode: `relative`, a share of the best number; or `absolute`.
        """
        super().__init__(watch, threshold, threshold_mode)
        self.factor, self.patience, self.cooldown = factor, patience, cooldown
        self.waited, self.cooling = 0, 0
        self.reduction = 1.0
        """The product of all reductions so far."""

    def after(self, value: float) -> bool:
        """Takes the number of another epoch, and says whether the rate is lowered now."""
        self.waited = 0 if self.improves(value) else self.waited + 1
        if self.cooling > 0:
            self.cooling, self.waited = self.cooling - 1, 0
        if self.waited <= self.patience:
            return False
        self.waited, self.cooling = 0, self.cooldown
        self.reduction *= self.factor
        return True

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {**super().state_dict(), "waited": self.waited, "cooling": self.cooling, "reduction": self.reduction}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from the state that a checkpoint kept."""
        super().load_state_dict(state)
        self.waited, self.cooling, self.reduction = state["waited"], state["cooling"], state["reduction"]


class EarlyStopping(Watched):
    """Ends the training where a number has not become better for more than `patience` epochs in a row."""

    def __init__(
        self, watch: str, *, patience: int, threshold: float = 0.0, threshold_mode: str = "absolute", start: int = 0
    ) -> None:
        """Watches a number.

        Args:
            watch: its name.
            patience: how many epochs in a row may bring no improvement.
            threshold: by how much it must be better than the best so far.
            threshold_mode: `relative`, a share of the best number; or `absolute`.
            start: the epoch from which epochs are counted; the first is 0.
        """
        super().__init__(watch, threshold, threshold_mode)
        self.patience, self.start = patience, start
        self.waited, self.epochs = 0, 0

    def after(self, value: float) -> bool:
        """Takes the number of another epoch, and says whether training ends now."""
        self.epochs += 1
        if self.epochs > self.start:
            self.waited = 0 if self.improves(value) else self.waited + 1
        return self.stopped

    @property
    def stopped(self) -> bool:
        """Whether training has ended."""
        return self.waited > self.patience

    @property
    def reason(self) -> str:
        """Why it has, for people."""
        epochs = "1 epoch" if self.waited == 1 else f"{self.waited} epochs"
        return f"early stopping: {self.watch.replace('_', ' ')} has not become better for {epochs}"

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {**super().state_dict(), "waited": self.waited, "epochs": self.epochs}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from the state that a checkpoint kept."""
        super().load_state_dict(state)
        self.waited, self.epochs = state["waited"], state["epochs"]
