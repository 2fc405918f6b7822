"""`archspec list`: the specs that ship."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import Final

from archspec.api import compile, load
from archspec.commands.shared import FORMAT_HELP, OK, counted
from archspec.reporting import plain
from archspec.spec import Spec, shipped

EXAMPLES: Final = (
    "archspec list",
    "archspec list --names",
    "archspec list --format json",
)
"""What its help shows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `list`."""
    parser.add_argument("--names", action="store_true", help="only the names, one a line")
    parser.add_argument("--format", choices=("text", "json"), default="text", help=FORMAT_HELP)


def run_list(arguments: argparse.Namespace) -> int:
    """A line for each spec, under the heading of its family."""
    names = shipped()
    if arguments.names:
        print(json.dumps(names) if arguments.format == "json" else "\n".join(names))
        return OK
    specs = [load(name) for name in names]
    if arguments.format == "json":
        print(json.dumps([_row(spec) for spec in specs], indent=2))
        return OK
    # What is piped is not cut, so that it is the same everywhere.
    most = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print("\n\n".join("\n".join(line[:most].rstrip() for line in _group(*group)) for group in _families(specs)))
    return OK


def _row(spec: Spec) -> dict[str, object]:
    graph = compile(spec)
    costs = {"parameters": graph.parameters, "macs": graph.macs}
    return {"name": spec.name, "title": spec.title, "family": spec.family, **costs}


def _families(specs: Sequence[Spec]) -> Iterator[tuple[str, list[Spec]]]:
    """The specs under the headings that they give themselves, in the order of their first ones."""
    for family in dict.fromkeys(spec.family for spec in specs):
        yield family, [spec for spec in specs if spec.family == family]


def _group(family: str, specs: Sequence[Spec]) -> Iterator[str]:
    width = max(len(spec.name) for spec in specs)
    yield plain(family) or "Others"
    yield f"  {'name':<{width}}  {'parameters':>12}  {'MACs':>9}  title"
    for spec in sorted(specs, key=lambda spec: _natural(spec.name)):
        graph = compile(spec)
        yield f"  {spec.name:<{width}}  {graph.parameters:>12,}  {counted(graph.macs):>9}  {plain(graph.title)}"


def _natural(name: str) -> list[tuple[int, str]]:
    """A key by which `resnet18` comes before `resnet101`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
