"""What frameworks say of themselves while they are imported, which no command's reader has asked for.

TensorFlow's libraries write of processors and of CUDA to the process's standard error, whatever `TF_CPP_MIN_LOG_LEVEL`
says: the log is not set up then. Where that variable is set by the user, nothing is changed.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

from archspec.standard_error import withheld

_LEVEL: Final = "TF_CPP_MIN_LOG_LEVEL"
_CHATTER: Final = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog|[IWE]0000 \d|To enable the following instructions: "
)
"""How the lines of these libraries begin."""


def quiet_frameworks() -> None:
    """Have this process's frameworks say only what matters; for a process that is the program's alone."""
    if _LEVEL not in os.environ:
        os.environ[_LEVEL] = "3"
        sys.meta_path.insert(0, _Finder())


class _Finder:
    """Finds the modules whose import writes, as they are found otherwise, and has them imported quietly.

    It is no `MetaPathFinder` by name: to import that class takes as long as a file of ours.
    """

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        quietly = _QUIETLY.get(name)
        if quietly is None:
            return None
        found: ModuleSpec | None = None
        for finder in sys.meta_path:
            if finder is not self and (found := finder.find_spec(name, path, target)) is not None:
                break
        loader: Any = found.loader if found is not None else None
        if hasattr(loader, "exec_module"):
            loader.exec_module = quietly(loader.exec_module)
        return found


def _tensorflow(execute: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
    def quiet(module: ModuleType) -> None:
        with withheld(_CHATTER):
            execute(module)

    return quiet


def _absl(execute: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
    def quiet(module: ModuleType) -> None:
        execute(module)
        module.set_verbosity(module.ERROR)

    return quiet


_QUIETLY: Final = {"tensorflow": _tensorflow, "absl.logging": _absl}
