"""Running generated source: building the model, and weights in and out. `trace` and `training` have the rest."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import keras
import numpy as np
from keras.src.backend.common import global_state

from archspec.atomic_files import check_room, whole_file
from archspec.codegen.execute import execute
from archspec.digests import write_digest
from archspec.errors import BackendError, Diagnostic, InternalError
from archspec.ir.graph import LayerGraph
from archspec.ir.tensor_type import Shape
from archspec_keras.memory_layout import keras_sizes
from archspec_keras.names import function_name
from archspec_keras.patching import replaced
from archspec_keras.settings import settings
from archspec_keras.tensors import outputs_by_name, to_numpy
from archspec_keras.timing import timed as timed
from archspec_keras.timing import timed_rival as timed_rival
from archspec_keras.trace import run_forward
from archspec_keras.training import gradients, train
from archspec_keras.variables import Kept, kept_weights

if TYPE_CHECKING:
    from archspec.codegen.backend import Arrays

__all__ = (
    "build",
    "export_weights",
    "from_checkpoint",
    "gradients",
    "load_weights",
    "run_forward",
    "save_weights",
    "to_checkpoint",
    "train",
    "verify",
)

_OVERHEAD: Final = 8192
"""Bytes that HDF5 takes for a variable and the groups that it stands in, at most, beside its numbers."""
_NOTED: Final = "uninitialized_variables"
"""The name of Keras's list of variables without values."""


def _construct(source: str, graph: LayerGraph) -> Any:
    module = execute(source, "keras", graph.name)
    try:
        return getattr(module, function_name(graph))()
    except Exception as error:  # each of Keras's backends raises something else where memory ends
        if not _lacks_memory(error):
            raise
        message = f"{graph.name} takes more memory than there is: it has {graph.parameters:,} parameters"
        help = "make it smaller, or use a machine with more memory; `build --no-verify` only writes the source"
        raise BackendError(Diagnostic("E0803", message, help=help)) from error


def _lacks_memory(error: Exception) -> bool:
    """Each of Keras's backends raises something else, some of them a `RuntimeError`."""
    text = f"{type(error).__name__} {error}".lower().replace("_", "").replace(" ", "")
    return any(sign in text for sign in ("memoryerror", "resourceexhausted", "outofmemory", "allocatememory"))


def verify(source: str, graph: LayerGraph) -> None:
    """Compare the model's variables and outputs with the graph; see `BuildsModels.verify`."""
    state = random.getstate()  # Keras draws its seeds from it
    try:
        # A layer that is not given its data format takes the wrong one here, and is found out.
        with settings("float32", layout="channels_first"), _no_drawing(), _no_values():
            model = _construct(source, graph)
    except BackendError:
        raise
    except Exception as error:  # whatever else generated source raises is a fault of ours
        raise InternalError(f"Keras source of {graph.name} cannot be run: {error}") from error
    finally:
        random.setstate(state)
    variables = kept_weights(model, graph)
    differing = variables.keys() ^ graph.all_weights.keys()
    if differing:
        raise InternalError(f"Keras source of {graph.name}: it or the graph lacks {', '.join(sorted(differing)[:5])}")
    trained = {id(variable) for variable in model.trainable_variables}
    for name, kept in variables.items():
        weight = graph.all_weights[name]
        if kept.shape != weight.shape:
            shapes = " and ".join(str(tuple(variable.shape)) for variable in kept.variables)
            raise InternalError(f"Keras source of {graph.name}: {name} has shape {shapes}, the graph {weight.shape}")
        if any((id(variable) in trained) is not weight.trainable for variable in kept.variables):
            raise InternalError(f"Keras source of {graph.name}: {name} is trained or not, unlike in the graph")
        if not all(math.isclose(_decay(variable), weight.decay) for variable in kept.variables):
            raise InternalError(f"Keras source of {graph.name}: {name} has another weight decay than in the graph")
    for name, tensor in outputs_by_name(model.output, graph).items():
        type = graph.types[graph.outputs[name]]
        if tuple(tensor.shape) != (None, *keras_sizes(type)):
            raise InternalError(
                f"Keras source of {graph.name}: {name} has shape {tuple(tensor.shape)}, the graph {type.sizes}"
            )


