"""`archspec validate`: are these specs right? No framework is imported."""

from __future__ import annotations

import argparse
from typing import Final

from archspec.commands.shared import FORMAT_HELP, OK, add_set, compiled, counted, left_out_text
from archspec.errors import ArchspecError, Diagnostic

EXAMPLES: Final = (
    "archspec validate mine.yaml",
    "archspec validate specs/*.yaml --format json",
)
"""What its help shows."""


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `validate`."""
    parser.add_argument("specs", nargs="+", metavar="spec", help="paths, or bare names of specs that ship")
    add_set(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help=FORMAT_HELP)


def run(arguments: argparse.Namespace) -> int:
    """Compile each spec; say what is wrong with all of them."""
    found: list[Diagnostic] = []
    for spec in arguments.specs:
        try:
            graph = compiled(spec, arguments)
        except ArchspecError as error:
            found += error.diagnostics
            continue
        if arguments.format == "text":
            counts = f"{len(graph.nodes)} layers, {graph.parameters:,} parameters, {counted(graph.macs)} MACs"
            print(f"{spec}: right ({counts})")
            if left_out := left_out_text(graph):
                print(f"  left out    {left_out}")
    if found:
        raise ArchspecError(found)
    if arguments.format == "json":
        print("[]")
    return OK
