"""The tables of docs/parity.md: `python -m benchmarks.parity_table [SPEC ...]` from the repository's root.

Each network runs with the same random weights and inputs on each participant. A cell has the largest differences from
the first participant, as shares of the largest value: of all layers and outputs in inference; of all layers, outputs
and running statistics in training mode; of the gradients of inputs and weights. With `--run` it is a training run
instead: of the losses, and of the weights.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress

import archspec
from archspec import LayerGraph
from archspec.errors import SpecError
from archspec.parity import PairResult, Participant, ProcessPool, Report, compare
from archspec.parity.measure import rank
from archspec.parity.plan import Kind, Size, sized
from archspec.spec import shipped
from benchmarks.machine import describe

BACKENDS = "torch,keras:tensorflow,keras:jax,keras:torch,onnx:onnxruntime,onnx:reference"
SMALL: Size = (97, 65)
"""Of the images, where a network takes them and its own are larger: six engines run each of them, one in NumPy."""
FORWARD: tuple[Kind, ...] = ("inference", "training", "gradients")
RUN = ("loss of step", "weights after step")


def main() -> int:
    """Print the table; 3 if a comparison is past its tolerance, as the command `archspec parity`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("specs", nargs="*", help="specs by name or path (all that ship)")
    parser.add_argument("--backends", default=BACKENDS, help=f"({BACKENDS})")
    parser.add_argument("--dtype", choices=("float32", "float64"), action="append", help="may stand twice (both)")
    parser.add_argument("--check", choices=FORWARD, action="append", help="may stand several times (all)")
    parser.add_argument("--own-size", action="store_true", help="images of the specs' own size")
    parser.add_argument("--batch", type=int, default=2, help="(2)")
    parser.add_argument("--run", type=int, metavar="STEPS", help="a training run of so many steps")
    arguments = parser.parse_args()
    participants = [Participant.parse(text) for text in arguments.backends.split(",")]
    dtypes = arguments.dtype or ["float32", "float64"]
    checks: Sequence[Kind] = ("run",) if arguments.run else arguments.check or FORWARD
    columns = RUN if arguments.run else checks
    agrees = True
    print(describe(), flush=True)
    with ProcessPool() as pool:
        for participant, process in zip(participants, pool.processes(participants), strict=True):
            versions = ", ".join(f"{name} {version}" for name, version in process.versions.items())
            print(f"{participant.label}: {versions}")
        labels = [participant.label for participant in participants[1:]]
        print("\n" + _line(["network", "input", "dtype", *labels]) + "\n" + _line(["---"] * (3 + len(labels))))
        for spec in arguments.specs or shipped():
            graph = archspec.compile(spec)
            report = compare(
                graph,
                participants,
                dtypes=dtypes,
                checks=checks,
                sizes=None if arguments.run else _sizes(graph, arguments.own_size),
                batch=arguments.batch,
                steps=arguments.run or 1,
                pool=pool,
            )
            for line in rows(report, participants, dtypes, columns):
                print(line, flush=True)
            for blamed in report.blamed:
                print(f"{spec}: {blamed}", file=sys.stderr, flush=True)
            agrees = agrees and (report.agrees or not any(row.tolerance for row in report.rows))
    return 0 if agrees else 3


def _sizes(graph: LayerGraph, own: bool) -> list[Size] | None:
    """One size: the small one if the network takes it, else its own."""
    if not graph.spatial_sizes:
        return None
    size = next(iter(graph.spatial_sizes.values()))
    if not own and len(size) == len(SMALL) and size[0] > SMALL[0]:
        with suppress(SpecError):
            sized(graph, [SMALL])
            return [SMALL]
    return [size]


def rows(
    report: Report, participants: Sequence[Participant], dtypes: Sequence[str], columns: Sequence[str]
) -> list[str]:
    """A line for each dtype; in float32 a training run has a second cell in each, how far it is from itself."""
    found = []
    for dtype in dtypes:
        cells = []
        for participant in participants[1:]:
            pair = (participants[0].label, participant.label)
            cells.append(_cell([row for row in report.rows if row.pair == pair and row.dtype == dtype], columns))
        found.append(_line([report.network, report.sizes[0], dtype, *cells]))
    return found


def _cell(rows: Sequence[PairResult], columns: Sequence[str]) -> str:
    numbers = []
    for column in columns:
        found = [
            row.difference
            for row in rows
            if (column == row.check or row.what.startswith(column)) and row.what != "layer gradients"
        ]
        worst = max(found, key=rank, default=None)
        numbers.append("-" if worst is None else f"{worst:.0e}")
    return " / ".join(numbers)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
