"""Packages that take seconds to import, as tests that need them name them: imported when a test runs, not when found.

    torch: Any = lazily("torch")
    pytestmark = needs("torch")

The marker has them imported before the test and its fixtures, and skips it where one is not installed; `conftest.py`
reads it. The first line gives the module a name in the file.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest


class _Lazy(ModuleType):
    """A module that is imported when something in it is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("_", "pytest")) and self.__name__ not in sys.modules:  # pytest looks at all names of a file
            raise AttributeError(name)
        return getattr(import_module(self.__name__), name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(import_module(self.__name__), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(import_module(self.__name__), name)


def lazily(name: str) -> Any:
    """The module of this name, which need not have been imported yet."""
    return _Lazy(name)


def needs(*names: str) -> pytest.MarkDecorator:
    """Marks a test that needs these modules."""
    return pytest.mark.needs(*names)
