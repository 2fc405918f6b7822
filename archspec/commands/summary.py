"""`archspec summary`: a network as a table. No framework is imported."""

from __future__ import annotations

import argparse
import json
import sys

from archspec.analysis.levels import LEVELS
from archspec.analysis.summary import summarize
from archspec.analysis.summary_table import NOTE, to_markdown, to_text
from archspec.commands.shared import OK, add_spec, coloured, compiled


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `summary`."""
    add_spec(parser)
    parser.add_argument(
        "--level",
        choices=LEVELS,
        default="layer",
        help="rows for stages, for their units too, or for all layers (layer)",
    )
    parser.add_argument("--format", choices=("text", "markdown", "json"), default="text", help="(text)")


def run(arguments: argparse.Namespace) -> int:
    """Print the table: in colour and as wide as the terminal where there is one, else as plain text."""
    found = summarize(compiled(arguments.spec, arguments), arguments.level)
    match arguments.format:
        case "json":
            print(json.dumps(found.as_dict(), indent=2))
        case "markdown":
            print(to_markdown(found))
        case _ if sys.stdout.isatty() or arguments.color == "always":
            from rich.console import Console

            plain = not coloured(arguments.color, sys.stdout)
            console = Console(no_color=plain, force_terminal=arguments.color == "always" or None)
            console.print(found, "", NOTE.replace("\n", " "), sep="\n", markup=False, highlight=False)
        case _:
            print(f"{to_text(found)}\n\n{NOTE}")
    return OK
