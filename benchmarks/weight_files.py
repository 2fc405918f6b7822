"""What converting a network's weights costs, from each format to each: time against reading and writing the bytes.

    python -m benchmarks.weight_files            # ResNet-50, all pairs
    python -m benchmarks.weight_files resnet18 --rounds 3

The yardstick of a pair is to read the one file and write as many bytes as the other has, as archspec writes files; each
is the best of some rounds. Memory is the peak of the process that converts, beyond what it has imported.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import archspec
from archspec.atomic_files import whole_file
from archspec.checkpoints import SUFFIXES, keeps_channels_last, write_as
from archspec.weights import read_weights
from benchmarks.machine import describe

FORMATS: Final = {name: suffixes[0] for name, suffixes in SUFFIXES.items()}
_MEGABYTE: Final = 1e6


def files_of(path: Path) -> list[Path]:
    """The files of a checkpoint."""
    return [path] if path.is_file() else sorted(path.parent.glob(f"{path.name}.*"))


def best(works: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """Seconds of the quickest round of each; they take turns, so that whatever else runs disturbs all alike."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, taken in zip(works, times, strict=True):
            start = time.perf_counter()
            work()
            taken.append(time.perf_counter() - start)
    return list(map(min, times))


def plain(source: Path, target: Path, folder: Path) -> None:
    """Read the bytes of one and write as many as the other has."""
    data = b"".join(path.read_bytes() for path in files_of(source))
    size = sum(path.stat().st_size for path in files_of(target))
    with whole_file(folder / "bytes") as temporary, temporary.open("wb") as file:
        file.write((data * (size // len(data) + 1))[:size] if size > len(data) else data[:size])


def memory(network: str, first: str, source: Path, format: str, output: Path) -> float:
    """Bytes that converting takes beyond what is there before it, in a process of its own."""
    code = (
        "import sys; from pathlib import Path; import numpy, archspec\n"
        "from archspec.checkpoints import keeps_channels_last, write_as; from archspec.weights import read_weights\n"
        "from benchmarks.weight_files import resident\n"
        "name, first, source, format, output = sys.argv[1:]\n"
        "graph = archspec.compile(name)\n"
        "small = archspec.compile('lenet')\n"  # what both formats need is imported by it
        "for each, path in ((first, str(Path(source).with_name('small-' + Path(source).name))), (format, output)):\n"
        "    write_as(each, Path(path), archspec.init_weights(small), small)\n"
        "    read_weights(path if each != 'tensorflow' else path + '.index', small)\n"
        "Path('/proc/self/clear_refs').write_text('5')\n"  # the peak begins anew
        "before = resident('VmRSS')\n"
        "arrays = read_weights(source, graph, as_stored=keeps_channels_last(format))[0]\n"
        "write_as(format, Path(output), arrays, graph)\n"
        "print(resident('VmHWM') - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, network, first, str(source), format, str(output)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def resident(what: str) -> float:
    """Bytes of this process in main memory: now (`VmRSS`) or at most (`VmHWM`). Linux alone says it so."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{what}:")) * 1024


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.weight_files")
    parser.add_argument("network", nargs="?", default="resnet50")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--memory", action="store_true", help="measure memory, too: a process for each pair")
    given = parser.parse_args()
    graph = archspec.compile(given.network)
    weights = archspec.init_weights(graph)
    formats = given.formats.split(",")
    largest = max(array.nbytes for array in weights.values())
    print(describe("numpy", "torch", "h5py", "pyfive", "onnx"))
    print(
        f"{given.network}: {sum(a.nbytes for a in weights.values()) / _MEGABYTE:.0f} MB, largest {largest / 1e6:.0f} MB"
    )
    print(f"{'from':<12} {'to':<12} {'converted':>10} {'bytes':>8} {'ratio':>6}" + ("   peak/file" * given.memory))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = {format: folder / f"source{FORMATS[format]}" for format in formats}
        for format, path in sources.items():
            write_as(format, path, weights, graph)
        for first in formats:
            for second in formats:
                output = folder / f"output{FORMATS[second]}"

                def convert(first: str = first, second: str = second, output: Path = output) -> None:
                    arrays, _ = read_weights(sources[first], graph, as_stored=keeps_channels_last(second))
                    write_as(second, output, arrays, graph)

                took, bytes_took = best([convert, partial(plain, sources[first], output, folder)], given.rounds)
                line = f"{first:<12} {second:<12} {took:>8.2f} s {bytes_took:>6.2f} s {took / bytes_took:>6.2f}"
                if given.memory:
                    size = sum(path.stat().st_size for path in files_of(sources[first]))
                    line += f" {memory(given.network, first, sources[first], second, output) / size:>11.2f}"
                print(line, flush=True)


if __name__ == "__main__":
    main()
