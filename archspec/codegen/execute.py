"""Running generated source: what runs is what can be read."""

from __future__ import annotations

import hashlib
import linecache
import sys
from types import ModuleType


def execute(source: str, backend: str, name: str) -> ModuleType:
    """The source as an imported module.

    It is entered in `sys.modules`, so that models can be pickled and classes found again in this process, and in
    `linecache`, so that tracebacks and `inspect.getsource` show its lines. The same source gives the same module.
    """
    digest = hashlib.sha256(source.encode()).hexdigest()[:12]
    module_name = f"archspec_generated_{backend}_{name}_{digest}"
    found = sys.modules.get(module_name)
    if found is not None:
        return found
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
