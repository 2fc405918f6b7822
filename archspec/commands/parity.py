"""`archspec parity`: do the frameworks agree on this network?"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from archspec.analysis.tables import to_markdown, to_text
from archspec.api import compile, form_of
from archspec.commands.shared import (
    FAILED,
    OK,
    add_force,
    add_spec,
    add_weights,
    check_weights_usage,
    compiled,
    limits,
    name_list,
    params,
    positive,
    read_spec,
    taken,
    usage_error,
    with_way_out,
)
from archspec.commands.training import add_recipe
from archspec.digests import check_writable
from archspec.errors import BackendError, ParityError
from archspec.ir.tensor_type import SPATIAL
from archspec.parity.comparison import DEFAULT_PARTICIPANTS, FORM_TOLERANCES, Progress, compare
from archspec.parity.plan import DTYPES, KINDS, Size
from archspec.parity.processes import Participant, ProcessPool
from archspec.parity.report import Report
from archspec.parity.report_text import to_lines
from archspec.reporting import one_line, plain

EXAMPLES: Final = (
    "archspec parity mine.yaml",
    "archspec parity resnet50 --weights resnet50.safetensors",
    "archspec parity resnet18 --backends torch,onnx:onnxruntime --check inference",
    "archspec parity resnet18 --check inference --plot error.svg",
    "archspec parity resnet50 --for inference --backends torch    # does the form for inference compute the same?",
    "archspec parity digits_resnet --recipe digits --steps 50          # is it the same training?",
    "archspec parity cifar_resnet --recipe cifar10_paper --data digits   # digits in the place of photographs",
)
"""What its help shows."""

_PAUSE: Final = 5.0
"""Seconds between two lines of progress, at the least."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `parity`."""
    add_spec(parser)
    parser.add_argument(
        "--for",
        dest="compared_form",
        choices=("inference",),
        help="hold the network's form for inference against the network as it is trained, on each backend by itself",
    )
    default = ",".join(participant.label for participant in DEFAULT_PARTICIPANTS)
    parser.add_argument(
        "--backends", type=name_list, default=default, help=f"two or more, the first is the measure ({default})"
    )
    parser.add_argument("--dtype", choices=DTYPES, action="append", help="may stand twice (both)")
    parser.add_argument("--check", choices=KINDS, action="append", help="may stand several times (all)")
    parser.add_argument(
        "--size",
        metavar="HxW",
        type=_size,
        action="append",
        help="of the inputs along their spatial axes; may stand several times; what trains is at the smallest (the "
        "spec's own, and a smaller one that the network takes)",
    )
    parser.add_argument(
        "--taps", metavar="NAME,...", type=name_list, help="compare the network that gives these tensors"
    )
    add_weights(parser, "compare on these weights, not on random ones")
    parser.add_argument("--batch", type=positive, help="how many inputs (2)")
    parser.add_argument("--seed", type=int, help="of random weights and inputs (0)")
    parser.add_argument("--passes", type=positive, help="in training mode, before statistics (3)")
    parser.add_argument("--steps", type=positive, help="of the training run (3; by a recipe 200)")
    parser.add_argument("--learning-rate", metavar="RATE", type=_number, help="of the training run (0.01)")
    parser.add_argument("--momentum", type=_number, help="of the training run (0.9)")
    add_recipe(parser, "train by this recipe, and compare its programs: a path, or the name of one that ships")
    parser.add_argument(
        "--tolerance",
        metavar="DTYPE[.CHECK]=VALUE",
        type=_tolerance,
        action="append",
        default=[],
        help="the difference that is allowed in a dtype, or in one check of it; may stand several times "
        "(docs/parity.md has the usual ones)",
    )
    parser.add_argument(
        "--no-layers", dest="layers", action="store_const", const=False, help="compare only what the network gives"
    )
    parser.add_argument("--plot", metavar="FILE", type=Path, help="draw the error by depth: .svg, .png or .pdf")
    add_force(parser)
    parser.add_argument(
        "--format", choices=("text", "markdown", "json"), default="text", help="how errors and results are shown"
    )


