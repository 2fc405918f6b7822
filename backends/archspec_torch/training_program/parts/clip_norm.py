"""Clipping by the norm of all gradients together."""

import torch
from torch import nn
from torch.distributed.tensor import DTensor


@torch.no_grad()
def clip_norm(model: nn.Module, most: float) -> None:
    """Make the norm of all gradients together `most`, where it is greater."""
    gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    norm = norm.full_tensor() if isinstance(norm, DTensor) else norm  # of sharded weights
    # PyTorch's clip_grad_norm_ adds 1e-6 to the norm.
    torch._foreach_mul_(gradients, torch.clamp(most / norm, max=1.0))
