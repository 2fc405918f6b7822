"""Where the first number that is not finite arose."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves


def first_non_finite(network: nn.Module, inputs: Tensor) -> str:
    """The first layer that gives a number that is not finite for these inputs."""
    names = {module: name for name, module in network.named_modules() if name}
    found: list[str] = []

    def look(module: nn.Module, _: Any, output: Any) -> None:
        tensors = [each for each in tree_leaves(output) if isinstance(each, Tensor)]
        if not found and not all(torch.isfinite(each).all() for each in tensors):
            found.append(f"{names[module]} ({type(module).__name__})")

    for module in names:
        module.register_forward_hook(look)
    with torch.no_grad():
        network(inputs)
    return f"the first layer with one is {found[0]}" if found else "it arose in the loss"