def run_parity(arguments: argparse.Namespace) -> int:
    """Compare, show the tables, and fail past the tolerance."""
    if arguments.plot is not None:
        from archspec.picture_files import check_picture

        if arguments.layers is False or "inference" not in (arguments.check or KINDS):
            usage_error("--plot draws the layers in inference: not with --no-layers, nor with other checks alone")
        check_picture(arguments.plot)
        check_writable(arguments.plot, force=arguments.force)
    check_weights_usage(arguments)
    with _other_backends(), _progress() as progress:
        if arguments.compared_form is not None:
            reports = list(_of_forms(arguments, progress))
        elif arguments.recipe is None:
            reports = [_of_models(arguments, progress)]
        else:
            reports = [_of_recipe(arguments, progress)]
    if arguments.format == "json" and arguments.compared_form is not None:
        print(json.dumps([report.as_dict() for report in reports], indent=2, allow_nan=False))
        return OK if all(report.agrees for report in reports) else FAILED
    return max([_shown(report, arguments) for report in reports])


def _of_forms(arguments: argparse.Namespace, progress: Progress) -> Iterator[Report]:
    """The form for inference against the network as it is trained, a report for each backend."""
    if arguments.recipe is not None:
        usage_error("--for inference compares models, --recipe programs: one of the two")
    if set(arguments.check or ("inference",)) != {"inference"}:
        usage_error("a form for inference is compared in inference: leave --check out")
    if arguments.plot is not None:
        usage_error("--plot draws the layers, which two forms do not have in common")
    graph = compiled(arguments.spec, arguments)
    if form_of(graph, "inference") is graph:
        print(f"{graph.name} has nothing to fold: the two forms are one", file=sys.stderr)
    weights = taken(arguments, graph)[0] if arguments.weights is not None else None
    given = {name: value for name, value in _given(arguments).items() if name in ("batch", "seed")}
    with ProcessPool() as pool:
        for text in arguments.backends:
            one = Participant.parse(text)
            yield compare(
                graph,
                [one, replace(one, form="inference")],
                dtypes=arguments.dtype or DTYPES,
                checks=("inference",),
                sizes=arguments.size,
                weights=weights,
                layers=False,
                tolerances=FORM_TOLERANCES | dict(arguments.tolerance),
                progress=progress,
                pool=pool,
                **given,
            )


def _of_models(arguments: argparse.Namespace, progress: Progress) -> Report:
    """The models of a network on the same weights and inputs."""
    if arguments.data is not None or arguments.recipe_params:
        usage_error("--data and --recipe-set are for training by a --recipe")
    graph = compiled(arguments.spec, arguments)
    weights = None
    if arguments.weights is not None:
        weights, _ = taken(arguments, graph)
    return compare(
        graph,
        [Participant.parse(text) for text in arguments.backends],
        dtypes=arguments.dtype or DTYPES,
        checks=arguments.check or KINDS,
        sizes=arguments.size,
        weights=weights,
        tolerances=dict(arguments.tolerance),
        progress=progress,
        **_given(arguments),
    )


def _given(arguments: argparse.Namespace) -> dict[str, Any]:
    """The options that `compare` has defaults for, of those that are given."""
    return {key: value for key, value in vars(arguments).items() if key in _OF_MODELS and value is not None}


_OF_MODELS: Final = ("batch", "seed", "passes", "steps", "learning_rate", "momentum", "layers")
"""Options that `compare` has defaults for."""


