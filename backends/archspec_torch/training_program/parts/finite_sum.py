"""The loss of a split, which is to be finite."""

import math
import sys
from collections.abc import Callable, Sequence


def finite_sum(split: str, losses: Sequence[float], look: Callable[[int], str]) -> float:
    """The sum of the losses of a split's batches.

    Where it is not finite, end the program with the first batch, and with what is seen in it.
    """
    for step, loss in enumerate(losses):
        if not math.isfinite(loss):
            sys.exit(f"the {split} loss is {sum(losses)}, first in batch {step}; {look(step)}")
    return sum(losses)
