"""Weights, and what else a run goes on from, as arrays by their names."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor

from archspec.training.parts.records import load_checkpoint, save_checkpoint
from archspec_torch.training_program.parts.distributed import RANK, RANKS


class Checkpoints:
    """The checkpoints of a run: `last` has all that it goes on from, `best` the best weights."""

    def __init__(
        self,
        folder: Path,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        average: nn.Module | None = None,
        writes: bool = True,
        **others: Any,
    ) -> None:
        """Say what is kept; `others` have `state_dict` and `load_state_dict`."""
        self.last, self.best = folder / "last.safetensors", folder / "best.safetensors"
        self.network, self.optimizer, self.average = network, optimizer, average
        self.writes, self.others = writes, others

    def save(self, step: int, measures: Any) -> None:
        """Write `last` after so many steps, with the sums of an epoch that is not over."""
        arrays = weights_of(self.network) | slots_of(self.optimizer, self.network)
        if self.average is not None:
            arrays |= weights_of(self.average, "ema/")
        arrays |= _gathered(measures.sums())
        state = {name: each.state_dict() for name, each in self.others.items()}
        if RANK == 0 and self.writes:
            save_checkpoint(self.last, arrays, {"step": step, "loss": measures.loss, **state})

    def load(self, measures: Any) -> int:
        """Go on from `last`, if there is one; gives how many steps there were."""
        if not self.last.exists():
            return 0
        arrays, state = load_checkpoint(self.last)
        load_weights(self.network, arrays)
        load_slots(self.optimizer, self.network, arrays)
        if self.average is not None:
            load_weights(self.average, arrays, "ema/")
        measures.restore(state["loss"], arrays)
        for name, each in self.others.items():
            each.load_state_dict(state[name])
        return int(state["step"])

    def save_best(self, network: nn.Module, step: int) -> None:
        """Write the weights of a network as `best`."""
        weights = weights_of(network)
        if RANK == 0 and self.writes:
            save_checkpoint(self.best, weights, {"step": step})

    def load_best(self, network: nn.Module) -> None:
        """Give a network the weights of `best`, if there are any."""
        if RANKS > 1:
            dist.barrier()  # the first process may still be writing
        if self.best.exists():
            load_weights(network, load_checkpoint(self.best)[0])


def weights_of(network: nn.Module, prefix: str = "") -> dict[str, NDArray[Any]]:
    """The weights and running statistics of a network, as arrays."""
    return _gathered({f"{prefix}{name}": value for name, value in _weights(network).items()})


@torch.no_grad()
def load_weights(network: nn.Module, arrays: Mapping[str, NDArray[Any]], prefix: str = "") -> None:
    """Copy what `weights_of` gave into a network.

    A buffer that is not there and is no running statistic is one that the network works out, as
    the indices into a table.
    """
    weights = {name for name, _ in network.named_parameters()}
    for name, value in _weights(network).items():
        array = arrays.get(f"{prefix}{name}")
        if array is None and name not in weights and "running_" not in name:
            continue
        if array is None or array.shape != tuple(value.shape):
            found = "are missing" if array is None else f"have the shape {array.shape}"
            sys.exit(f"the weights do not fit this network: {prefix}{name} {found}")
        value.copy_(_like(value, array))


def _weights(network: nn.Module) -> dict[str, Tensor]:
    state = network.state_dict()
    return {name: state[name] for name in state if not name.endswith("num_batches_tracked")}


def slots_of(optimizer: torch.optim.Optimizer, network: nn.Module) -> dict[str, NDArray[Any]]:
    """What an optimizer knows of each weight, such as `optimizer/fc.weight/momentum_buffer`."""
    slots = {
        f"optimizer/{name}/{key}": value
        for name, weight in network.named_parameters()
        for key, value in optimizer.state.get(weight, {}).items()
        if isinstance(value, Tensor)
    }
    return _gathered(slots)


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
                value = torch.zeros_like(weights[name]).copy_(_like(weights[name], array))
            optimizer.state[weights[name]][slot] = value


def _gathered(tensors: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
    """Tensors as arrays, in the first process; of what is sharded, all give their parts."""
    arrays = {}
    for name, value in tensors.items():
        whole = value.full_tensor() if isinstance(value, DTensor) else value
        if RANK == 0:
            arrays[name] = whole.detach().cpu().numpy()
    return arrays


def _like(value: Tensor, array: NDArray[Any]) -> Tensor:
    """An array as a tensor that is sharded as another is."""
    tensor = torch.from_numpy(np.asarray(array))
    if isinstance(value, DTensor):
        return distribute_tensor(tensor, value.device_mesh, value.placements)
    return tensor
