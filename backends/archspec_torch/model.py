"""Running generated source: building the model, weights in and out, one forward pass.

Gradients and training are in `training`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from archspec.atomic_files import whole_file
from archspec.codegen.backend import Outcome
from archspec.codegen.backend_errors import check_dtype, no_device
from archspec.codegen.execute import execute
from archspec.digests import write_digest
from archspec.errors import InternalError
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec_torch.dropping import nothing_dropped
from archspec_torch.names import class_name
from archspec_torch.tensors import outputs_of, to_numpy, to_tensors, zeros_like_inputs
from archspec_torch.timing import timed as timed
from archspec_torch.timing import timed_rival as timed_rival
from archspec_torch.trace import traced
from archspec_torch.training import gradients, train

if TYPE_CHECKING:
    from archspec.codegen.backend import Arrays

__all__ = [
    "build",
    "export_weights",
    "gradients",
    "load_weights",
    "run_forward",
    "save_weights",
    "train",
    "verify",
]

_COUNTER = ".num_batches_tracked"
"""PyTorch's count of training steps in a batch norm: bookkeeping, not a weight."""


_RUN_AT_MOST: Final = 2**28
"""Multiply-adds, weights, and numbers between layers: a network that has more is verified on the meta device.

There nothing is computed and no memory is taken, but PyTorch first imports its compiler for it, for seconds.
"""


class _Undrawn(TorchFunctionMode):
    """Functions that change a parameter in place leave it as it is: a model is made and no weight is drawn.

    Drawing takes time and, on the meta device, imports PyTorch's compiler. Other tensors are changed: functions that
    draw until the numbers suit them, as `trunc_normal_` does, keep them there, and would never end. `left` has the `id`
    of each that was left; where `alone` is given, others are changed.
    """

    def __init__(self, alone: Container[int] | None = None) -> None:
        super().__init__()
        self.alone = alone
        self.left = set[int]()

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Call the function, unless it is one of those."""
        name = getattr(func, "__name__", "")
        if name[-1:] == "_" and name[-2:] != "__" and name != "requires_grad_":
            given = (*args, *(kwargs or {}).values())
            changed = next((value for value in given if isinstance(value, torch.Tensor)), None)
            is_weight = changed is not None and (changed.is_meta or isinstance(changed, nn.Parameter))
            if is_weight and (self.alone is None or id(changed) in self.alone):
                self.left.add(id(changed))
                return changed
        return func(*args, **kwargs) if kwargs else func(*args)


def _on(device: torch.device) -> AbstractContextManager[object]:
    """What makes new tensors on a device: nothing where they are made there anyway, else a step for each call."""
    return nullcontext() if device == torch.get_default_device() else device


def _construct(source: str, graph: LayerGraph, device: torch.device) -> nn.Module:
    """The model, its weights whatever the memory holds; on the meta device they take none."""
    kind = getattr(execute(source, "torch", graph.name), class_name(graph))
    model: nn.Module = kind.__new__(kind)
    # Its layers need not be gone through once more to draw nothing. The class is left alone: others may use it now.
    vars(model)["reset_parameters"] = lambda: None
    with _on(device), torch.random.fork_rng(devices=[]), _Undrawn():
        kind.__init__(model)
    del vars(model)["reset_parameters"]
    return model


def draw_anew(model: nn.Module) -> None:
    """Draw each weight once: as the generated network says, and where it says nothing, as the layer's class does."""
    own: Callable[[], None] = getattr(model, "reset_parameters", lambda: None)
    # What is drawn on the way to no weight depends on what the memory holds: it must not move the generator on.
    with torch.random.fork_rng(devices=[]), _Undrawn() as dry:
        own()
    with _Undrawn(dry.left):
        for module in model.modules():
            reset: Any = getattr(module, "reset_parameters", None)
            if module is not model and reset is not None:
                reset()
    own()


def _cheapest(graph: LayerGraph) -> torch.device:
    """Where a network's shapes are found soonest."""
    between = sum(type.count for type in graph.types.values())
    sizes = (graph.macs, between, sum(weight.size for weight in graph.all_weights.values()))
    return torch.device("cpu" if max(sizes) <= _RUN_AT_MOST else "meta")


def verify(source: str, graph: LayerGraph) -> None:
    """Compare the model's state dict and outputs with the graph; see `BuildsModels.verify`."""
    try:
        device = _cheapest(graph)
        with torch.no_grad():
            model = _construct(source, graph, device)
            if graph.all_weights:
                with _on(device), torch.random.fork_rng(devices=[]), _Undrawn():
                    draw_anew(model)
            _compare_parameters(model, graph)
            inputs = zeros_like_inputs(graph, 2, device)
            _compare_outputs(model.eval()(*inputs), evaluated(graph))
            if graph.training_outputs:
                _compare_outputs(model.train()(*inputs), graph)
    except InternalError:
        raise
    except Exception as error:  # whatever generated source raises is a fault of ours
        raise InternalError(f"PyTorch source of {graph.name} cannot be run: {error}") from error


