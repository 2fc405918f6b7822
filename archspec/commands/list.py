"""`archspec list`: the specs that ship."""

from __future__ import annotations

import argparse
import json

from archspec.analysis.tables import plain
from archspec.api import compile
from archspec.commands.shared import FORMAT_HELP, OK, counted
from archspec.spec import shipped


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `list`."""
    parser.add_argument("--names", action="store_true", help="only the names, one a line")
    parser.add_argument("--format", choices=("text", "json"), default="text", help=FORMAT_HELP)


def run(arguments: argparse.Namespace) -> int:
    """A line for each spec."""
    names = shipped()
    if arguments.names:
        print(json.dumps(names) if arguments.format == "json" else "\n".join(names))
        return OK
    graphs = [compile(name) for name in names]
    if arguments.format == "json":
        rows = [
            {"name": graph.name, "title": graph.title, "parameters": graph.parameters, "macs": graph.macs}
            for graph in graphs
        ]
        print(json.dumps(rows, indent=2))
        return OK
    width = max(map(len, names), default=0)
    print(f"{'name':<{width}}  {'parameters':>12}  {'MACs':>9}  title")
    for graph in graphs:
        print(f"{graph.name:<{width}}  {graph.parameters:>12,}  {counted(graph.macs):>9}  {plain(graph.title)}")
    return OK
