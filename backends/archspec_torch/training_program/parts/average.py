"""The average of a network's weights."""

import copy

import torch
from torch import Tensor, nn


class Average:
    """An exponential moving average of a network's weights and running statistics."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move the average towards the network's present weights."""
        torch._foreach_lerp_(_numbers(self.network), _numbers(network), 1 - self.decay)

    @torch.no_grad()
    def copy(self, network: nn.Module) -> None:
        """Make the average the network's present weights."""
        torch._foreach_copy_(_numbers(self.network), _numbers(network))


def _numbers(network: nn.Module) -> list[Tensor]:
    return [value for value in network.state_dict().values() if value.is_floating_point()]
