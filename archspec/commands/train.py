"""`archspec train`: a network and a recipe to a program that trains, and its run."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archspec.commands.shared import OK, add_force, positive, usage_error
from archspec.commands.training import (
    add_machine,
    add_program,
    environment,
    given_weights,
    made_program,
    run_arguments,
    write_program,
)
from archspec.errors import Diagnostic, OutputError
from archspec.reporting import plain

if TYPE_CHECKING:
    from archspec.training.program import TrainingProgram

EXAMPLES: Final = (
    "archspec train digits_resnet --recipe digits -o runs/digits             # the digits that scikit-learn carries",
    "archspec train cifar_resnet --recipe cifar10_paper --data ~/cifar-10 --backend keras:jax -o runs/cifar",
    "archspec train digits_resnet --recipe digits -o runs/digits --resume    # goes on from its last checkpoint",
    "archspec train mine.yaml --recipe mine_too.yaml -o runs/mine --emit     # only writes the program",
)
"""What its help shows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `train`."""
    add_program(parser, "begin with these: canonical names, a PyTorch file, or a run's checkpoint (drawn by the seed)")
    parser.add_argument(
        "-o", "--output", metavar="RUN", help="the run's folder (runs/SPEC-RECIPE-BACKEND); all of the run is in it"
    )
    parser.add_argument("--emit", action="store_true", help="write the program, and do not run it")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint of the run")
    parser.add_argument("--limit-steps", metavar="N", type=positive, help="end after so many steps: a dry run")
    parser.add_argument(
        "--log-every", metavar="N", type=positive, help="write down the loss of every N-th step (what train.py has: 50)"
    )
    add_machine(parser)
    parser.add_argument("--compile", action="store_true", help="let the framework compile the step: torch.compile")
    add_force(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how errors are shown")


def run_train(arguments: argparse.Namespace) -> int:
    """Write the program, unless a run is gone on with, and run it."""
    if arguments.output == "":
        usage_error("-o needs a folder")
    if arguments.emit and arguments.resume:
        usage_error("--emit only writes the program, --resume goes on with its run: one of the two")
    if arguments.resume and arguments.weights is not None:
        usage_error("--weights is for the beginning of a run, and --resume goes on with one")
    program = made_program(arguments)
    folder = _folder(arguments, program)
    variables = environment(arguments)
    if not arguments.emit:
        program.backend.require()
    edited: list[str] = []
    if arguments.resume:
        edited = program.differing(folder)
    else:
        _write(program, folder, arguments)
    command = run_arguments(arguments) + _options(arguments, folder)
    _report(program, folder, edited, command, variables)
    if arguments.emit:
        return OK
    from archspec.training.process import run_program

    return run_program(folder, command, variables)


def _folder(arguments: argparse.Namespace, program: TrainingProgram) -> Path:
    if arguments.output is not None:
        return Path(arguments.output)
    return Path("runs") / f"{program.graph.name}-{program.plan.name}-{program.backend.name}"


def _write(program: TrainingProgram, folder: Path, arguments: argparse.Namespace) -> None:
    """Write the program and its initial weights.

    Raises:
        OutputError: there is a run in the folder already, or it cannot be written.
        WeightsError: the weights cannot be read, or do not fit.
    """
    from archspec.training.program import HISTORY

    if (folder / HISTORY).exists():
        help = "go on with it with `--resume`, or write to another folder with -o"
        raise OutputError(Diagnostic("E0604", f"there is a run in {folder} already: it has a {HISTORY}", help=help))
    if arguments.weights is not None:
        weights = given_weights(arguments, program)
    else:
        from archspec.initialization import draw

        weights = draw(program.graph, program.plan.seed)
    write_program(program, folder, weights, force=arguments.force)


def _options(arguments: argparse.Namespace, folder: Path) -> list[str]:
    """The options of the program that are those of this command alone."""
    from archspec.training.program import INITIAL

    found = ["--resume"] if arguments.resume else []
    found += ["--weights", str(folder / INITIAL)]
    found += ["--limit-steps", str(arguments.limit_steps)] if arguments.limit_steps is not None else []
    found += ["--log-every", str(arguments.log_every)] if arguments.log_every is not None else []
    return found + (["--compile"] if arguments.compile else [])


def _report(
    program: TrainingProgram, folder: Path, edited: list[str], command: list[str], variables: dict[str, str]
) -> None:
    """What is trained, by which program, and how that is run by itself."""
    plan, graph = program.plan, program.graph
    examples = ", ".join(f"{count:,} for {_ROLES[role]}" for role, count in plan.data.examples.items())
    words = [*(f"{name}={value}" for name, value in variables.items()), "python", str(folder / "train.py"), *command]
    rows = [
        ("recipe", f"{plan.title or plan.name}: {plan.steps:,} steps of {plan.data.batch:,} in {plan.epochs:,} epochs"),
        ("examples", examples),
        ("parameters", f"{graph.parameters:,}"),
        ("program", f"{folder} ({', '.join(name for name in program.files if name.endswith('.py'))})"),
        ("by itself", shlex.join(words)),
    ]
    if edited:
        rows.insert(-1, ("as edited", f"{', '.join(edited)}: what you changed is kept, and is what runs"))
    print(plain(graph.title or graph.name))
    for name, value in rows:
        print(f"  {name:<11} {plain(value)}")
    sys.stdout.flush()


_ROLES: Final = {"train": "training", "validation": "validation", "test": "the test"}
