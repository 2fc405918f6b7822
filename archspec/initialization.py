"""Initial weights, drawn from the initializers of a network, the same everywhere: docs/initialization.md."""

from __future__ import annotations

import math
import operator
import os
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archspec.digests import state
from archspec.ir.graph import LayerGraph
from archspec.ir.initializers import Distribution
from archspec.reporting import plain

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, np.dtype[np.float32]]

_MOST_THREADS: Final = 4
"""More gain nothing: each step of some microseconds needs the interpreter for a moment."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A part of a weight that has a stream of bits of its own."""

    name: str
    index: int
    distribution: Distribution
    out: Floats


def draw(
    graph: LayerGraph, seed: int, *, threads: int | None = None, names: Collection[str] | None = None
) -> dict[str, Floats]:
    """Every weight of a network by its canonical name, float32, in the canonical layout; they share a block of memory.

    Args:
        graph: the network.
        seed: any whole number.
        threads: how many draw at a time, which changes nothing of what they draw; the processors that this process
            may use, 4 at most, if not given.
        names: of the weights that are drawn, of a network as it is trained; all if not given.

    Raises:
        TypeError: the seed is no whole number.
    """
    import numpy as np

    from archspec.ir.initializers.random_stream import CHUNK

    if graph.training_form is not None:  # the same network as the form that is trained by the same seed
        return graph.weights_of_form(draw(graph.training_form, seed, threads=threads))
    seed = operator.index(seed)
    weights = {name: weight for name, weight in graph.all_weights.items() if names is None or name in names}
    # One block for all: it comes in large pages, where small arrays would take a third of the time in page faults.
    rest: Floats = np.empty(sum(weight.size for weight in weights.values()), np.float32)
    arrays: dict[str, Floats] = {}
    chunks: deque[_Chunk] = deque()
    for name, weight in weights.items():
        flat, rest = rest[: weight.size], rest[weight.size :]
        arrays[name], distribution = flat.reshape(weight.shape), weight.distribution
        chunks.extend(
            _Chunk(name, index, distribution, flat[index * CHUNK : (index + 1) * CHUNK])
            for index in range(math.ceil(weight.size / CHUNK))
        )
    if threads is None:
        threads = min(_processors(), _MOST_THREADS)
    if min(threads, len(chunks)) <= 1:
        _work(chunks, seed)
        return arrays
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(_work, chunks, seed) for _ in range(threads)]:
            done.result()
    return arrays


def _work(chunks: deque[_Chunk], seed: int) -> None:
    """Draw one chunk after another until none is left; other threads may take from the same queue."""
    from archspec.ir.initializers.random_stream import RandomStream

    numbers = RandomStream()
    while True:
        try:
            chunk = chunks.popleft()
        except IndexError:
            return
        numbers.begin(seed, chunk.name, chunk.index)
        chunk.distribution.draw(numbers, chunk.out)


def _processors() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def metadata(graph: LayerGraph, seed: int) -> Mapping[str, str]:
    """What a weights file says of how its weights were drawn: the scheme, the seed, the network and its params."""
    import json

    from archspec.ir.initializers.random_stream import SCHEME

    params = {param.name: param.value for param in graph.params}
    return {
        "archspec.init": str(SCHEME),
        "archspec.seed": str(seed),
        "archspec.network": graph.name,
        "archspec.params": json.dumps(params, sort_keys=True, ensure_ascii=False),
    }


def others(path: Path, graph: LayerGraph, seed: int) -> str:
    """Which weights of ours lie at a path, where their network, params or seed are others; else empty."""
    import json

    from safetensors import safe_open

    if state(path) != "ours":
        return ""
    with safe_open(path, framework="numpy") as file:
        held = file.metadata()
    network, drawn_by = held.get("archspec.network", ""), held.get("archspec.seed", str(seed))
    params = json.loads(held.get("archspec.params", "{}"))
    now = {param.name: param.value for param in graph.params}
    found = [f"of {plain(network)}"] if network != graph.name else []
    parts = [f"{plain(name)}={plain(str(value))}" for name, value in params.items() if (name, value) not in now.items()]
    found += [f"with {', '.join(parts)}"] if parts else []
    found += [f"of seed {plain(drawn_by)}"] if drawn_by != str(seed) else []
    return f"weights {' '.join(found)}" if found else ""
