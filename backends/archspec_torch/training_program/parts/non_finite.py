"""Where the first number that is not finite arose."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn


def first_non_finite(network: nn.Module, inputs: Tensor) -> str:
    """The first layer that gives a number that is not finite for these inputs."""
    found: list[str] = []

    def look(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, _: Any, output: Any) -> None:
            if not found and not all(torch.isfinite(each).all() for each in _tensors(output)):
                found.append(f"the first layer with one is {name} ({type(module).__name__})")

        return hook

    for name, module in network.named_modules():
        if name:
            module.register_forward_hook(look(name))
    with torch.no_grad():
        network(inputs)
    return found[0] if found else "no layer gives one: it arose in the loss"


def _tensors(output: Any) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, dict | list | tuple):
        for each in output.values() if isinstance(output, dict) else output:
            yield from _tensors(each)
