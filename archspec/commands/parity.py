"""`archspec parity`: do the frameworks agree on this network?"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archspec.analysis.tables import plain, to_markdown, to_text
from archspec.commands.shared import FAILED, OK, add_spec, compiled, name_list, positive
from archspec.errors import ParityError
from archspec.parity.comparison import DEFAULT_PARTICIPANTS, Progress, compare
from archspec.parity.participants import Participant
from archspec.parity.plan import DTYPES, KINDS, Size
from archspec.parity.report import Report
from archspec.parity.telling import blamed_lines, skipped_lines, tables, version_lines


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `parity`."""
    add_spec(parser)
    default = ",".join(participant.label for participant in DEFAULT_PARTICIPANTS)
    parser.add_argument("--backends", default=default, help=f"two or more, the first is the measure ({default})")
    parser.add_argument("--dtype", choices=DTYPES, action="append", help="may stand twice (both)")
    parser.add_argument("--check", choices=KINDS, action="append", help="may stand several times (all)")
    parser.add_argument(
        "--size",
        metavar="HxW",
        type=_size,
        action="append",
        help="of the input images; may stand several times (the spec's own, and another that the network takes)",
    )
    parser.add_argument(
        "--taps", metavar="NAME,...", type=name_list, help="compare the network that gives these tensors"
    )
    parser.add_argument("--weights", metavar="FILE", help="compare on these weights, not on random ones")
    parser.add_argument("--batch", type=positive, default=2, help="how many inputs (2)")
    parser.add_argument("--seed", type=int, default=0, help="of random weights and inputs (0)")
    parser.add_argument("--passes", type=positive, default=3, help="in training mode, before statistics (3)")
    parser.add_argument("--steps", type=positive, default=5, help="of the training run (5)")
    parser.add_argument("--learning-rate", metavar="RATE", type=_number, default=0.1, help="of the training run (0.1)")
    parser.add_argument("--momentum", type=_number, default=0.9, help="of the training run (0.9)")
    parser.add_argument(
        "--tolerance",
        metavar="DTYPE=VALUE",
        type=_tolerance,
        action="append",
        default=[],
        help="the difference that is allowed in a dtype; may stand twice (docs/parity.md has the usual ones)",
    )
    parser.add_argument("--no-layers", dest="layers", action="store_false", help="compare only what the network gives")
    parser.add_argument("--plot", metavar="FILE", type=Path, help="draw the error by depth: .svg, .png or .pdf")
    parser.add_argument(
        "--format", choices=("text", "markdown", "json"), default="text", help="how errors and results are shown"
    )


def run(arguments: argparse.Namespace) -> int:
    """Compare, show the tables, and fail past the tolerance."""
    if arguments.plot is not None:
        from archspec.parity.picture import check

        check(arguments.plot)
    graph = compiled(arguments.spec, arguments)
    weights = None
    if arguments.weights is not None:
        from archspec.weights import fitting

        weights = fitting(arguments.weights, graph)
    with _progress() as progress:
        report = compare(
            graph,
            [Participant.parse(text) for text in arguments.backends.split(",")],
            dtypes=arguments.dtype or DTYPES,
            checks=arguments.check or KINDS,
            sizes=arguments.size,
            weights=weights,
            batch=arguments.batch,
            seed=arguments.seed,
            passes=arguments.passes,
            steps=arguments.steps,
            learning_rate=arguments.learning_rate,
            momentum=arguments.momentum,
            layers=arguments.layers,
            tolerances=dict(arguments.tolerance),
            progress=progress,
        )
    _show(report, arguments.format)
    if arguments.plot is not None:
        from archspec.parity.picture import draw

        draw(report, arguments.plot)
    try:
        report.require()
    except ParityError as error:
        print(f"\n{error}", file=sys.stderr)
        return FAILED
    return OK


def _show(report: Report, format: str) -> None:
    if format == "json":
        print(json.dumps(report.as_dict(), indent=2))
        return
    print(f"{plain(report.title or report.network)}: a batch of {report.batch}, input {' and '.join(report.sizes)}\n")
    for table in tables(report):
        print(to_markdown(table) if format == "markdown" else to_text(table))
    for lines in (blamed_lines(report), skipped_lines(report)):
        found = list(lines)
        if found:
            print("\n".join([*map(_plain, found), ""]))
    print("\n".join(version_lines(report)))


def _plain(line: str) -> str:
    """A line that may hold a spec's text, its indentation kept."""
    return " " * (len(line) - len(line.lstrip())) + plain(line)


@contextmanager
def _progress() -> Iterator[Progress | None]:
    """A bar on standard error, where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("")
        yield lambda what, done, total: bar.update(task, description=plain(what), completed=done, total=total)


def _size(text: str) -> Size:
    height, cross, width = text.partition("x")
    if cross and height.isdecimal() and width.isdecimal() and int(height) and int(width):
        return int(height), int(width)
    raise argparse.ArgumentTypeError(f"`{text}` is not a height and a width, as in 224x160")


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"`{text}` is not a number, 0 or more")
    return value


def _tolerance(text: str) -> tuple[str, float]:
    dtype, equals, value = text.partition("=")
    if not equals or dtype not in DTYPES:
        raise argparse.ArgumentTypeError(f"`{text}` is not of the form {DTYPES[0]}=1e-4")
    return dtype, _number(value)
