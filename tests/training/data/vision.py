"""torchvision, where it is installed, whatever its build: its C++ operators are not needed here."""

from __future__ import annotations

from typing import Any

import pytest


def torchvision() -> Any:
    """The module; the test is skipped where there is none.

    A build for CUDA beside PyTorch's for the CPU cannot load its operators, and then fails to describe them.
    """
    library = pytest.importorskip("torch.library")
    register = library.register_fake

    def lenient(name: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(name, str) and name.startswith("torchvision::"):
            return lambda function: function
        return register(name, *args, **kwargs)

    library.register_fake = lenient
    try:
        return pytest.importorskip("torchvision", exc_type=ImportError)
    finally:
        library.register_fake = register