def _compare_parameters(model: nn.Module, graph: LayerGraph) -> None:
    found = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items() if not name.endswith(_COUNTER)}
    wanted = {**{name: weight.shape for name, weight in graph.all_weights.items()}, **graph.saved_derived}
    for name in found.keys() | wanted.keys():
        if found.get(name) != wanted.get(name):
            raise InternalError(
                f"PyTorch source of {graph.name}: {name} has shape {found.get(name)}, the graph {wanted.get(name)}"
            )
    trained = {name for name, _ in model.named_parameters()}
    differing = trained ^ {name for name, weight in graph.all_weights.items() if weight.trainable}
    if differing:
        raise InternalError(f"PyTorch source of {graph.name}: trained or not, {sorted(differing)[:5]} differ")
    decays = _decays(model)
    for name in trained:
        if decays[name] != graph.all_weights[name].decay:
            raise InternalError(f"PyTorch source of {graph.name}: {name} has the weight decay {decays[name]}")


def _compare_outputs(result: Any, graph: LayerGraph) -> None:
    outputs = outputs_of(result, graph)
    if list(outputs) != list(graph.outputs):
        raise InternalError(f"PyTorch source of {graph.name} gives {list(outputs)}, the graph {list(graph.outputs)}")
    for name, tensor in outputs.items():
        shape = graph.types[graph.outputs[name]].sizes
        if tuple(tensor.shape) != (2, *shape):
            raise InternalError(
                f"PyTorch source of {graph.name}: {name} has shape {tuple(tensor.shape)}, the graph {shape}"
            )


def _decays(model: Any) -> dict[str, float | None]:
    """The weight decay of each parameter by its name; None where it is in no group, or in more than one."""
    if not hasattr(model, "parameter_groups"):
        return dict.fromkeys(dict(model.named_parameters()), 0.0)
    found: dict[int, list[float]] = {}
    for group in model.parameter_groups():
        for parameter in group["params"]:
            found.setdefault(id(parameter), []).append(group["weight_decay"])
    given = {name: found.get(id(parameter), []) for name, parameter in model.named_parameters()}
    return {name: values[0] if len(values) == 1 else None for name, values in given.items()}


def build(
    source: str,
    graph: LayerGraph,
    *,
    weights: Arrays | None = None,
    device: str | None = None,
    dtype: str | None = None,
) -> nn.Module:
    """The model with its weights drawn once, or loaded; see `BuildsModels.build`."""
    if dtype is not None:
        check_dtype(dtype)
    place = _device(device or "cpu")
    if dtype in (None, "float32"):
        model = _construct(source, graph, place)
    elif graph.derived:  # what is worked out when a layer is made has no values on the meta device
        model = _construct(source, graph, place).to(getattr(torch, dtype))
    else:  # from the meta device, so that there is never a model of float32 too, which may be twice as large
        model = _construct(source, graph, torch.device("meta")).to(getattr(torch, dtype)).to_empty(device=place)
    with torch.no_grad():
        if weights is None:
            draw_anew(model)
        else:
            for name, buffer in model.named_buffers():
                if name.endswith(_COUNTER):
                    buffer.zero_()
            load_weights(model, graph, weights)
    return model


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(1, device=device)  # a device that is known need not be there
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise no_device(name, error, "choose `cpu`, or one that PyTorch finds, such as `cuda:0` or `mps`") from None
    return device


def load_weights(model: Any, graph: LayerGraph, weights: Arrays) -> None:
    """Copy canonical weights into the model; see `ExchangesWeights.load_weights`."""
    state = model.state_dict()
    with torch.no_grad():
        for name in graph.all_weights:
            array = np.ascontiguousarray(weights[name])
            if not array.flags.writeable:
                array = array.copy()
            state[name].copy_(torch.from_numpy(array))


def export_weights(model: Any, graph: LayerGraph) -> Arrays:
    """Canonical weights of the model; see `ExchangesWeights.export_weights`."""
    return {
        name: to_numpy(tensor)
        for name, tensor in model.state_dict().items()
        if not name.endswith(_COUNTER) and name not in graph.derived
    }


def save_weights(model: Any, path: Path, form: str = "") -> None:
    """Write the state dict; see `SavesWeights.save_weights`."""
    with whole_file(path) as temporary:
        with temporary.open("wb") as file:  # by its name, the archive would be called after it, at random
            try:
                torch.save(model.state_dict(), file)
            except RuntimeError as error:  # what PyTorch makes of a disk that is full
                refused = error.__context__
                raise refused if isinstance(refused, OSError) else OSError(errno.EIO, os.strerror(errno.EIO)) from None
        write_digest(temporary, ".pt", form)


def run_forward(model: Any, graph: LayerGraph, inputs: Arrays, *, training: bool, nodes: bool = False) -> Outcome:
    """One forward pass; see `RunsModels.run`."""
    tensors = to_tensors(model, graph, inputs)
    model.train(training)
    found: Arrays = {}
    with torch.no_grad(), nothing_dropped(model):
        if nodes:
            result, found = traced(model, graph, tensors, to_numpy)
        else:
            result = model(*tensors)
    statistics = {
        name: array for name, array in export_weights(model, graph).items() if not graph.all_weights[name].trainable
    }
    outputs = {name: to_numpy(tensor) for name, tensor in outputs_of(result, graph).items()}
    return Outcome(outputs, statistics, found)
