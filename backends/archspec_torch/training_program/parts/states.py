"""Weights, and what an optimizer knows of them, as arrays by their names."""

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


def weights_of(network: nn.Module, prefix: str = "") -> dict[str, NDArray[Any]]:
    """The weights and running statistics of a network, as arrays."""
    return {f"{prefix}{name}": value.cpu().numpy() for name, value in _weights(network).items()}


@torch.no_grad()
def load_weights(network: nn.Module, arrays: Mapping[str, NDArray[Any]], prefix: str = "") -> None:
    """Copy what `weights_of` gave into a network."""
    for name, value in _weights(network).items():
        array = arrays.get(f"{prefix}{name}")
        if array is None or array.shape != tuple(value.shape):
            found = "are missing" if array is None else f"have the shape {array.shape}"
            sys.exit(f"the weights do not fit this network: {prefix}{name} {found}")
        value.copy_(torch.from_numpy(array))


def _weights(network: nn.Module) -> dict[str, Tensor]:
    state = network.state_dict()
    return {name: state[name] for name in state if not name.endswith("num_batches_tracked")}


def slots_of(optimizer: torch.optim.Optimizer, network: nn.Module) -> dict[str, NDArray[Any]]:
    """What an optimizer knows of each weight, such as `optimizer/fc.weight/momentum_buffer`."""
    return {
        f"optimizer/{name}/{key}": value.detach().cpu().numpy()
        for name, weight in network.named_parameters()
        for key, value in optimizer.state.get(weight, {}).items()
        if isinstance(value, Tensor)
    }


def load_slots(
    optimizer: torch.optim.Optimizer, network: nn.Module, arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Give an optimizer what `slots_of` gave."""
    weights = dict(network.named_parameters())
    for key, array in arrays.items():
        if key.startswith("optimizer/"):
            _, name, slot = key.split("/")
            value = torch.from_numpy(np.asarray(array))
            if slot != "step":  # which PyTorch keeps on the CPU
                value = torch.zeros_like(weights[name]).copy_(value)
            optimizer.state[weights[name]][slot] = value
