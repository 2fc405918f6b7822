"""What commands share that write training programs and run them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from archspec.commands.progress import progress
from archspec.commands.shared import (
    add_spec,
    add_weights,
    check_weights_usage,
    limits,
    params,
    positive,
    read_spec,
    taken,
    usage_error,
    use_color,
)
from archspec.parity.processes import Participant
from archspec.standard_error import withheld

if TYPE_CHECKING:
    from archspec.codegen.backend import Arrays
    from archspec.training.program import TrainingProgram


def add_program(parser: argparse.ArgumentParser, weights: str) -> None:
    """The network, the recipe, the data, the framework and the weights."""
    add_spec(parser)
    add_recipe(parser, "a path, or the name of one that ships (`list --recipes`)", required=True)
    parser.add_argument(
        "--backend", default="torch", help="torch, keras, or keras:jax and the like: what Keras runs on (torch)"
    )
    add_weights(parser, weights)


def add_recipe(parser: argparse.ArgumentParser, help: str, *, required: bool = False) -> None:
    """The recipe, values for its params, and the data."""
    parser.add_argument("--recipe", metavar="RECIPE", required=required, help=help)
    parser.add_argument(
        "--recipe-set",
        dest="recipe_params",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="give a param of the recipe a value; may stand several times",
    )
    parser.add_argument(
        "--data", metavar="DIR", type=Path, help="where the data are; the digits, which scikit-learn has, need none"
    )


def add_machine(parser: argparse.ArgumentParser) -> None:
    """On what it is run."""
    parser.add_argument(
        "--workers", metavar="N", type=_count, help="processes that make batches; they are the same with any number"
    )
    parser.add_argument("--device", metavar="DEVICE", help="what it runs on, as the framework calls it: cuda, cpu, gpu")


def _count(text: str) -> int:
    return 0 if text == "0" else positive(text)


def made_program(arguments: argparse.Namespace) -> TrainingProgram:
    """The program that a command line asks for; what the linter says of its plan is shown.

    Raises:
        SpecError, TrainingDataError, BackendError: see `archspec.training.program.make_program`.
    """
    from archspec.recipe import load
    from archspec.reporting import to_text
    from archspec.training.program import make_program

    check_weights_usage(arguments)
    if arguments.backend == "":
        usage_error("--backend needs a name")
    bounds = limits(arguments.limits)
    spec = read_spec(arguments.spec, params(arguments.params), bounds, arguments.root)
    given = params(arguments.recipe_params, "--recipe-set")
    recipe = load(arguments.recipe, given, limits=bounds, root=arguments.root)
    with progress() as say:
        say("looking at the data, and writing the program")
        program = make_program(spec, recipe, Participant.parse(arguments.backend).backend, arguments.data)
    if program.plan.findings and arguments.format == "text":
        print(f"{to_text(program.plan.findings, color=use_color(arguments.color, sys.stderr))}\n", file=sys.stderr)
    return program


def given_weights(arguments: argparse.Namespace, program: TrainingProgram) -> Arrays:
    """The weights of the file that the command line names, by canonical name: of a run's, or of any other file.

    Raises:
        WeightsError: the file cannot be read, or does not fit.
    """
    from archspec.training.weights import run_weights

    if (arguments.weights_key, arguments.strip_prefix, arguments.map, arguments.adapt) == (None, None, None, []):
        with withheld():  # Keras may be imported
            found = run_weights(Path(arguments.weights), program.graph, program.backend.name)
        if found is not None:
            return found
    return taken(arguments, program.graph)[0]


def write_program(program: TrainingProgram, folder: Path, weights: Arrays, *, force: bool = False) -> None:
    """Write a program and the weights that it begins with, all of it or nothing.

    Raises:
        OutputError: see `TrainingProgram.write`.
    """
    with withheld():  # Keras may be imported
        program.write(folder, weights, force=force)


def run_arguments(arguments: argparse.Namespace) -> list[str]:
    """The options of the program that both commands hand on."""
    found = ["--data", str(arguments.data.resolve())] if arguments.data is not None else []
    found += ["--workers", str(arguments.workers)] if arguments.workers is not None else []
    found += ["--device", arguments.device] if arguments.device is not None else []
    return found


def environment(arguments: argparse.Namespace) -> dict[str, str]:
    """The variables with which the program runs on what `--backend` names after a colon.

    Raises:
        BackendError, ParityError: the backend does not run on it.
    """
    participant = Participant.parse(arguments.backend)
    return dict(participant.environment()) if participant.engine is not None else {}
