"""What ends a run before its time, said so that one knows what to do."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from archspec.training.data.parts.errors import DataError
from archspec_torch.training_program.parts.distributed import RANKS


class NotFiniteError(Exception):
    """The loss of a step is infinite, or not a number."""

    def __init__(self, step: int, loss: float) -> None:
        super().__init__(f"step {step}: the loss is {loss}")
        self.step = step


def first_non_finite(
    network: nn.Module, batches: Sequence[Tensor], compute: Callable[..., Any] = nn.Module.__call__
) -> str:
    """The first layer that gives a number that is not finite for one of these inputs."""
    if not all(torch.isfinite(inputs).all() for inputs in batches):
        return "the examples have one themselves, before the first layer"
    names = {module: name for name, module in network.named_modules() if name}
    found: list[str] = []

    def look(module: nn.Module, _: Any, output: Any) -> None:
        tensors = [each for each in tree_leaves(output) if isinstance(each, Tensor)]
        if not found and not all(torch.isfinite(each).all() for each in tensors):
            found.append(f"{names[module]} ({type(module).__name__})")

    for module in names:
        module.register_forward_hook(look)
    with torch.no_grad():
        for inputs in batches:
            compute(network, inputs)
    return f"the first layer with one is {found[0]}" if found else "it arose in the loss"


def kept(batches: Iterable[Any], save: Callable[[], object]) -> Iterator[Any]:
    """Batches; where one cannot be read, save what was done before it, so that a run can go on."""
    try:
        yield from batches
    except DataError as error:
        if RANKS > 1:  # the others wait for this process, so it cannot be saved with them
            raise
        save()
        raise DataError(f"{error}\nset it right, and go on from this step with --resume") from None


@contextmanager
def explained(step: Callable[[], int]) -> Iterator[None]:
    """Say clearly where memory does not suffice."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # PyTorch's own is a RuntimeError
        if not isinstance(error, MemoryError) and "allocate" not in str(error):
            raise
        reason = str(error).partition("\n")[0]
        help = "write a smaller `batch` in the recipe, or compute it in parts: `accumulate: 2`"
        sys.exit(f"step {step()}: out of memory ({reason})\n{help}")
