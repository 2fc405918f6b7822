"""Processes that share each batch, and what they tell each other."""

import os
import sys

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.nn.parallel import DistributedDataParallel

RANK = int(os.environ.get("RANK", "0"))  # of this process; torchrun sets it
RANKS = int(os.environ.get("WORLD_SIZE", "1"))  # processes that share each batch


def join_processes(name: str | None) -> torch.device:
    """Join the other processes, if there are any; gives the device of this one."""
    device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
    if RANKS > 1:
        if device.type == "cuda":
            device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
            torch.cuda.set_device(device)
        dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    return device


def leave_processes() -> None:
    """Part from the other processes."""
    if RANKS > 1:
        dist.barrier()  # none leaves while another still talks to it
        dist.destroy_process_group()


def over_processes(numbers: Tensor) -> Tensor:
    """The sum of numbers over all processes."""
    if RANKS > 1:
        numbers = numbers.detach().clone()
        dist.all_reduce(numbers)
    return numbers


def in_any_process(*flags: bool) -> list[bool]:
    """Which of these hold in at least one process."""
    if RANKS == 1:
        return list(flags)
    # On the CPU, so that nobody waits for a GPU.
    numbers = torch.tensor(flags, dtype=torch.int32)
    dist.all_reduce(numbers)
    return [number > 0 for number in numbers.tolist()]


def shard(*networks: nn.Module) -> None:
    """Let each process keep a part of the weights only: by FSDP2, block by block."""
    if RANKS == 1:
        sys.exit("--shard divides weights among processes: start them by torchrun")
    for network in networks:
        # FSDP2 takes no other memory format.
        network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        own = type(network).__module__
        blocks = [module for module in network.modules() if type(module).__module__ == own]
        for block in reversed(blocks):  # those within others first
            if any(True for _ in block.parameters()):
                fully_shard(block)


def in_parallel(network: nn.Module) -> nn.Module:
    """The network as all processes train it: their gradients are averaged."""
    if RANKS == 1 or isinstance(network, FSDPModule):
        return network
    return DistributedDataParallel(network)
