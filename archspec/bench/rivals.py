"""Models that somebody else has written, beside those that archspec generates."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archspec.bench.backend import TimedModel, TimesModels
from archspec.bench.contenders import Contender
from archspec.bench.task import Task
from archspec.codegen.registry import backend as find
from archspec.errors import BackendError, Diagnostic

if TYPE_CHECKING:
    import numpy as np

    Arrays = Mapping[str, np.ndarray[Any, Any]]


def rival(
    contender: Contender, task: Task, inputs: Arrays, targets: Arrays | None, weights: Arrays
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
            raise _refused(contender, "an ONNX model is not trained")
        model, backend = Path(contender.file).read_bytes(), "onnx"
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
        raise _refused(contender, f"{contender.file} has no function {contender.function}")
    found = namespace[contender.function]()
    for base in type(found).__mro__:
        if base.__module__.startswith("keras."):
            return found, "keras"
    for base in type(found).__mro__:
        if base.__module__.startswith("torch.nn"):
            return found, "torch"
    message = f"{contender.function} gives {type(found).__name__}, which is no PyTorch or Keras model"
    raise _refused(contender, message)


def _refused(contender: Contender, message: str) -> BackendError:
    return BackendError(Diagnostic("E0603", f"{contender.label}: {message}"))
