"""Keras's layers otherwise than they are, for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """While it holds, an object or a class has another attribute; one that it did not have itself goes afterwards."""
    before = {name: vars(owner)[name]} if name in vars(owner) else {}
    setattr(owner, name, value)
    try:
        yield
    finally:
        if before:
            setattr(owner, name, before[name])
        else:
            delattr(owner, name)


@contextmanager
def nothing_dropped(model: Any) -> Iterator[None]:
    """While it holds, no layer drops anything, in training mode either; then each has its rate again.

    Those are the layers that are called dropout, or are of a kind that is, wherever they stand: attention holds one
    of its own. What an edited source drops by a function is not seen.
    """
    with ExitStack() as stack:
        for layer in model._flatten_layers():
            drops = any("drop" in kind.__name__.lower() for kind in type(layer).__mro__)
            if drops and isinstance(getattr(layer, "rate", None), int | float):
                stack.enter_context(replaced(layer, "rate", 0.0))
        yield
