"""`archspec graph`: draw a network, a block, or some side by side. No framework is imported."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from archspec.analysis.levels import LEVELS, Level
from archspec.commands.shared import (
    OK,
    SPECS_HELP,
    add_force,
    add_form,
    add_set,
    compiled,
    positive,
    usage_error,
    write_out,
)
from archspec.diagram.files import SUFFIXES, check
from archspec.diagram.theme import THEMES
from archspec.digests import check_writable
from archspec.inspection import draw
from archspec.ir.graph import LayerGraph
from archspec.reporting import one_line

EXAMPLES: Final = (
    "archspec graph resnet50 -o resnet50.svg      # also .png, .pdf, .html, .dot, .mmd, .json, .graphml",
    "archspec graph resnet50 -o resnet50.html     # a page: fold, search, see the source",
    "archspec graph resnet50 --block bottleneck --vary stride_on=conv1,conv2 -o strides.svg",
    "archspec graph resnet50 resnet50_v1 -o versions.svg      # two networks, with what differs",
)
"""What its help shows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `graph`."""
    parser.description = (
        "Draw a network, or several side by side; of two it marks what differs. The suffix of the file says in which "
        f"form: {', '.join(SUFFIXES)}."
    )
    parser.add_argument("specs", nargs="+", metavar="spec", help=SPECS_HELP)
    parser.add_argument("-o", "--output", metavar="FILE", help="(NAME.svg, of the first spec); - prints an SVG file")
    parser.add_argument("--level", choices=LEVELS, help="a box a stage, each distinct unit once, or every layer (unit)")
    parser.add_argument("--block", metavar="NAME", help="one block alone: each of its forms, or one for each network")
    parser.add_argument(
        "--vary",
        metavar="NAME=VALUE,VALUE",
        action="append",
        default=[],
        help="draw one spec several times, with these values of a param, side by side",
    )
    parser.add_argument(
        "--title",
        dest="titles",
        metavar="TEXT",
        action="append",
        default=[],
        help="what stands above a network; once for each of them",
    )
    parser.add_argument("--horizontal", action="store_true", help="let the data go to the right, not down")
    parser.add_argument(
        "--columns",
        type=positive,
        metavar="N",
        help="set a long picture in N columns at most (as fits; 1: in one piece)",
    )
    parser.add_argument("--theme", choices=tuple(THEMES), default="light", help="(light)")
    parser.add_argument("--parameters", action="store_true", help="say on the boxes how many parameters they have")
    parser.add_argument("--macs", action="store_true", help="say on the boxes how many multiply-adds they take")
    add_set(parser)
    add_form(parser)
    add_force(parser)


def run_graph(arguments: argparse.Namespace) -> int:
    """Compile, draw, and write."""
    printed = arguments.output == "-"
    if arguments.output is not None and not printed:
        check(Path(arguments.output))
    _refuse_what_says_nothing(arguments)
    graphs, settings = _graphs(arguments)
    titles = arguments.titles or settings
    if titles and len(titles) != len(graphs):
        usage_error(f"--title stands once for each network: there are {len(graphs)}")
    level: Level = arguments.level or "unit"
    drawing = draw(
        *graphs,
        level=level,
        block=arguments.block,
        horizontal=arguments.horizontal,
        theme=arguments.theme,
        parameters=arguments.parameters,
        macs=arguments.macs,
        titles=titles,
        columns=arguments.columns,
    )
    for drawn in drawing.panels:
        if arguments.block is None and drawn.level != level:
            name = drawn.graph.name
            print(
                f"archspec: {name} has too many boxes at level {level}: drawn by {drawn.level}",
                file=sys.stderr,
            )
    if printed:
        write_out(drawing.svg())
        return OK
    path = Path(arguments.output or f"{graphs[0].name}.svg")
    check_writable(path, force=arguments.force)
    there = path.exists()
    drawing.save(path)
    print(f"{one_line(str(path))} {'replaced' if there else 'written'}")
    return OK


def _graphs(arguments: argparse.Namespace) -> tuple[list[LayerGraph], list[str]]:
    """The networks, and what stands above them where it is not their own titles."""
    if not arguments.vary:
        return [compiled(spec, arguments) for spec in arguments.specs], []
    if len(arguments.vary) > 1:
        usage_error("--vary is for one param; --set gives others a value")
    name, _, given = arguments.vary[0].partition("=")
    values = _listed(given)
    if not name.strip() or not all(values):
        usage_error(f"--vary takes NAME=VALUE,VALUE, this is `{arguments.vary[0]}`")
    if len(arguments.specs) > 1:
        usage_error("--vary is for one spec")
    settings = [f"{name.strip()}={value}" for value in values]
    graphs = [
        compiled(arguments.specs[0], argparse.Namespace(**{**vars(arguments), "params": [*arguments.params, setting]}))
        for setting in settings
    ]
    return graphs, settings


def _refuse_what_says_nothing(arguments: argparse.Namespace) -> None:
    """An option that the picture would not show is a mistake of the command line, not something to pass over."""
    suffix = Path(arguments.output or "").suffix
    if arguments.block is not None and arguments.level is not None:
        usage_error("--level is for whole networks: a block is drawn with all its layers")
    if suffix in (".json", ".graphml"):
        given = [
            f"--{name}"
            for name in ("block", "level", "horizontal", "parameters", "macs", "titles", "columns")
            if getattr(arguments, name)
        ]
        if given:
            usage_error(f"{' and '.join(given)} would change nothing: {suffix} files have the whole layer graph")


def _listed(text: str) -> list[str]:
    """What commas separate; those in brackets belong to a value, which may be a list itself."""
    found, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and not depth:
            found.append("")
        else:
            found[-1] += character
    return [value.strip() for value in found]