def _of_recipe(arguments: argparse.Namespace, progress: Progress) -> Report:
    """The programs that train a network by a recipe."""
    from archspec.parity.recipes.comparison import STEPS, TOLERANCE, compare_recipe
    from archspec.recipe import load

    others = ("dtype", "check", "size", "taps", "plot", *(name for name in _OF_MODELS if name != "steps"))
    for name in others:
        if getattr(arguments, name) is not None:
            option = "--no-layers" if name == "layers" else f"--{name.replace('_', '-')}"
            usage_error(f"{option} compares models: by a --recipe the recipe says it")
    tolerances: dict[str, float] = dict(arguments.tolerance)
    if unknown := tolerances.keys() - {"float64", "float64.run"}:
        usage_error(f"--tolerance {min(unknown)}: programs are compared in float64 alone")
    bounds = limits(arguments.limits)
    spec = read_spec(arguments.spec, params(arguments.params), bounds, arguments.root)
    recipe = load(arguments.recipe, params(arguments.recipe_params, "--recipe-set"), limits=bounds, root=arguments.root)
    weights = None if arguments.weights is None else taken(arguments, compile(spec))[0]
    return compare_recipe(
        spec,
        recipe,
        [Participant.parse(text) for text in arguments.backends],
        data="digits" if arguments.data == Path("digits") and not arguments.data.is_dir() else arguments.data,
        weights=weights,
        steps=arguments.steps or STEPS,
        tolerance=tolerances.get("float64.run", tolerances.get("float64", TOLERANCE)),
        progress=progress,
    )


def _shown(report: Report, arguments: argparse.Namespace) -> int:
    """Print the report, what is to blame, and the verdict; the exit code."""
    lines = _lines(report, arguments.format)
    print("\n".join(lines[:-1]))
    if arguments.plot is not None:
        from archspec.parity.plot import draw

        draw(report, arguments.plot)
        if arguments.format == "text":
            print(f"picture: {one_line(str(arguments.plot))}\n")
    code = OK
    try:
        report.require()
    except ParityError as error:
        sys.stdout.flush()
        print(f"{error}\n", file=sys.stderr, flush=True)
        code = FAILED
    print(lines[-1])  # the verdict, again: below all that is said of it
    return code


def _lines(report: Report, format: str) -> list[str]:
    if format == "json":
        return json.dumps(report.as_dict(), indent=2, allow_nan=False).splitlines()
    return list(to_lines(report, to_markdown if format == "markdown" else to_text))


@contextmanager
def _other_backends() -> Iterator[None]:
    """Where one of the frameworks is not installed, others can be compared."""
    try:
        yield
    except BackendError as error:
        raise with_way_out(error, "or name others with `--backends`") from None


@contextmanager
def _progress() -> Iterator[Progress]:
    """On standard error: a bar where that is a terminal, else a line now and then."""
    if not sys.stderr.isatty():
        yield _ProgressLines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("")
        yield lambda what, done, total: bar.update(task, description=plain(what), completed=done, total=total)


class _ProgressLines:
    """A line for what is done next, where the last is some seconds old; a quick comparison has none."""

    def __init__(self) -> None:
        self._last = self._start = time.monotonic()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Say what is done next."""
        now = time.monotonic()
        if now - self._last >= _PAUSE:
            self._last = now
            print(f"parity: {done} of {total}, {now - self._start:.0f} s: {plain(what)}", file=sys.stderr, flush=True)


def _size(text: str) -> Size:
    sizes = text.split("x")
    if len(sizes) <= len(SPATIAL) and all(size.isdecimal() and int(size) for size in sizes):
        return tuple(map(int, sizes))
    raise argparse.ArgumentTypeError(
        f"`{text}` is no size along each spatial axis, as 224x160 of an image, 4000 of a signal, 16x112x112 of a volume"
    )


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"`{text}` is not a number, 0 or more")
    return value


def _tolerance(text: str) -> tuple[str, float]:
    key, equals, value = text.partition("=")
    dtype, dot, kind = key.partition(".")
    if not equals or dtype not in DTYPES or (dot and kind not in KINDS):
        raise argparse.ArgumentTypeError(f"`{text}` is not of the form float32=1e-4 or float64.run=1e-8")
    return key, _number(value)
