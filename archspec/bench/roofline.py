"""The machine's limits, measured in the same run, and the least time that a network could take by them.

Williams et al. 2009: a layer takes at least the time of its arithmetic at the rate of a matrix product, and at least
the time of its traffic at the rate of memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from archspec.analysis.counting import DTYPE_BYTES
from archspec.ir.graph import LayerGraph

_SIDE: Final = 1536
"""Of the square matrices of the probe: large enough to be bound by arithmetic, small enough to take some 50 ms."""
_BYTES: Final = 256 * 2**20
"""Of the probe of memory: more than any cache holds."""
_TIMES: Final = 5


@dataclass(frozen=True, slots=True)
class MachineLimits:
    """What the machine can do, by probes in NumPy."""

    flops: float
    """Of a product of float32 matrices, a second."""
    bandwidth: float
    """Bytes a second that are read and written by a copy."""


def probe() -> MachineLimits:
    """Measure both, each the best of some times."""
    import numpy as np

    rng = np.random.default_rng(0)
    one, other = (rng.standard_normal((_SIDE, _SIDE), np.float32) for _ in range(2))
    product = np.empty_like(one)
    source = np.ones(_BYTES // 8)
    copy = np.empty_like(source)
    arithmetic = _best(lambda: np.matmul(one, other, product))
    traffic = _best(lambda: np.copyto(copy, source))
    return MachineLimits(2 * _SIDE**3 / arithmetic, 2 * _BYTES / traffic)


def _best(work: Callable[[], object]) -> float:
    work()  # the memory is there, and the threads
    found = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found)


@dataclass(frozen=True, slots=True)
class Bound:
    """The seconds that layers of a kind take at least, by the machine's limits."""

    arithmetic: float = 0.0
    """Their multiply-adds, at the rate of a product of matrices."""
    traffic: float = 0.0
    """What they read and write, at the rate of a copy."""
    least: float = 0.0
    """The sum over layers of the longer of both."""

    @property
    def limit(self) -> str:
        """Which of both is the longer one in all."""
        return "arithmetic" if self.arithmetic > self.traffic else "memory"


def bounds(graph: LayerGraph, batch: int, dtype: str, machine: MachineLimits) -> Mapping[str, Bound]:
    """The least time that the layers of each kind take for a batch, in a forward pass.

    Traffic is what a layer reads and writes: its inputs, its weights once, its outputs; not for layers that only name
    what is there. Fused layers may take less than two apart: then a network is faster than the sum.
    """
    size = DTYPE_BYTES[dtype]
    found: dict[str, Bound] = {}
    for node in graph.nodes.values():
        if node.op.kind == "input" or node.op.view:
            continue
        arriving = graph.input_types(node)
        arithmetic = 2 * batch * node.op.macs(arriving, node.types) / machine.flops
        numbers = batch * (sum(type.count for type in arriving) + sum(type.count for type in node.types))
        numbers += sum(weight.size for weight in graph.weights(node))
        traffic = size * numbers / machine.bandwidth
        so_far = found.get(node.op.kind, Bound())
        found[node.op.kind] = Bound(
            so_far.arithmetic + arithmetic, so_far.traffic + traffic, so_far.least + max(arithmetic, traffic)
        )
    return found
