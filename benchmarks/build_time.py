"""How long `archspec build` takes beside its framework's own import: `python -m benchmarks.build_time` from the root.

Each is a fresh process, by turns. What is held against the bound is the ratio of the medians of the processor's time:
on a busy machine the clock's says more of the others.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.machine import describe

BOUND: Final = 1.5
"""Times the framework's own import, for LeNet."""


def main() -> int:
    """Print every figure; 1 if one is past the bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of each (5)")
    parser.add_argument("--spec", default="lenet", help="what is built (lenet)")
    arguments = parser.parse_args()
    print(describe("torch", "keras", "tensorflow"))
    ratios = [measure(backend, arguments.spec, arguments.rounds) for backend in ("torch", "keras")]
    return int(max(ratios) > BOUND)


def measure(backend: str, spec: str, rounds: int) -> float:
    """How many times the framework's import a build takes."""
    building = ["-m", "archspec.cli", "build", spec, "--backend", backend]
    times: dict[str, list[tuple[float, float]]] = {"import": [], "build": []}
    for _ in range(rounds + 1):
        times["import"].append(seconds(["-c", f"import {backend}"]))
        times["build"].append(seconds(building))
    # The first of each reads files that the others find in memory.
    (imported, by_clock), (built, built_by_clock) = (
        (statistics.median(cpu for cpu, _ in found[1:]), statistics.median(clock for _, clock in found[1:]))
        for found in times.values()
    )
    ratio = built / imported
    print(
        f"{spec} with {backend}: import {imported:.2f} s, build {built:.2f} s, ratio {ratio:.2f}; "
        f"by the clock {by_clock:.2f} s, {built_by_clock:.2f} s, ratio {built_by_clock / by_clock:.2f}"
    )
    return ratio


def seconds(arguments: Sequence[str]) -> tuple[float, float]:
    """The processor's time of a process of Python in an empty folder, and the clock's."""
    with TemporaryDirectory() as folder:
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([sys.executable, *arguments], cwd=folder, check=True, capture_output=True)
        after, end = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, end - start


if __name__ == "__main__":
    sys.exit(main())
