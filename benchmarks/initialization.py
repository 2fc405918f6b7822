"""How long initial weights take to draw: `python -m benchmarks.initialization` from the repository's root.

`archspec.init_weights` against PyTorch's own drawing of the generated model's weights, each once, in turn, with the
threads that both take by themselves and with one each, there in processor time, since that is less noisy. Ratios are
medians of the ratios of neighbors.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import archspec
from archspec.initialization import draw
from benchmarks.machine import describe

SPECS = ("resnet18", "resnet50", "resnet152", "resnet_v2_50")
"""The last draws truncated normals."""
BOUND = 1.5


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11, help="measurements of each figure (11)")
    parser.add_argument("specs", nargs="*", default=SPECS, help=f"({', '.join(SPECS)})")
    arguments = parser.parse_args()
    print(describe("numpy", "torch"))
    for spec in arguments.specs:
        drawing(spec, arguments.rounds)
    command(arguments.rounds)


def drawing(spec: str, rounds: int) -> None:
    """Draw the weights of a network as archspec and as PyTorch does."""
    import torch

    from archspec_torch.model import draw_anew

    graph = archspec.compile(spec)
    model = archspec.build(graph, "torch")
    default = torch.get_num_threads()
    figures: list[str] = []
    for threads, title in ((None, "default threads"), (1, "one thread, processor time")):
        torch.set_num_threads(threads or default)
        ours, theirs = [], []
        clock = time.perf_counter if threads is None else time.process_time
        for _ in range(rounds):
            theirs.append(_time(partial(draw_anew, model), clock))
            ours.append(_time(partial(draw, graph, 0, threads=threads), clock))
        torch.set_num_threads(default)
        ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
        times = f"{statistics.median(ours) * 1e3:.0f} ms, PyTorch {statistics.median(theirs) * 1e3:.0f} ms"
        figures.append(f"{ratio:.2f} times PyTorch with {title} ({times})")
    print(f"{spec}, {graph.parameters:,} parameters: {'; '.join(figures)} (bound: {BOUND})")


def command(rounds: int) -> None:
    """The whole of `archspec init resnet50`: a process that draws and writes 102 MB."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "w.safetensors"
        arguments = [sys.executable, "-m", "archspec.cli", "init", "resnet50", "--force", "-o", str(path)]
        took = [_time(lambda: subprocess.run(arguments, check=True, capture_output=True)) for _ in range(rounds)]
        print(
            f"archspec init resnet50, a process: {statistics.median(took) * 1e3:.0f} ms, {path.stat().st_size:,} bytes"
        )


def _time(run: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    begin = clock()
    run()
    return clock() - begin


if __name__ == "__main__":
    main()
