"""The machine's limits, measured in the same run, and the least time that a network could take by them.

Williams et al. 2009: a layer takes at least the time of its arithmetic at the rate of a matrix product, and at least
the time of its traffic at the rate of memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archspec.analysis.counting import DTYPE_BYTES
from archspec.ir.graph import LayerGraph
from archspec.worker_process import WorkerProcess


@dataclass(frozen=True, slots=True)
class MachineLimits:
    """What the machine can do, by probes in NumPy."""

    flops: float
    """Of a product of float32 matrices, a second."""
    bandwidth: float
    """Bytes a second that are read and written by a copy."""


def probed(process: WorkerProcess, before: MachineLimits | None = None) -> MachineLimits:
    """What a process of `archspec.bench.probes` measures now, or has measured before where that was more.

    A probe is run in each round, as contenders are: one alone may fall into a time in which others use the machine.

    Raises:
        WorkerError: it failed, such as for want of memory.
    """
    found = MachineLimits(**process.ask())
    if before is None:
        return found
    return MachineLimits(max(found.flops, before.flops), max(found.bandwidth, before.bandwidth))


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