def _decay(variable: Any) -> float:
    """The weight decay of a variable: what its regularizer adds to the loss has twice the factor as its gradient."""
    return 0.0 if variable.regularizer is None else 2 * float(variable.regularizer.l2)


@contextmanager
def _no_drawing() -> Iterator[None]:
    """Kernels are zeros instead of random numbers, which would only take time."""

    def zeros(self: object, shape: Shape, dtype: str | None = None) -> Any:
        return keras.ops.zeros(shape, dtype)

    own = keras.initializers
    kinds = (own.VarianceScaling, own.RandomNormal, own.RandomUniform, own.TruncatedNormal)
    with ExitStack() as stack:
        for kind in kinds:
            stack.enter_context(replaced(kind, "__call__", zeros))
        yield


@contextmanager
def _no_values() -> Iterator[None]:
    """Variables get a shape and no values: a spec may ask for more than there is memory.

    Keras has this for functions that JAX traces. It notes such variables, and would make their values when the next
    of these scopes ends: those that were made here are struck from its list.
    """
    noted = list(global_state.get_global_attribute(_NOTED) or ())
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        global_state.set_global_attribute(_NOTED, noted)


def build(
    source: str,
    graph: LayerGraph,
    *,
    weights: Arrays | None = None,
    device: str | None = None,
    dtype: str | None = None,
) -> Any:
    """The model with its weights drawn once, or loaded; see `BuildsModels.build`."""
    with settings(dtype, device), ExitStack() as stack:
        if weights is not None:
            stack.enter_context(_no_drawing())
        model = _construct(source, graph)
        if weights is not None:
            load_weights(model, graph, weights)
    return model


def load_weights(model: Any, graph: LayerGraph, weights: Arrays) -> None:
    """Assign canonical weights to the model's variables; see `ExchangesWeights.load_weights`."""
    for name, kept in kept_weights(model, graph).items():
        kept.assign(np.asarray(weights[name]))


def export_weights(model: Any, graph: LayerGraph) -> Arrays:
    """Canonical weights of the model; see `ExchangesWeights.export_weights`."""
    return {name: kept.array(to_numpy) for name, kept in kept_weights(model, graph).items()}


def to_checkpoint(source: str, graph: LayerGraph, weights: Arrays) -> Arrays:
    """Canonical weights by the paths of variables; see `WritesTraining.to_checkpoint`."""
    kept = _kept(source, graph)
    return {
        variable.path: part for name, array in weights.items() for variable, part in kept[name].parts(np.asarray(array))
    }


def from_checkpoint(source: str, graph: LayerGraph, arrays: Arrays) -> Arrays:
    """Canonical weights of a checkpoint; see `WritesTraining.from_checkpoint`."""
    return {
        name: kept.array(lambda variable: np.asarray(arrays[variable.path]))
        for name, kept in _kept(source, graph).items()
        if all(variable.path in arrays for variable in kept.variables)
    }


def _kept(source: str, graph: LayerGraph) -> dict[str, Kept]:
    """The variables of a model that takes no memory."""
    state = random.getstate()  # Keras draws its seeds from it
    try:
        with _no_drawing(), _no_values():
            return kept_weights(_construct(source, graph), graph)
    finally:
        random.setstate(state)


def save_weights(model: Any, path: Path, form: str = "") -> None:
    """Write the weights as Keras does; see `SavesWeights.save_weights`."""
    with whole_file(path) as temporary:
        inner = temporary.with_name(f"{temporary.name}.weights.h5")  # Keras accepts no other ending
        try:
            # HDF5 would end the process with a fault once a file that it could not write is closed.
            check_room(inner.parent, sum(8 * math.prod(kept.shape) + _OVERHEAD for kept in model.variables))
            model.save_weights(inner)
            write_digest(inner, ".h5", form)
            inner.replace(temporary)
        finally:
            inner.unlink(missing_ok=True)
