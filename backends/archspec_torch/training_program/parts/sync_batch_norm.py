"""Batch norm over the batches of all processes."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce


class SyncBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm over the batches of all processes, for what PyTorch's own does not do.

    That one is for GPUs alone, and keeps the unbiased variance.
    """

    def __init__(self, *arguments: Any, biased: bool) -> None:
        """Say whether the running variance is the batch's own, biased one."""
        super().__init__(*arguments)
        self.biased = biased

    def _check_input_dim(self, input: Tensor) -> None:
        """All numbers of axes will do."""

    def forward(self, input: Tensor) -> Tensor:
        """The normalized tensor; in training, running statistics are updated."""
        if not self.training:
            return super().forward(input)
        x = input.to(self.running_mean.dtype)  # type: ignore[union-attr]
        axes, shape = [0, *range(2, x.ndim)], [1, -1, *[1] * (x.ndim - 2)]
        count = all_reduce(x.new_tensor(x.numel() / x.shape[1]))  # type: ignore[no-untyped-call]
        mean = all_reduce(x.sum(axes)) / count  # type: ignore[no-untyped-call]
        centered = x - mean.view(shape)
        variance = all_reduce(centered.square().sum(axes)) / count  # type: ignore[no-untyped-call]
        kept = variance if self.biased else variance * count / (count - 1)
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)  # type: ignore[union-attr,arg-type]
            self.running_var.lerp_(kept, self.momentum)  # type: ignore[union-attr,arg-type]
        x = centered * (variance + self.eps).rsqrt().view(shape)
        if self.weight is not None:
            x = x * self.weight.view(shape)
        if self.bias is not None:
            x = x + self.bias.view(shape)
        return x.to(input.dtype)  # type: ignore[no-any-return]


def synchronized(network: nn.Module, device: torch.device) -> nn.Module:
    """Let each batch norm of a network go by the batches of all processes."""
    for name, norm in list(network.named_modules()):
        if not isinstance(norm, nn.modules.batchnorm._BatchNorm):
            continue
        biased = not type(norm).__module__.startswith("torch.")  # PyTorch has no such batch norm
        kind = SyncBatchNorm if biased or device.type != "cuda" else nn.SyncBatchNorm
        options = {"biased": biased} if kind is SyncBatchNorm else {}
        made = kind(norm.num_features, norm.eps, norm.momentum, norm.affine, **options)
        made.weight, made.bias = norm.weight, norm.bias  # of which one alone may be there
        made.load_state_dict(norm.state_dict())
        parent, _, child = name.rpartition(".")
        setattr(network.get_submodule(parent), child, made.to(norm.running_mean))
    return network
