"""Models that somebody else has written, beside those that archspec generates."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archspec.bench.backend import TimedModel
from archspec.bench.contenders import Contender
from archspec.bench.task import Task
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
    if not contender.function:
        from archspec_onnx.timing import timed_file

        if targets is not None:
            raise _refused(contender, "an ONNX model is not trained")
        model = Path(contender.file).read_bytes()
        return timed_file(model, _by_position(model, inputs)), False
    path = Path(contender.file).resolve()
    sys.path.insert(0, str(path.parent))  # as Python does for a script
    namespace = runpy.run_path(str(path))
    if contender.function not in namespace:
        raise _refused(contender, f"{contender.file} has no function {contender.function}")
    found = namespace[contender.function]()
    if any(base.__module__.startswith("torch.nn") for base in type(found).__mro__):
        return _torch(found, task, inputs, targets, weights)
    if any(base.__module__.startswith("keras.") for base in type(found).__mro__):
        return _keras(found, task, inputs, targets)
    raise _refused(contender, f"{contender.function} gives {type(found).__name__}, which is no PyTorch or Keras model")


def _refused(contender: Contender, message: str) -> BackendError:
    return BackendError(Diagnostic("E0603", f"{contender.label}: {message}"))


def _by_position(model: bytes, inputs: Arrays) -> dict[str, Any]:
    """The batch by the names that an ONNX model has for its inputs, in their order, in the types that it takes."""
    import numpy as np
    import onnx

    graph = onnx.ModelProto.FromString(model).graph
    held = {tensor.name for tensor in graph.initializer}
    taken = [value for value in graph.input if value.name not in held]
    kind = onnx.helper.tensor_dtype_to_np_dtype
    return {
        value.name: np.ascontiguousarray(array, kind(value.type.tensor_type.elem_type))
        for value, array in zip(taken, inputs.values(), strict=True)
    }


def _torch(model: Any, task: Task, inputs: Arrays, targets: Arrays | None, weights: Arrays) -> tuple[TimedModel, bool]:
    import torch

    from archspec_torch.tensors import to_tensors
    from archspec_torch.timing import timed_module
    from archspec_torch.training import loss_of

    state = {name: tensor for name, tensor in model.state_dict().items() if not name.endswith(".num_batches_tracked")}
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    same = shapes == {name: array.shape for name, array in weights.items()}
    with torch.no_grad():
        for name, tensor in state.items() if same else ():
            tensor.copy_(torch.from_numpy(weights[name]))
    model = model.to(dtype=getattr(torch, task.dtype), device=task.device or "cpu")

    def named(result: Any) -> Mapping[str, Any]:
        if isinstance(result, Mapping):
            return result
        given = result if isinstance(result, tuple | list) else (result,)
        return dict(zip(task.graph.outputs, given, strict=False))

    def loss(result: Any) -> Any:
        assert targets is not None
        return loss_of({name: named(result)[name] for name in targets}, targets)

    tensors = to_tensors(model, task.graph, inputs)
    return timed_module(model, tensors, named, "", None if targets is None else loss), same


def _keras(model: Any, task: Task, inputs: Arrays, targets: Arrays | None) -> tuple[TimedModel, bool]:
    from archspec_keras.timing import timed

    return timed(model, task.graph, inputs, variant="", targets=targets), False
