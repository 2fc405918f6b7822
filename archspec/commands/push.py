"""`archspec push`: a network and its weights as a repository on the Hugging Face hub. No framework is imported."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path
from typing import Final

from archspec.commands.shared import (
    OK,
    add_force,
    add_spec,
    add_weights_options,
    limits,
    named_owner,
    params,
    usage_error,
    weights_options,
)
from archspec.reporting import plain

EXAMPLES: Final = (
    "archspec push resnet50 someone/resnet50 --weights checkpoint.pth --license apache-2.0",
    "archspec push mine.yaml --weights mine.safetensors -o repository/    # its files, without uploading them",
)
"""What its help shows."""
_REPOSITORY: Final = re.compile(r"[\w.-]+/[\w.-]+")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `push`."""
    add_spec(parser)
    parser.add_argument("repository", nargs="?", metavar="OWNER/NAME", help="the repository, made if it is not there")
    parser.add_argument("--weights", metavar="FILE", required=True, help="of any format that is read")
    add_weights_options(parser)
    parser.add_argument("--license", metavar="NAME", default="", help="of the weights, as the hub names it")
    parser.add_argument("--private", action="store_true", help="seen by its owner alone, where it is made now")
    parser.add_argument("-o", "--output", metavar="FOLDER", help="write the files there, and upload nothing")
    add_force(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how errors are shown (text)")


def run_push(arguments: argparse.Namespace) -> int:
    """Write the files, and upload them."""
    from archspec.hub import upload, write_repository

    if (arguments.repository is None) == (arguments.output is None):
        usage_error("name a repository, OWNER/NAME, to upload to, or a folder with -o")
    if arguments.repository is not None and not _REPOSITORY.fullmatch(arguments.repository):
        usage_error(
            f"`{plain(arguments.repository)}` is no repository of the hub: write OWNER/NAME, or a folder with -o"
        )
    with tempfile.TemporaryDirectory(prefix="archspec-push-") as temporary:
        folder = Path(arguments.output if arguments.output is not None else temporary)
        with named_owner(arguments.weights, Path(arguments.spec).stem):
            graph, report = write_repository(
                folder,
                arguments.spec,
                arguments.weights,
                license=arguments.license,
                options=weights_options(arguments),
                force=arguments.force,
                limits=limits(arguments.limits),
                root=arguments.root,
                **params(arguments.params),
            )
        for doubt in report.doubts:
            print(f"warning: {plain(doubt)}", file=sys.stderr)
        where = str(folder)
        if arguments.repository is not None:
            where = upload(folder, arguments.repository, private=arguments.private)
    print(f"{plain(graph.name)} and its {len(graph.all_weights)} weights are in {plain(where)}")
    for note in report.notes:
        print(f"  {plain(note)}")
    return OK
