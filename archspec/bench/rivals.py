"""Models that somebody else has written, beside those that archspec generates."""

from __future__ import annotations

import runpy
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archspec.bench.backend import TimedModel, TimesModels
from archspec.bench.contenders import Contender
from archspec.bench.task import Task
from archspec.codegen.registry import backend as find
from archspec.errors import ArchspecError, BackendError, Diagnostic
from archspec.ir.evaluation import evaluated
from archspec.ir.tensor_type import shape_text

if TYPE_CHECKING:
    import numpy as np

    Arrays = Mapping[str, np.ndarray[Any, Any]]


def rival(
    contender: Contender, task: Task, inputs: Arrays, targets: Arrays | None, weights: Sequence[Arrays]
) -> tuple[TimedModel, bool]:
    """A user's model on the batch, and whether it has the network's weights, so that its outputs can be compared.

    Raises:
        BackendError: it is no model that can be timed here.
    """
    if contender.function:
        model: Any
        model, backend = _made(contender)
    else:
        if targets is not None:
            raise _refused("an ONNX model is not trained")
        model, backend = Path(contender.file), "onnx"
    target = find(backend, TimesModels)
    return target.timed_rival(
        model, task.graph, inputs, weights=weights, targets=targets, dtype=task.dtype, device=task.device
    )


def _made(contender: Contender) -> tuple[Any, str]:
    """What the user's function gives, and the backend whose framework it is of."""
    path = Path(contender.file).resolve()
    sys.path.insert(0, str(path.parent))  # as Python does for a script
    namespace = runpy.run_path(str(path))
    if contender.function not in namespace:
        raise _refused(f"{contender.file} has no function {contender.function}")
    found = namespace[contender.function]()
    for base in type(found).__mro__:
        if base.__module__.startswith("keras."):
            return found, "keras"
    for base in type(found).__mro__:
        if base.__module__.startswith("torch.nn"):
            return found, "torch"
    message = f"{contender.function} gives {type(found).__name__}, which is no PyTorch or Keras model"
    raise _refused(message)


@contextmanager
def errors_with_lines(contender: Contender) -> Iterator[None]:
    """Say of an error in a user's file in which line of it that came about.

    Raises:
        BackendError: anything was raised, archspec's own refusals aside.
    """
    try:
        yield
    except ArchspecError:
        raise
    except Exception as error:  # whatever a model raises
        path = str(Path(contender.file).resolve())
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        place = f"line {lines[-1]}: " if lines else ""
        raise _refused(f"{place}{type(error).__name__}: {said}") from error


def check_outputs(outputs: Arrays, task: Task) -> None:
    """See that a rival gives tensors of the shapes that the network gives: else it is another network.

    Raises:
        BackendError: it does not.
    """
    graph = evaluated(task.graph)
    wanted = sorted((task.batch, *graph.types[name].sizes) for name in graph.outputs.values())
    given = sorted(array.shape for array in outputs.values())
    if given != wanted:
        raise _refused(f"it gives {_texts(given)}, where the network gives {_texts(wanted)}")


def _texts(shapes: Sequence[Sequence[int]]) -> str:
    return " and ".join(map(shape_text, shapes)) or "nothing"


def _refused(message: str) -> BackendError:
    return BackendError(Diagnostic("E0603", message))
