"""The parity table of docs/parity.md: `python -m benchmarks.parity_table [SPEC ...]` from the repository's root.

Each network runs with the same random weights and inputs on each participant; a row has the largest difference of
outputs, and of running statistics after a step in training mode, as a share of the largest value.
"""

from __future__ import annotations

import argparse
import sys

import archspec
from archspec.parity import Participant, Report, Row, compare
from benchmarks.machine import describe

SPECS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
COLUMNS = (("inference", "outputs"), ("training", "outputs"), ("training", "statistics"))
"""Mode, and what is compared."""


def main() -> int:
    """Print the table; 3 if a comparison is past its tolerance, as the command `archspec parity`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("specs", nargs="*", default=list(SPECS), help="specs by name or path (the ResNets)")
    parser.add_argument("--backends", default="torch,keras:tensorflow", help="(torch,keras:tensorflow)")
    parser.add_argument("--dtype", choices=("float32", "float64", "both"), default="both")
    arguments = parser.parse_args()
    participants = [Participant.parse(text) for text in arguments.backends.split(",")]
    dtypes = ("float32", "float64") if arguments.dtype == "both" else (arguments.dtype,)
    reports = [compare(archspec.compile(spec), participants, dtypes=dtypes) for spec in arguments.specs]
    print(describe())
    for label, versions in reports[0].versions.items():
        print(f"{label}: {', '.join(f'{name} {version}' for name, version in versions.items())}")
    print()
    print("\n".join(table(reports)))
    return 0 if all(report.agrees for report in reports) else 3


def table(reports: list[Report]) -> list[str]:
    """The lines of a Markdown table: one row for each network, type and pair."""
    heads = ["network", "pair", "type", *(f"{mode}, {what}" for mode, what in COLUMNS), "allowed"]
    lines = [_line(heads), _line(["---"] * len(heads))]
    for report in reports:
        groups: dict[tuple[str, tuple[str, str]], dict[tuple[str, str], Row]] = {}
        for row in report.rows:
            groups.setdefault((row.dtype, row.pair), {})[row.mode, row.what] = row
        for (dtype, pair), rows in groups.items():
            figures = [f"{rows[column].difference:.1e}" if column in rows else "-" for column in COLUMNS]
            tolerance = next(iter(rows.values())).tolerance
            lines.append(_line([report.network, " / ".join(pair), dtype, *figures, f"{tolerance:.0e}"]))
    return lines


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
