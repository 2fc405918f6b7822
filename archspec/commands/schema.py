"""`archspec schema`: the JSON Schema of specs, for editors."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from archspec.atomic_files import write_text
from archspec.commands.shared import OK, add_force, usage_error, write_out
from archspec.digests import check_writable
from archspec.schema import schema_text

EXAMPLES: Final = (
    "archspec schema -o schema.json",
    "archspec schema                             # to standard output",
)
"""What its help shows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `schema`."""
    parser.add_argument("-o", "--output", metavar="FILE", help="a file; `-` is standard output (-)", default="-")
    add_force(parser)


def run_schema(arguments: argparse.Namespace) -> int:
    """Print the schema, or write it."""
    if arguments.output == "":
        usage_error("-o needs a file, or `-`")
    if arguments.output == "-":
        write_out(schema_text())
        return OK
    path = Path(arguments.output)
    check_writable(path, force=arguments.force)
    write_text(path, schema_text())
    print(f"{path} written; a spec names it in its first line: # yaml-language-server: $schema={path.name}")
    return OK
