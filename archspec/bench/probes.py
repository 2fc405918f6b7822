"""A process that measures what the machine can do: `python -m archspec.bench.probes`.

It is one of its own, as contenders have theirs, so that it has as many threads as they. Each request runs both probes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from archspec.worker_process import serve

SIDE: Final = 768
"""Of the square matrices of the probe: large enough to be bound by arithmetic, and small enough to take some 10 ms.

What takes longer is interrupted each time where others use the machine.
"""
BYTES: Final = 256 * 2**20
"""Of the probe of memory: more than any cache holds."""
_TIMES: Final = 3
"""At least."""
_LEAST: Final = 0.25
"""Seconds that a probe takes at least."""


def probe() -> dict[str, Any]:
    """The rates of a product of float32 matrices, `flops`, and of a copy, `bandwidth`; each the best of some times."""
    rng = np.random.default_rng(0)
    one, other = (rng.standard_normal((SIDE, SIDE), np.float32) for _ in range(2))
    product = np.empty_like(one)
    source = np.ones(BYTES // 8)
    copy = np.empty_like(source)
    arithmetic = _best(lambda: np.matmul(one, other, product))
    traffic = _best(lambda: np.copyto(copy, source))
    return {"flops": 2 * SIDE**3 / arithmetic, "bandwidth": 2 * BYTES / traffic}


def _best(work: Callable[[], object]) -> float:
    work()  # the memory is there, and the threads
    found: list[float] = []
    while len(found) < _TIMES or sum(found) < _LEAST:
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found)


if __name__ == "__main__":
    serve(lambda request: probe())
