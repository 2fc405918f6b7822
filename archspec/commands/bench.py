"""`archspec bench`: how long a network takes on the engines that are installed."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archspec.bench.contenders import DEFAULT, Contender
from archspec.bench.measurement import ROUNDS, STEPS, BenchResult, measure
from archspec.bench.report import as_dict, to_csv, to_lines, unranked
from archspec.bench.task import TOLERANCES, Task
from archspec.commands.shared import (
    FAILED,
    OK,
    add_force,
    add_form,
    add_spec,
    add_weights,
    check_weights_usage,
    compiled,
    name_list,
    positive,
    taken,
    usage_error,
    weights_options,
)
from archspec.digests import check_writable
from archspec.errors import WeightsError
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec.picture_files import check_picture

if TYPE_CHECKING:
    from archspec.codegen.backend import Arrays

EXAMPLES: Final = (
    "archspec bench resnet50 --batch 32",
    "archspec bench resnet50 --for inference --engines torch,torch+freezing,onnx:openvino",
    "archspec bench resnet18 --training --engines torch,keras:jax",
    "archspec bench mine.yaml --engines torch --model mine.py:make_model --at-least 0.98",
)
"""What its help shows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `bench`."""
    parser.description = (
        "Measure a network on engines in turn, each in a process of its own. The first is what others are compared "
        "with: the ratio of times, and the outputs; an engine whose outputs differ is named and not ranked. The exit "
        "code is 3 where --at-least is not reached, or an engine that was named could not be measured or ranked."
    )
    add_spec(parser)
    add_form(parser)
    parser.add_argument("--batch", metavar="N", type=positive, default=1, help="inputs of a batch (1)")
    parser.add_argument(
        "--engines",
        metavar="NAME,...",
        type=name_list,
        help=f"BACKEND[:ENGINE][+WAY], the first is the measure (as far as installed: {', '.join(DEFAULT)})",
    )
    parser.add_argument(
        "--model",
        metavar="FILE.py:FUNCTION",
        action="append",
        default=[],
        help="beside them, the PyTorch or Keras model that a function of yours makes; the file is run",
    )
    parser.add_argument("--onnx", metavar="FILE", action="append", default=[], help="beside them, an ONNX model")
    parser.add_argument("--training", action="store_true", help="a step of training: forward, backward, update")
    parser.add_argument("--dtype", choices=tuple(TOLERANCES), default="float32", help="(float32)")
    parser.add_argument("--device", help="what models run on, as the framework calls it: cuda, gpu:0")
    parser.add_argument("--threads", metavar="N", type=positive, help="of each framework (as it chooses)")
    parser.add_argument("--rounds", metavar="N", type=positive, default=ROUNDS, help=f"turns of each ({ROUNDS})")
    parser.add_argument(
        "--steps", metavar="N", type=positive, default=STEPS, help=f"of a turn, more where they are short ({STEPS})"
    )
    parser.add_argument("--no-latency", dest="latency", action="store_false", help="do not measure a batch of one, too")
    parser.add_argument(
        "--at-least", metavar="RATIO", type=float, help="fail unless the first is so many times as fast as each other"
    )
    add_weights(parser, "measure with these weights, not with random ones")
    parser.add_argument("--plot", metavar="FILE", type=Path, help="draw the times: .svg, .png or .pdf")
    add_force(parser)
    parser.add_argument(
        "--format", choices=("text", "markdown", "json", "csv"), default="text", help="of what is printed (text)"
    )


def run_bench(arguments: argparse.Namespace) -> int:
    """Measure, show the table, and fail where what was asked for is not reached."""
    check_weights_usage(arguments)
    if arguments.plot is not None:
        check_picture(arguments.plot)
        check_writable(arguments.plot, force=arguments.force)
    graph = compiled(arguments.spec, arguments)
    if not arguments.training:
        graph = evaluated(graph)  # what training alone needs is not computed
    weights = taken(arguments, graph)[0] if arguments.weights is not None else None
    contenders = _contenders(arguments)
    task = Task(graph, arguments.batch, arguments.dtype, arguments.training, arguments.device)
    result = measure(
        task,
        contenders,
        rounds=arguments.rounds,
        steps=arguments.steps,
        threads=arguments.threads,
        latency=arguments.latency,
        weights=weights,
        trained=_trained(arguments, graph) if any(contender.file for contender in contenders) else None,
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )
    if all(row.failed for row in result.rows) and arguments.format != "json":
        print("\n".join(("nothing could be measured", *unranked(result))), file=sys.stderr)
        return FAILED
    print(_text(result, arguments.format))
    if arguments.plot is not None:
        from archspec.bench.plot import draw

        draw(result, arguments.plot)
    return _code(result, arguments)


def _contenders(arguments: argparse.Namespace) -> list[Contender]:
    given = [*dict.fromkeys(Contender.parse(text) for text in arguments.engines or DEFAULT)]
    if arguments.engines is None:
        given = [found for found in given if not found.missing(arguments.dtype, training=arguments.training)]
    rivals = [Contender.of_function(text) for text in arguments.model]
    found = [*given, *rivals, *(Contender.of_model(path) for path in arguments.onnx)]
    if not found:
        usage_error("no engine is installed: install one, as with `pip install torch`")
    return found


def _trained(arguments: argparse.Namespace, graph: LayerGraph) -> Arrays | None:
    """The weights of which those of a form for inference were made, whose names a rival may have; None if not known."""
    from archspec.weights import read_weights

    if arguments.weights is None or graph.training_form is None:
        return None
    with suppress(WeightsError):  # they were folded before
        return read_weights(arguments.weights, evaluated(graph.training_form), **weights_options(arguments))[0]
    return None


def _code(result: BenchResult, arguments: argparse.Namespace) -> int:
    """Whether all that was named was measured and ranked, and the first is fast enough."""
    named = arguments.engines is not None
    wrong = [row for row in result.rows if not row.ranked(result.task) and (named or not row.failed)]
    if arguments.at_least is None:
        return FAILED if wrong else OK
    slow = [
        row
        for row in result.rows[1:]
        if row.ratio is not None and row.ranked(result.task) and row.ratio.value < arguments.at_least
    ]
    for row in slow:
        assert row.ratio is not None
        compared = f"{result.rows[0].contender.label} is {row.ratio.value:.3f} times as fast as {row.contender.label}"
        print(f"{compared}; {arguments.at_least:g} is asked for", file=sys.stderr)
    return FAILED if wrong or slow or len(result.ranking) < 2 else OK


def _text(result: BenchResult, format: str) -> str:
    match format:
        case "json":
            return json.dumps(as_dict(result), indent=2)
        case "csv":
            return to_csv(result).rstrip()
    return "\n".join(to_lines(result, markdown=format == "markdown"))
