"""`archspec parity`: do the frameworks agree on this network?"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from archspec.commands.shared import FAILED, FORMAT_HELP, OK, add_spec, compiled, input_text, positive
from archspec.errors import ParityError
from archspec.parity.comparison import DEFAULT_PARTICIPANTS, MODES, TOLERANCES, Participant, Report, compare


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `parity`."""
    add_spec(parser)
    default = ",".join(participant.label for participant in DEFAULT_PARTICIPANTS)
    parser.add_argument("--backends", default=default, help=f"two or more, the first is the measure ({default})")
    parser.add_argument("--dtype", choices=tuple(TOLERANCES), action="append", help="may stand twice (both)")
    parser.add_argument("--mode", choices=MODES, action="append", help="may stand twice (both)")
    parser.add_argument("--weights", metavar="FILE", help="compare on these weights, not on random ones")
    parser.add_argument("--batch", type=positive, default=2, help="how many inputs (2)")
    parser.add_argument("--seed", type=int, default=0, help="of random weights and inputs (0)")
    parser.add_argument("--format", choices=("text", "json"), default="text", help=FORMAT_HELP)


def run(arguments: argparse.Namespace) -> int:
    """Compare, show the table, and fail past the tolerance."""
    graph = compiled(arguments.spec, arguments)
    weights = None
    if arguments.weights is not None:
        from archspec.weights import fitting

        weights = fitting(arguments.weights, graph)
    report = compare(
        graph,
        [Participant.parse(text) for text in arguments.backends.split(",")],
        dtypes=arguments.dtype or tuple(TOLERANCES),
        modes=arguments.mode or MODES,
        weights=weights,
        batch=arguments.batch,
        seed=arguments.seed,
    )
    if arguments.format == "json":
        print(json.dumps(report.as_dict(), indent=2))
    else:
        print(f"{graph.title or graph.name}: a batch of {report.batch}, input {input_text(graph)}")
        print("\n".join(table(report)))
    try:
        report.require()
    except ParityError as error:
        print(f"\n{error}", file=sys.stderr)
        return FAILED
    return OK


def table(report: Report) -> list[str]:
    """The report's rows for people; differences are shares of the largest value."""
    head = ("pair", "dtype", "mode", "what", "difference", "tolerance", "")
    rows: list[Sequence[str]] = [head]
    for row in report.rows:
        agrees = "agrees" if row.agrees else f"DIFFERS at {row.worst}"
        pair = " : ".join(row.pair) if ":" not in "".join(row.pair) else " / ".join(row.pair)
        rows.append((pair, row.dtype, row.mode, row.what, f"{row.difference:.2e}", f"{row.tolerance:.0e}", agrees))
    widths = [max(len(row[index]) for row in rows) for index in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    for label, versions in report.versions.items():
        lines.append(f"{label}: {', '.join(f'{name} {version}' for name, version in versions.items())}")
    return lines
