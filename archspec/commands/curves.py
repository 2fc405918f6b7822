"""`archspec curves`: the curves of runs in one picture, and their numbers side by side."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archspec.analysis.tables import Table, to_text
from archspec.commands.shared import FORMAT_HELP, OK, add_force, usage_error
from archspec.digests import check_writable
from archspec.reporting import one_line

if TYPE_CHECKING:
    from archspec.training.history import RunHistory

EXAMPLES: Final = (
    "archspec curves runs/digits                             # writes curves.svg",
    "archspec curves runs/plain20 runs/plain56 -o degradation.png",
)
"""What its help shows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `curves`."""
    parser.add_argument("runs", nargs="+", metavar="RUN", type=Path, help="folders of runs, or their history.jsonl")
    parser.add_argument(
        "-o", "--output", metavar="FILE", default="curves.svg", help="the picture: .svg, .png or .pdf (curves.svg)"
    )
    add_force(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help=FORMAT_HELP)


def run_curves(arguments: argparse.Namespace) -> int:
    """Draw the picture, and print the numbers."""
    from archspec.picture_files import check_picture
    from archspec.training.curves import draw_curves
    from archspec.training.history import read_runs

    if arguments.output in ("", "-"):
        usage_error("-o needs a file for the picture")
    path = Path(arguments.output)
    check_picture(path)
    check_writable(path, force=arguments.force)
    runs = read_runs(arguments.runs)
    draw_curves(runs, path)
    if arguments.format == "json":
        print(json.dumps([_numbers(run) for run in runs], indent=2))
        return OK
    print(to_text(_table(runs)))
    print(f"picture: {one_line(str(path))}")
    return OK


def _numbers(run: RunHistory) -> dict[str, object]:
    """The best of each number of a run, and what was measured at the end."""
    best = {name: run.best(name) for name in run.measured()}
    last = {name: value for name, value in run.last.items() if isinstance(value, float)}
    return {"run": run.name, "epochs": len(run.epochs), "best": best, "last": last}


def _table(runs: Sequence[RunHistory]) -> Table:
    """A row for each run: how long it was, the best of what was measured, and what was measured at the end."""
    best = list(dict.fromkeys(name for run in runs for name in run.measured()))
    last = list(dict.fromkeys(name for run in runs for name, value in run.last.items() if isinstance(value, float)))
    heads = ("run", "epochs", *(f"best {_words(name)}" for name in best), *(_words(name) for name in last))
    rows = tuple(
        (
            run.name,
            str(len(run.epochs)),
            *(_short(run.best(name)) for name in best),
            *(_short(run.last.get(name)) for name in last),
        )
        for run in runs
    )
    return Table(heads, rows, "l" + "r" * (len(heads) - 1))


def _words(name: str) -> str:
    return name.replace("_", " ")


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
