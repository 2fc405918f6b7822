"""Errors of memory, said so that one knows what to do."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


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
