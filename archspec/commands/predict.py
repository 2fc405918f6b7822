"""`archspec predict`: what is in images, by a network and its weights, on any backend."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from archspec.commands.shared import (
    OK,
    add_spec,
    add_weights,
    limits,
    params,
    positive,
    read_spec,
    taken,
)
from archspec.process_exit import WRONG
from archspec.reporting import plain
from archspec.weights_addresses import same_file

if TYPE_CHECKING:
    from archspec.prediction import ImageError, Prediction, PredictionError
    from archspec.spec import Pretrained
    from archspec.weights import WeightsReport

EXAMPLES: Final = (
    "archspec predict resnet50 --weights resnet50-11ad3fa6.pth cat.jpg dog.jpg",
    "archspec predict resnet50 cat.jpg --backend keras:jax --top 3    # the weights that the spec names",
    "archspec predict hf://someone/mine cat.jpg --json",
)
"""What its help shows."""
_SHOWN: Final = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `predict`."""
    add_spec(parser)
    parser.add_argument("images", nargs="+", metavar="image", help="files of images")
    add_weights(parser, "a weights file of any library (the one that the spec names under `pretrained`)")
    parser.add_argument(
        "--backend",
        default="torch",
        metavar="NAME",
        help="torch, keras, onnx, openvino; behind a colon the engine, as in keras:jax or onnx:openvino (torch)",
    )
    parser.add_argument("--top", type=positive, default=5, metavar="COUNT", help="classes for each image (5)")
    parser.add_argument("--json", dest="format", action="store_const", const="json", help="the same as --format json")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how results are shown (text)")


def run_predict(arguments: argparse.Namespace) -> int:
    """Prepare the images, run the network, show its classes."""
    from archspec.api import compile
    from archspec.parity.processes import Participant, check_installed
    from archspec.prediction import (
        Predictor,
        Preprocessing,
        Ranking,
        not_named,
        pretrained_of,
        pretrained_weights,
    )
    from archspec.prediction.preprocessing import check_pillow

    participant = Participant.parse(arguments.backend)
    check_installed([participant])
    check_pillow()
    given, bounds = params(arguments.params), limits(arguments.limits)
    spec = read_spec(arguments.spec, given, bounds, arguments.root)
    graph, pretrained = compile(spec), pretrained_of(spec, arguments.weights)
    preprocessing = Preprocessing.of(pretrained, graph)
    Ranking.of(graph, ())  # before weights are downloaded: it ends in a classifier
    # A file may be of a training of one's own. At an address others' weights lie, for which images may be other ones.
    unknown = not_named(spec, arguments.weights)
    if unknown is not None and "://" in arguments.weights:
        print(f"warning: {plain(unknown.message)}: {plain(unknown.help)}", file=sys.stderr)
    named = pretrained.weights if pretrained is not None else None
    # A file is taken as it is given; at an address lies what the spec has a digest of.
    if arguments.weights is None or (named is not None and "://" in named and same_file(arguments.weights, named)):
        arguments.weights = str(pretrained_weights(spec, arguments.spec, arguments.weights))
    arrays, report = taken(arguments, graph)
    _say(report)
    ranking = Ranking.of(graph, _class_names(pretrained, arguments.adapt, report))
    if ranking.doubt:
        print(f"warning: {plain(ranking.doubt)}", file=sys.stderr)
    if any(note.startswith("read by") for note in report.notes):  # another library's, whose images may be others
        print(
            f"note: images are prepared as the spec says of its weights: {plain(preprocessing.said)}", file=sys.stderr
        )
    os.environ.update(participant.environment())  # before the framework is imported
    predictor = Predictor(graph, participant.backend, arrays, preprocessing, ranking)
    shown: list[dict[str, Any]] = []
    failed = False
    for image, found in predictor.predictions(arguments.images, arguments.top):
        failed |= not isinstance(found, list)
        if arguments.format == "json":
            shown.append(_as_dict(image, found))
        else:
            _show(image, found)
    if arguments.format == "json":
        print(json.dumps(shown, indent=2, allow_nan=False))
    return WRONG if failed else OK


def _class_names(pretrained: Pretrained | None, adapt: Sequence[str], report: WeightsReport) -> tuple[str, ...]:
    """The names of the network's classes: the spec's, or those that `--adapt` takes of a file of as many classes."""
    from archspec.weights.adaptation import Adaptation

    names = (pretrained.classes if pretrained is not None else None) or ()
    chosen = Adaptation.parse(adapt).classes
    return tuple(names[index] for index in chosen) if chosen and report.classes == len(names) else names


def _say(report: WeightsReport) -> None:
    """How the weights were found, and what was done to them, on standard error: results alone go to the other."""
    for note in report.notes:
        print(f"note: {plain(note)}", file=sys.stderr)
    if report.drawn:
        drawn = f"{', '.join(report.drawn[:_SHOWN])}{' ...' if len(report.drawn) > _SHOWN else ''}"
        print(
            f"warning: {plain(drawn)}: drawn anew, so that the classes mean nothing before a training", file=sys.stderr
        )


def _show(image: str, found: list[Prediction] | ImageError | PredictionError) -> None:
    if not isinstance(found, list):
        sys.stdout.flush()
        print(f"error: {plain(image)}: {plain(str(found))}", file=sys.stderr)
        return
    print(plain(image))
    for each in found:
        name = f"{plain(each.name)} ({each.index})" if each.name else f"class {each.index}"
        print(f"  {each.probability:8.2%}  {name}")


def _as_dict(image: str, found: list[Prediction] | ImageError | PredictionError) -> dict[str, Any]:
    if not isinstance(found, list):
        return {"image": image, "error": str(found)}
    classes = [{"class": each.index, "name": each.name, "probability": each.probability} for each in found]
    return {"image": image, "classes": classes}
