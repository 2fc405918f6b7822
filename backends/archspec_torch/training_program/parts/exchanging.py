"""Gradients of a batch that is computed in parts."""

from contextlib import AbstractContextManager, nullcontext

from torch import nn
from torch.distributed.fsdp import FSDPModule
from torch.nn.parallel import DistributedDataParallel


def exchanging(model: nn.Module, last: bool) -> AbstractContextManager[None]:
    """Where a batch is computed in parts, gradients are exchanged with the last one alone."""
    if isinstance(model, FSDPModule):
        model.set_requires_gradient_sync(last)
    if isinstance(model, DistributedDataParallel) and not last:
        return model.no_sync()
    return nullcontext()
