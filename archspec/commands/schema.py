"""`archspec schema`: the JSON Schema of specs, and of recipes, for editors."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from archspec.atomic_files import write_text
from archspec.commands.shared import OK, add_force, usage_error, write_out
from archspec.digests import check_writable
from archspec.reporting import one_line
from archspec.schema import schema_text

EXAMPLES: Final = (
    "archspec schema -o schema.json",
    "archspec schema                             # to standard output",
    "archspec schema --recipe -o recipe.schema.json",
)
"""What its help shows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `schema`."""
    parser.add_argument("-o", "--output", metavar="FILE", help="a file; `-` is standard output (-)", default="-")
    parser.add_argument(
        "--recipe", action="store_true", help="the schema of recipes for training, not that of networks"
    )
    add_force(parser)


def run_schema(arguments: argparse.Namespace) -> int:
    """Print the schema, or write it."""
    if arguments.output == "":
        usage_error("-o needs a file, or `-`")
    if arguments.output == "-":
        write_out(_text(arguments))
        return OK
    path = Path(arguments.output)
    check_writable(path, force=arguments.force)
    write_text(path, _text(arguments))
    what = "a recipe" if arguments.recipe else "a spec"
    modeline = f"# yaml-language-server: $schema={one_line(path.name)}"
    print(f"{one_line(str(path))} written; {what} names it in its first line: {modeline}")
    return OK


def _text(arguments: argparse.Namespace) -> str:
    if not arguments.recipe:
        return schema_text()
    from archspec.recipe.schema import recipe_schema_text  # networks alone do not wait for it

    return recipe_schema_text()
