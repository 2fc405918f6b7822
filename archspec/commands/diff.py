"""`archspec diff`: what differs between two networks. No framework is imported."""

from __future__ import annotations

import argparse
import json
from typing import Final

from archspec.analysis.diff_text import to_dict, to_lines
from archspec.analysis.graph_diff import diff
from archspec.api import FORMS
from archspec.commands.shared import FAILED, FORMAT_HELP, OK, SPEC_HELP, add_set, compiled

EXAMPLES: Final = (
    "archspec diff resnet50 resnet50_v1",
    "archspec diff resnet50 resnet50 --set-a stride_on=conv1",
    "archspec diff resnet50 resnet50 --for-b inference       # which layers are folded",
)
"""What its help shows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `diff`."""
    parser.description = (
        "Say what differs between two networks. The exit code is 0 where nothing does, 3 where something does; "
        "the names and titles of the two do not matter."
    )
    parser.add_argument("a", help=SPEC_HELP)
    parser.add_argument("b", help="another; or the same, with other params")
    add_set(parser)
    for side in ("a", "b"):
        parser.add_argument(
            f"--set-{side}",
            dest=f"params_{side}",
            metavar="NAME=VALUE",
            action="append",
            default=[],
            help=f"give a param of {side} alone a value; may stand several times (--set is for both)",
        )
        parser.add_argument(
            f"--for-{side}", dest=f"form_{side}", choices=FORMS, default=FORMS[0], help=f"the form of {side} to compare"
        )
    parser.add_argument("--format", choices=("text", "json"), default="text", help=FORMAT_HELP)


def run_diff(arguments: argparse.Namespace) -> int:
    """Compile both and compare them."""
    sides = [(arguments.a, arguments.params_a, arguments.form_a), (arguments.b, arguments.params_b, arguments.form_b)]
    graphs = []
    for spec, own, form in sides:
        given = {**vars(arguments), "params": [*arguments.params, *own], "network_form": form}
        graphs.append(compiled(spec, argparse.Namespace(**given)))
    found = diff(*graphs)
    labels = [
        ", ".join([graph.name, *own, *(["for inference"] if form == "inference" else [])])
        for graph, (_, own, form) in zip(graphs, sides, strict=True)
    ]
    if arguments.format == "json":
        print(json.dumps(to_dict(found, *labels), indent=2))
    else:
        print("\n".join(to_lines(found, *labels)))
    return OK if found.equal else FAILED
