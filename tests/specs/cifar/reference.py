"""The networks of He et al. 2015 and 2016 for CIFAR-10, written after the papers in plain PyTorch functions.

They take canonical weights by name, in evaluation, and share no code with what archspec generates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch.nn import functional as F

Tensor: TypeAlias = torch.Tensor


@dataclass(frozen=True)
class Reference:
    """Layers by the names of their weights."""

    weights: Mapping[str, Any]

    def conv(self, x: Tensor, name: str, stride: int = 1) -> Tensor:
        """A convolution padded by half its kernel."""
        weight = self.weights[f"{name}.weight"]
        return F.conv2d(x, weight, self.weights.get(f"{name}.bias"), stride, weight.shape[-1] // 2)

    def bn(self, x: Tensor, name: str) -> Tensor:
        """Batch norm by the running statistics."""
        mean, var = self.weights[f"{name}.running_mean"], self.weights[f"{name}.running_var"]
        return F.batch_norm(x, mean, var, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def bn_relu(self, x: Tensor, name: str) -> Tensor:
        """Batch norm and ReLU."""
        return F.relu(self.bn(x, name))

    def pooled(self, x: Tensor) -> Tensor:
        """The means of all channels, classified."""
        return F.linear(x.mean((2, 3)), self.weights["fc.weight"], self.weights["fc.bias"])


def padded(x: Tensor, filters: int, stride: int) -> Tensor:
    """Option A: every other pixel, then channels of zeros."""
    x = x[:, :, ::stride, ::stride]
    return torch.cat([x, x.new_zeros(x.shape[0], filters - x.shape[1], *x.shape[2:])], 1)


def shortcuts(net: Reference, x: Tensor, n: int, kind: str) -> Tensor:
    """He et al. 2016, Table 1: scales are 0.5."""
    x = net.bn_relu(net.conv(x, "conv1"), "bn1")
    for stage in (1, 2, 3):
        for index in range(n):
            unit, stride, filters = f"layer{stage}.{index}", 2 if stage > 1 and index == 0 else 1, 8 * 2**stage
            y = net.bn_relu(net.conv(x, f"{unit}.residual.conv1", stride), f"{unit}.residual.bn1")
            y = net.bn(net.conv(y, f"{unit}.residual.conv2"), f"{unit}.residual.bn2")
            if kind == "convolution":
                x = F.relu(y + net.bn(net.conv(x, f"{unit}.projection.0", stride), f"{unit}.projection.1"))
                continue
            shortcut = padded(x, filters, stride)
            if kind == "constant_scaling":
                y, shortcut = y / 2, shortcut / 2
            if kind.endswith("gating"):
                gate = torch.sigmoid(net.conv(x, f"{unit}.gate.conv", stride))
                shortcut = (1 - gate) * shortcut
                if kind == "exclusive_gating":
                    y = gate * y
            x = F.relu(y + shortcut)
    return net.pooled(x)


def activations(net: Reference, x: Tensor, n: int, order: str, *, bottleneck: bool) -> Tensor:
    """He et al. 2016, Table 2; all units but the first begin with their activation where these come first."""
    x = net.bn_relu(net.conv(x, "conv1"), "bn1")
    for stage in (1, 2, 3):
        for index in range(n):
            unit, stride = f"layer{stage}.{index}", 2 if stage > 1 and index == 0 else 1
            first = stage == 1 and index == 0
            activated = x
            if order == "full_preactivation" and not first:
                activated = net.bn_relu(x, f"{unit}.preactivation.0")
            if order == "relu_only_preactivation" and not first:
                activated = F.relu(x)
            last = "conv3" if bottleneck else "conv2"
            y = net.bn_relu(net.conv(activated, f"{unit}.conv1", stride), f"{unit}.bn1")
            if bottleneck:
                y = net.bn_relu(net.conv(y, f"{unit}.conv2"), f"{unit}.bn2")
            y = net.conv(y, f"{unit}.{last}")
            normalized = order not in ("bn_after_addition", "full_preactivation")
            if normalized:
                y = net.bn(y, f"{unit}.{last.replace('conv', 'bn')}")
            if order == "relu_before_addition":
                y = F.relu(y)
            shortcut = x
            if not bottleneck:
                shortcut = padded(x, 8 * 2**stage, stride)
            elif index == 0:
                shortcut = net.conv(activated, f"{unit}.projection.0", stride)
                shortcut = net.bn(shortcut, f"{unit}.projection.1") if normalized else shortcut
            x = y + shortcut
            if order == "bn_after_addition":
                x = net.bn(x, f"{unit}.bn_sum")
            if order in ("original", "bn_after_addition"):
                x = F.relu(x)
    if order == "full_preactivation":
        x = net.bn(x, "bn_last")
    if order.endswith("preactivation"):
        x = F.relu(x)
    return net.pooled(x)
