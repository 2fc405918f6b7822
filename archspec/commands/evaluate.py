"""`archspec evaluate`: how good weights are on a recipe's data, by the program that would train them."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Final

from archspec.commands.shared import usage_error
from archspec.commands.training import (
    add_machine,
    add_program,
    environment,
    given_weights,
    made_program,
    run_arguments,
    write_program,
)

EXAMPLES: Final = (
    "archspec evaluate digits_resnet --recipe digits --weights runs/digits/checkpoints/best.safetensors",
    "archspec evaluate resnet50 --recipe imagenet_torchvision --data ~/imagenet --weights resnet50.pth --backend keras",
)
"""What its help shows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `evaluate`."""
    add_program(parser, "canonical names, a PyTorch file, or the checkpoint of a run in any framework")
    add_machine(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how errors are shown")


def run_evaluate(arguments: argparse.Namespace) -> int:
    """Write the program into a temporary folder, and let it measure the weights."""
    if arguments.weights is None:
        usage_error("--weights is needed: which weights are measured")
    from archspec.training.process import run_program
    from archspec.training.program import INITIAL

    program = made_program(arguments)
    variables = environment(arguments)
    program.backend.require()
    weights = given_weights(arguments, program)
    with tempfile.TemporaryDirectory(prefix="archspec-") as name:
        folder = Path(name)
        write_program(program, folder, weights)
        return run_program(folder, [*run_arguments(arguments), "--evaluate", str(folder / INITIAL)], variables)
