"""Running statistics among processes."""

import torch.distributed as dist
from torch import nn

from archspec_torch.training_program.parts.distributed import RANKS


def share_statistics(network: nn.Module) -> None:
    """Give all processes the running statistics of the first."""
    if RANKS > 1:
        for statistic in network.buffers():
            dist.broadcast(statistic, 0)
