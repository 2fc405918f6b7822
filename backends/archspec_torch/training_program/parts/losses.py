"""The losses of steps as the history has them."""

import math
from typing import Any

import torch
from torch import Tensor

from archspec.training.parts.records import History, Progress
from archspec_torch.training_program.parts.distributed import over_processes
from archspec_torch.training_program.parts.failures import NotFiniteError


class Losses:
    """The losses of steps: read together now and then, so that no step waits for a device."""

    def __init__(self, history: History | None, progress: Progress, epoch: int, every: int) -> None:
        """Write every so many steps into a history, and show the last; an epoch has `epoch`."""
        self.history, self.progress = history, progress
        self.epoch, self.every = epoch, every
        self.waiting: list[tuple[int, float, Tensor, int | Tensor]] = []

    def __len__(self) -> int:
        return len(self.waiting)

    def add(self, step: int, rate: float, loss: Tensor, count: int | Tensor) -> None:
        """Add a step: the sum of `count` losses, of which this process has a part."""
        self.waiting.append((step, rate, loss.detach(), count))

    def read(self, measures: Any) -> Any:
        """Add all losses since this was last done to what is measured of the epoch, and give that.

        Raises:
            NotFiniteError: one of them is not.
        """
        waiting, self.waiting = self.waiting, []
        if not waiting:
            return measures
        totals = over_processes(torch.stack([loss for _, _, loss, _ in waiting])).tolist()
        for (step, rate, _, count), total in zip(waiting, totals, strict=True):
            if not math.isfinite(total):
                self.progress.clear()
                raise NotFiniteError(step, total)
            measures.loss += total
            if self.history is not None and step % self.every == 0:
                self.history.step(step, total / float(count), rate)
        if self.history is not None and self.progress.due():
            self.progress.step(step // self.epoch + 1, step + 1, total / float(count), rate)
        return measures
