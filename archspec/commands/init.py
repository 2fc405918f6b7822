"""`archspec init`: initial weights in a file, the same for everyone. No framework is imported."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from archspec.atomic_files import is_folder
from archspec.commands.shared import (
    OK,
    add_force,
    add_form,
    add_spec,
    compiled,
    name_list,
    parameters_text,
    usage_error,
)
from archspec.digests import check_writable
from archspec.ir.dump import initializer_text
from archspec.ir.graph import LayerGraph
from archspec.reporting import one_line, plain

EXAMPLES: Final = (
    "archspec init resnet50 --seed 0                  # writes resnet50.safetensors",
    "archspec init mine.yaml --set classes=10 -o start.safetensors",
)
"""What its help shows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `init`."""
    add_spec(parser)
    add_form(parser)
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="a whole number (0)")
    parser.add_argument("-o", "--output", help="a .safetensors file, or a folder (NAME.safetensors)")
    parser.add_argument("--taps", metavar="NAME,...", type=name_list, help="only the weights that these tensors need")
    add_force(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how errors are shown")


def run_init(arguments: argparse.Namespace) -> int:
    """Compile, draw, write, and say what was drawn."""
    if arguments.output is not None:
        given = Path(arguments.output)
        if arguments.output in ("", "-") or not (given.suffix in ("", ".safetensors") or is_folder(given)):
            usage_error("-o takes a file whose name ends in .safetensors, or a folder")
    graph = compiled(arguments.spec, arguments)
    path = _path(arguments.output, graph)
    check_writable(path, force=arguments.force)
    from archspec.initialization import draw, metadata, others
    from archspec.weights import write

    begin = time.perf_counter()
    arrays = draw(graph, arguments.seed)
    drawn = time.perf_counter()
    before = others(path, graph, arguments.seed)
    write(path, arrays, graph, metadata(graph, arguments.seed), add_digest=True)
    written = time.perf_counter()
    print(plain(graph.title or graph.name))
    print(f"  {'parameters':<11} {parameters_text(graph)}")
    for line, label in zip(_drawn(graph), ("drawn by", *[""] * len(graph.all_weights)), strict=False):
        print(f"  {label:<11} {line}")
    print(f"  {'seed':<11} {arguments.seed}")
    took = f"drawn in {drawn - begin:.2f} s, written in {written - drawn:.2f} s"
    print(f"  {'weights':<11} {one_line(str(path))} ({took})")
    if before:
        print(f"  {'replaced':<11} {before}")
    return OK


def _path(output: str | None, graph: LayerGraph) -> Path:
    """Where the weights go. What has no suffix is a folder."""
    file = f"{graph.name}{'_taps' if graph.asked else ''}.safetensors"
    path = Path(output or "")
    return path / file if not path.suffix or is_folder(path) else path


def _drawn(graph: LayerGraph) -> Iterator[str]:
    """The initializers, those that draw the most numbers first, with how many weights and numbers each draws."""
    weights, numbers = Counter[str](), Counter[str]()
    for weight in graph.all_weights.values():
        text = initializer_text(weight.initializer).removesuffix("()")
        weights[text] += 1
        numbers[text] += weight.size
    for text, count in numbers.most_common():
        yield f"{text}: {weights[text]} weight{'s' if weights[text] > 1 else ''}, {count:,} numbers"
