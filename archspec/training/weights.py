"""Weights of a run in any framework, by canonical name."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from archspec.codegen.backend import Arrays
from archspec.codegen.registry import backend as find_backend
from archspec.codegen.registry import backends
from archspec.errors import BackendError, Diagnostic, WeightsError
from archspec.ir.graph import LayerGraph
from archspec.training.backend import WritesTraining
from archspec.training.parts.records import load_checkpoint

_AVERAGE: Final = "ema/"
"""What stands before the names of averaged weights in a checkpoint: they are what is evaluated."""


def run_weights(path: Path, graph: LayerGraph, first: str) -> Arrays | None:
    """The weights of a run's checkpoint by canonical name, averaged ones where there are any.

    Args:
        path: a file.
        graph: the network.
        first: the backend whose names are tried first.

    Returns:
        None where the file is no checkpoint of a run: it is read as any other file of weights.

    Raises:
        WeightsError: it is one, and of another network.
    """
    if path.suffix != ".safetensors" or not path.is_file():
        return None
    arrays: dict[str, Any]
    state: dict[str, Any]
    try:
        arrays, state = load_checkpoint(path)
    except SystemExit:  # whoever reads it as a file of weights says what is wrong with it
        return None
    averaged = {name.removeprefix(_AVERAGE): each for name, each in arrays.items() if name.startswith(_AVERAGE)}
    arrays |= averaged
    shapes = {name: weight.shape for name, weight in graph.all_weights.items()}
    for name in sorted(backends(), key=lambda name: name != first):
        with suppress(BackendError):
            found = find_backend(name, WritesTraining).from_checkpoint(graph, arrays)
            if {weight: array.shape for weight, array in found.items()} == shapes:
                return found
    if not state:
        return None
    message = f"{path} is a checkpoint of a run, and not one of {graph.name} as it is here"
    help = "give the network that was trained, with the same --set: it is spec.yaml in the run's folder"
    raise WeightsError(Diagnostic("E0702", message, help=help))
