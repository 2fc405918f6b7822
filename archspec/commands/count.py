"""`archspec count`: what networks cost. No framework is imported."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from typing import Final

from archspec.analysis.counting import DTYPE_BYTES, count
from archspec.analysis.counting_table import NOTE, by_stage, in_all
from archspec.analysis.paper import paper_dict, paper_table
from archspec.analysis.tables import Table, to_latex, to_markdown, to_text
from archspec.commands.shared import OK, SPECS_HELP, add_form, add_set, compiled
from archspec.ir.graph import LayerGraph

RENDER: Final[dict[str, Callable[[Table], str]]] = {"text": to_text, "markdown": to_markdown, "latex": to_latex}


EXAMPLES: Final = (
    "archspec count resnet50",
    "archspec count resnet18 resnet50 --form paper",
)
"""What its help shows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `count`."""
    parser.add_argument("specs", nargs="+", metavar="spec", help=SPECS_HELP)
    add_set(parser)
    add_form(parser)
    parser.add_argument(
        "--form",
        choices=("stages", "totals", "paper"),
        help="by stage, in all, or as in the ResNet paper's Table 1 (stages; for several specs totals)",
    )
    parser.add_argument("--dtype", choices=tuple(DTYPE_BYTES), default="float32", help="of the weight bytes (float32)")
    parser.add_argument("--format", choices=("text", "markdown", "latex", "json"), default="text", help="(text)")


def run_count(arguments: argparse.Namespace) -> int:
    """Count each spec, and show them side by side."""
    graphs = [compiled(spec, arguments) for spec in arguments.specs]
    form: str = arguments.form or ("stages" if len(graphs) == 1 else "totals")
    if arguments.format == "json":
        data = paper_dict(graphs) if form == "paper" else [count(graph).as_dict(arguments.dtype) for graph in graphs]
        print(json.dumps(data, indent=2))
        return OK
    print("\n".join(map(RENDER[arguments.format], tables(graphs, form, arguments.dtype))), end="")
    if arguments.format == "text" and form != "paper":
        print(f"\n{NOTE.format(dtype=arguments.dtype)}")
    return OK


def tables(graphs: Sequence[LayerGraph], form: str, dtype: str) -> list[Table]:
    """The tables of a form: one for each network by stage, else one for all."""
    if form == "paper":
        return [paper_table(graphs)]
    found = [count(graph) for graph in graphs]
    return [by_stage(network, dtype) for network in found] if form == "stages" else [in_all(found, dtype)]
