"""`archspec validate`: are these specs and libraries of blocks right? No framework is imported."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from archspec.commands.shared import FORMAT_HELP, OK, add_set, compiled, counted, left_out_text, limits, params
from archspec.errors import ArchspecError, Diagnostic
from archspec.libraries import compile_library, library
from archspec.spec import LocatedDict

EXAMPLES: Final = (
    "archspec validate mine.yaml",
    "archspec validate specs/*.yaml --format json",
)
"""What its help shows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `validate`."""
    parser.add_argument("specs", nargs="+", metavar="spec", help="paths, or bare names of specs that ship")
    add_set(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help=FORMAT_HELP)


def run_validate(arguments: argparse.Namespace) -> int:
    """Compile each spec; say what is wrong with all of them."""
    found: list[Diagnostic] = []
    for spec in arguments.specs:
        try:
            graph = compiled(spec, arguments)
        except ArchspecError as error:
            held = library(Path(spec))
            found += error.diagnostics if held is None else _library(spec, held, arguments)
            continue
        if arguments.format == "text":
            counts = f"{len(graph.nodes)} layers, {graph.parameters:,} parameters, {counted(graph.macs)} MACs"
            print(f"{spec}: right ({counts})")
            if left_out := left_out_text(graph):
                print(f"  left out    {left_out}")
    if found:  # what is wrong with a library is wrong with each network that includes it
        raise ArchspecError(list({repr(each): each for each in found}.values()))
    if arguments.format == "json":
        print("[]")
    return OK


def _library(name: str, held: LocatedDict, arguments: argparse.Namespace) -> list[Diagnostic]:
    """What is wrong with a library of blocks, which are checked as if a network included it."""
    root = None if arguments.root is None else Path(arguments.root)
    try:
        compile_library(Path(name), root, params(arguments.params), limits=limits(arguments.limits))
    except ArchspecError as error:
        return list(error.diagnostics)
    if arguments.format == "text":
        own = held.get("blocks")
        count = len(own) if isinstance(own, dict) else 0
        print(f"{name}: right (a library of {count} {'block' if count == 1 else 'blocks'})")
    return []
