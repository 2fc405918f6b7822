"""`archspec summary`: networks as tables. No framework is imported."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Final

from archspec.analysis.levels import LEVELS
from archspec.analysis.summary import summarize
from archspec.analysis.summary_table import NOTE, to_markdown, to_text
from archspec.commands.shared import OK, SPECS_HELP, add_form, add_set, compiled, use_color

EXAMPLES: Final = (
    "archspec summary resnet50 --level unit",
    "archspec summary mine.yaml --set classes=10 --format markdown",
)
"""What its help shows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `summary`."""
    parser.add_argument("specs", nargs="+", metavar="spec", help=SPECS_HELP)
    add_set(parser)
    add_form(parser)
    parser.add_argument(
        "--level",
        choices=LEVELS,
        default="layer",
        help="rows for stages, for their units too, or for all layers (layer)",
    )
    parser.add_argument(
        "--format",
        choices=("text", "markdown", "json"),
        default="text",
        help="json has an object for one spec, a list of them for several (text)",
    )


def run_summary(arguments: argparse.Namespace) -> int:
    """Print the tables: in color and as wide as the terminal where there is one, else as plain text."""
    found = [summarize(compiled(spec, arguments), arguments.level) for spec in arguments.specs]
    match arguments.format:
        case "json":
            data = [summary.as_dict() for summary in found]
            print(json.dumps(data if len(data) > 1 else data[0], indent=2))
        case "markdown":
            print("\n\n".join(map(to_markdown, found)))
        case _ if sys.stdout.isatty() or arguments.color == "always":
            from rich.console import Console

            plain = not use_color(arguments.color, sys.stdout)
            console = Console(no_color=plain, force_terminal=arguments.color == "always" or None)
            tables = [part for summary in found for part in (summary, "")]
            console.print(*tables, NOTE.replace("\n", " "), sep="\n", markup=False, highlight=False)
        case _:
            print("\n\n".join([*map(to_text, found), NOTE]))
    return OK
