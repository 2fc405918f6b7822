"""Gradients of a loss, and training: PyTorch's own autograd and optimizer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archspec.codegen.backend import Gradients
from archspec.ir.def_use import producer
from archspec.ir.graph import LayerGraph
from archspec_torch.dropping import nothing_dropped
from archspec_torch.tensors import outputs_of, to_numpy, to_tensors
from archspec_torch.trace import traced

if TYPE_CHECKING:
    from archspec.codegen.backend import Arrays


class _Gradient:
    """The gradient with respect to a tensor, copied when the backward pass has it.

    A hook is called for the tensor as it is now, whatever is changed in place later.
    """

    def __init__(self, tensor: Tensor) -> None:
        self.zeros = torch.zeros((), dtype=tensor.dtype).expand(tensor.shape)
        self.found: np.ndarray[Any, Any] | None = None
        if tensor.requires_grad:
            tensor.register_hook(self._take)  # type: ignore[no-untyped-call]

    def _take(self, gradient: Tensor | None) -> None:
        if gradient is not None:  # as for a part of a tensor that is not used, while another part is
            self.found = to_numpy(gradient)

    @property
    def array(self) -> np.ndarray[Any, Any]:
        """Zeros, if the loss does not depend on the tensor."""
        return to_numpy(self.zeros) if self.found is None else self.found


def gradients(model: Any, graph: LayerGraph, inputs: Arrays, targets: Arrays, *, nodes: bool = False) -> Gradients:
    """The gradients of a loss; see `TrainsModels.gradients`."""
    given = [tensor.detach().requires_grad_(tensor.is_floating_point()) for tensor in to_tensors(model, graph, inputs)]
    ids = {node.path for node in graph.input_nodes if node.type.is_ids}
    weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    model.train()
    passed = [tensor.clone() for tensor in given]  # an edited model may change them in place
    traces: Mapping[str, _Gradient] = {}
    with nothing_dropped(model):
        if nodes:
            result, traces = traced(model, graph, passed, _Gradient)
        else:
            result = model(*passed)
    loss = loss_of(outputs_of(result, graph), targets)
    differentiable = {path: tensor for path, tensor in zip(graph.inputs, given, strict=True) if tensor.requires_grad}
    wanted = [*differentiable.values(), *weights.values()]
    found = [to_numpy(gradient) for gradient in torch.autograd.grad(loss, wanted, materialize_grads=True)]
    return Gradients(
        loss.item(),
        dict(zip(differentiable, found, strict=False)),
        dict(zip(weights, found[len(differentiable) :], strict=True)),
        {path: gradient.array for path, gradient in _distinguished(graph, traces).items() if path not in ids},
    )


def _distinguished(graph: LayerGraph, traces: Mapping[str, _Gradient]) -> dict[str, _Gradient]:
    """The nodes whose gradient is known.

    A node that had nothing to do has its input's tensor. Where something else takes that tensor, too, its gradient is
    the sum of both, and PyTorch does not know the node's own.
    """
    users = Counter({name: len(takers) for name, takers in graph.takers.items()})
    users.update(graph.outputs.values())
    found: dict[str, _Gradient] = {}
    for path, gradient in traces.items():
        shared = [source for source in graph.nodes[producer(path)].inputs if traces.get(source) is gradient]
        if all(source in found and users[source] == 1 for source in shared):
            found[path] = gradient
    return found


def train(
    model: Any,
    graph: LayerGraph,
    batches: Iterable[tuple[Arrays, Arrays]],
    *,
    learning_rate: float,
    momentum: float,
) -> list[float]:
    """Train by SGD with momentum; see `TrainsModels.train`."""
    parameters = dict(model.named_parameters())
    groups = model.parameter_groups() if hasattr(model, "parameter_groups") else list(parameters.values())
    optimizer = torch.optim.SGD(groups, lr=learning_rate, momentum=momentum) if parameters else None
    decays = {name: weight.decay for name, weight in graph.all_weights.items() if weight.decay and name in parameters}
    model.train()
    losses: list[float] = []
    for inputs, targets in batches:
        with nothing_dropped(model):
            result = model(*to_tensors(model, graph, inputs))
        loss = loss_of(outputs_of(result, graph), targets)
        losses.append(loss.item() + sum(decay / 2 * _squares(parameters[name]) for name, decay in decays.items()))
        if optimizer is not None:
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    model.zero_grad()  # the gradients take as much memory as the weights
    return losses


def _squares(weight: nn.Parameter) -> float:
    return weight.detach().double().square().sum().item()


def loss_of(outputs: Mapping[str, Tensor], targets: Arrays) -> Tensor:
    """The sum over the outputs of what `TrainsModels.gradients` says."""
    return torch.stack([_output_loss(output, targets[name]) for name, output in outputs.items()]).sum()


def _output_loss(output: Tensor, target: np.ndarray[Any, Any]) -> Tensor:
    given = torch.from_numpy(np.ascontiguousarray(target)).to(output.device)
    if given.is_floating_point():
        return F.mse_loss(output, given.to(output.dtype))
    return F.cross_entropy(output, given.long())
