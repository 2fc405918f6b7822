"""Evaluates a layer graph node by node with `torch.nn.functional`: the judge of what is generated.

It knows the ops and nothing of scopes, blocks or code generation, and it is written to be read, not to be fast.
Padding is always explicit here, so that no framework's idea of `same` is involved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from archspec.ir.attributes import Padding
from archspec.ir.graph import LayerGraph, Node
from archspec.ir.ops import AvgPool, BatchNorm, Conv, Dense, Dropout, GlobalAvgPool, MaxPool

Weights = Mapping[str, Tensor]


@dataclass
class Evaluation:
    """The output of every node by path, and the running statistics afterwards by canonical name."""

    values: dict[str, Tensor] = field(default_factory=dict)
    statistics: dict[str, Tensor] = field(default_factory=dict)


def evaluate(graph: LayerGraph, weights: Weights, inputs: Mapping[str, Tensor], *, training: bool) -> Evaluation:
    """Every node's output for a batch (N, C, H, W), computed in the dtype of the tensors given."""
    found = Evaluation()
    for path, node in graph.nodes.items():
        if node.op.name == "input":
            found.values[path] = inputs[path]
            continue
        own = {weight.name: weights[f"{path}.{weight.name}"] for weight in graph.weights(node)}
        operands = [found.values[source] for source in node.inputs]
        if isinstance(node.op, BatchNorm):
            found.values[path] = batch_norm(node.op, operands[0], own, path, found.statistics, training)
        elif isinstance(node.op, Dropout):
            if training and node.op.rate > 0:
                raise ValueError("dropout is random in training; compare in evaluation")
            found.values[path] = operands[0]
        else:
            found.values[path] = EVALUATE[node.op.name](node, own, operands)
    return found


def pad(x: Tensor, padding: Padding, value: float) -> Tensor:
    assert padding.sides is not None
    top, bottom, left, right = padding.sides
    return F.pad(x, (left, right, top, bottom), value=value)


def conv(node: Node, own: Weights, operands: list[Tensor]) -> Tensor:
    op = node.op
    assert isinstance(op, Conv)
    x = pad(operands[0], op.padding, 0.0)
    return F.conv2d(x, own["weight"], own.get("bias"), op.stride, 0, op.dilation, op.groups)


def dense(node: Node, own: Weights, operands: list[Tensor]) -> Tensor:
    assert isinstance(node.op, Dense)
    return F.linear(operands[0], own["weight"], own.get("bias"))


def batch_norm(
    op: BatchNorm, x: Tensor, own: Weights, path: str, statistics: dict[str, Tensor], training: bool
) -> Tensor:
    mean, variance = own["running_mean"], own["running_var"]
    new_mean, new_variance = mean, variance
    if training:
        axes = [axis for axis in range(x.dim()) if axis != 1]
        count = x.numel() // x.shape[1]
        mean, variance = x.mean(axes), x.var(axes, unbiased=False)
        kept = variance * count / (count - 1) if op.variance == "unbiased" else variance
        new_mean = op.decay * new_mean + (1 - op.decay) * mean
        new_variance = op.decay * new_variance + (1 - op.decay) * kept
    statistics[f"{path}.running_mean"] = new_mean
    statistics[f"{path}.running_var"] = new_variance
    shape = [1, -1] + [1] * (x.dim() - 2)
    normal = (x - mean.reshape(shape)) / torch.sqrt(variance.reshape(shape) + op.eps)
    return normal * own["weight"].reshape(shape) + own["bias"].reshape(shape)


def max_pool(node: Node, own: Weights, operands: list[Tensor]) -> Tensor:
    assert isinstance(node.op, MaxPool)
    return F.max_pool2d(pad(operands[0], node.op.padding, -torch.inf), node.op.kernel, node.op.step)


def avg_pool(node: Node, own: Weights, operands: list[Tensor]) -> Tensor:
    op = node.op
    assert isinstance(op, AvgPool)
    sums = F.avg_pool2d(pad(operands[0], op.padding, 0.0), op.kernel, op.step, divisor_override=1)
    if op.count_padding:
        return sums / (op.kernel[0] * op.kernel[1])
    ones = pad(torch.ones_like(operands[0]), op.padding, 0.0)
    return sums / F.avg_pool2d(ones, op.kernel, op.step, divisor_override=1)


def global_avg_pool(node: Node, own: Weights, operands: list[Tensor]) -> Tensor:
    assert isinstance(node.op, GlobalAvgPool)
    return operands[0].mean((2, 3), keepdim=node.op.keep_axes)


def product(operands: list[Tensor]) -> Tensor:
    result = operands[0]
    for operand in operands[1:]:
        result = result * operand
    return result


def total(operands: list[Tensor]) -> Tensor:
    result = operands[0]
    for operand in operands[1:]:
        result = result + operand
    return result


EVALUATE: dict[str, Callable[[Node, Weights, list[Tensor]], Tensor]] = {
    "conv": conv,
    "dense": dense,
    "identity": lambda node, own, operands: operands[0],
    "relu": lambda node, own, operands: torch.clamp(operands[0], min=0),
    "sigmoid": lambda node, own, operands: 1 / (1 + torch.exp(-operands[0])),
    "softmax": lambda node, own, operands: torch.softmax(operands[0], 1 if operands[0].dim() == 4 else -1),
    "max_pool": max_pool,
    "avg_pool": avg_pool,
    "global_avg_pool": global_avg_pool,
    "flatten": lambda node, own, operands: operands[0].reshape(operands[0].shape[0], -1),
    "add": lambda node, own, operands: total(operands),
    "multiply": lambda node, own, operands: product(operands),
    "concat": lambda node, own, operands: torch.cat(operands, 1),
}
