"""The average of a network's weights."""

import copy

import torch
from torch import Tensor, nn


class Average:
    """An exponential moving average of a network's weights and running statistics."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        """Begin with the network's present weights."""
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move the average towards the network's present weights."""
        averages: list[Tensor] = list(self.network.parameters())
        weights: list[Tensor] = list(network.parameters())
        torch._foreach_lerp_(averages, weights, 1 - self.decay)
        for statistic, present in zip(self.network.buffers(), network.buffers(), strict=True):
            if statistic.is_floating_point():
                statistic.lerp_(present, 1 - self.decay)

    @torch.no_grad()
    def copy(self, network: nn.Module) -> None:
        """Make the average the network's present weights."""
        torch._foreach_copy_(list(self.network.parameters()), list(network.parameters()))
        for statistic, present in zip(self.network.buffers(), network.buffers(), strict=True):
            statistic.copy_(present)
