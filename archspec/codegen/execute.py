"""Running generated source: what runs is what can be read."""

from __future__ import annotations

import hashlib
import linecache
import sys
import threading
from types import ModuleType
from typing import Final

_EXECUTING: Final = threading.Lock()
"""Held while a module is looked up or made, so that no thread gets one whose classes are not all there."""


def execute(source: str, backend: str, name: str) -> ModuleType:
    """The source as an imported module, for one thread or several.

    It is entered in `sys.modules`, so that models can be pickled and classes found again in this process, and in
    `linecache`, so that tracebacks and `inspect.getsource` show its lines. The same source gives the same module.
    """
    digest = hashlib.sha256(source.encode()).hexdigest()[:12]
    module_name = f"archspec_generated_{backend}_{name}_{digest}"
    with _EXECUTING:
        found = sys.modules.get(module_name)
        return found if found is not None else _executed(source, module_name)


def _executed(source: str, module_name: str) -> ModuleType:
    """The source as a module that is new."""
    filename = f"<{module_name}>"
    module = ModuleType(module_name)
    module.__file__ = filename
    code = compile(source, filename, "exec", dont_inherit=True)  # not with this file's own __future__
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    sys.modules[module_name] = module
    try:
        exec(code, module.__dict__)
    except BaseException:
        del sys.modules[module_name]
        raise
    return module
