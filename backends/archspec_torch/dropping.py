"""Training mode in which nothing is dropped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def nothing_dropped(model: nn.Module) -> Iterator[None]:
    """While it holds, modules that drop are as in inference; then they are in the mode that they were in.

    Those are the modules that are called dropout, or are of a kind that is, as `nn.Dropout2d` and the helper
    `DropPath`; and attention, which drops in a function. What an edited source drops by a function of its own is
    not seen.
    """
    found = [module for module in model.modules() if module.training and _drops(module)]
    for module in found:
        module.training = False  # not `eval()`: what stands inside of it may be a batch norm
    try:
        yield
    finally:
        for module in found:
            module.training = True


def _drops(module: nn.Module) -> bool:
    return isinstance(module, nn.MultiheadAttention) or any(
        "drop" in kind.__name__.lower() for kind in type(module).__mro__
    )
