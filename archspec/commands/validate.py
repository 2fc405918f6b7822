"""`archspec validate`: are these specs, libraries of blocks and recipes right? No framework is imported."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from archspec.commands.shared import (
    FORMAT_HELP,
    OK,
    SPECS_HELP,
    add_set,
    compiled,
    counted,
    left_out_text,
    limits,
    params,
    use_color,
)
from archspec.errors import ArchspecError, Diagnostic
from archspec.libraries import compile_library, library
from archspec.process_exit import FAILED
from archspec.reporting import one_line, to_json, to_text
from archspec.spec import LocatedDict
from archspec.spec.file_kinds import names_recipe

EXAMPLES: Final = (
    "archspec validate mine.yaml",
    "archspec validate specs/*.yaml --format json",
    "archspec validate cifar10_keras --network cifar_resnet_keras --strict",
)
"""What its help shows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `validate`."""
    parser.add_argument("specs", nargs="+", metavar="spec", help=f"{SPECS_HELP}; of recipes, too")
    add_set(parser)
    parser.add_argument(
        "--network", metavar="SPEC", help="see whether recipes fit this network: its outputs, its layers"
    )
    parser.add_argument("--strict", action="store_true", help="let the linter's warnings about recipes end with code 3")
    parser.add_argument("--format", choices=("text", "json"), default="text", help=FORMAT_HELP)


def run_validate(arguments: argparse.Namespace) -> int:
    """Compile each spec; say what is wrong with all of them."""
    found: list[Diagnostic] = []
    warnings: list[Diagnostic] = []
    for spec in arguments.specs:
        if names_recipe(spec):
            wrong, doubtful = _recipe(spec, arguments)
            found, warnings = found + wrong, warnings + doubtful
            continue
        try:
            graph = compiled(spec, arguments)
        except ArchspecError as error:
            held = library(Path(spec))
            found += error.diagnostics if held is None else _library(spec, held, arguments)
            continue
        if arguments.format == "text":
            counts = f"{graph.layer_count} layers, {graph.parameters:,} parameters, {counted(graph.macs)} MACs"
            print(f"{one_line(spec)}: right ({counts})")
            if left_out := left_out_text(graph):
                print(f"  left out    {left_out}")
    if found:  # what is wrong with a library is wrong with each network that includes it
        raise ArchspecError(list({repr(each): each for each in found}.values()))
    if arguments.format == "json":
        print(to_json(warnings))
    elif warnings:
        print(f"\n{to_text(warnings, color=use_color(arguments.color, sys.stderr))}", file=sys.stderr)
    return FAILED if warnings and arguments.strict else OK


def _recipe(name: str, arguments: argparse.Namespace) -> tuple[list[Diagnostic], list[Diagnostic]]:
    """What is wrong with a recipe, and what the linter says of it."""
    from archspec.commands.recipes import checked, summary  # networks alone do not wait for it

    try:
        settings, warnings, note = checked(name, arguments)
    except ArchspecError as error:
        return list(error.diagnostics), []
    if arguments.format == "text":
        print(f"{one_line(name)}: right (a recipe: {summary(settings)}){note}")
    return [], warnings


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
        print(f"{one_line(name)}: right (a library of {count} {'block' if count == 1 else 'blocks'})")
    return []
