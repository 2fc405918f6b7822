"""Bounds on processor time that mean the same on machines of different speeds.

A bound is given in seconds of the machine on which it was chosen, idle; it grows with what a fixed piece of Python
takes now. It never shrinks: on a faster machine a test has the seconds that it names.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

QUIET: Final = 0.035
"""Seconds of `slowness`'s work on an idle core of the machine on which the bounds were chosen."""


def slowness() -> float:
    """How many times as long as on the quiet machine Python takes now; 1 or more."""
    start = time.process_time()
    kept = {f"layer.{i}": (i, str(i), [i]) for i in range(60_000)}
    used = time.process_time() - start
    assert len(kept) == 60_000
    return max(1.0, used / QUIET)


@contextmanager
def within_seconds(seconds: float) -> Iterator[None]:
    """Fails where its body takes more than `seconds` of processor time, at the pace measured after it.

    What other tests have left in memory is kept from the garbage collector meanwhile, which would go through it again
    and again. The pace is not measured where the seconds suffice: it only ever allows more.
    """
    gc.freeze()
    try:
        start = time.process_time()
        yield
        used = time.process_time() - start
        pace = 1.0 if used < seconds else slowness()
    finally:
        gc.unfreeze()
    assert used < seconds * pace, f"{used:.2f} s, and {seconds:g} s at {1 / pace:.2f} of the usual speed are allowed"
