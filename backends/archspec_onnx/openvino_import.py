"""OpenVINO, imported without the report that its import sends.

The package `openvino` has `openvino_telemetry` send an event over the network when it is imported, from a second
process that is forked and waited for up to 3 s. A program that measures or checks a network is no occasion for that,
and where the first process is ended meanwhile, the second stays behind. Without the package OpenVINO has a stub.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast


@contextmanager
def _without(name: str) -> Iterator[None]:
    """Have the import of a module fail, as if it were not installed, as long as this lasts."""
    modules = cast(dict[str, Any], sys.modules)  # None says that there is no such module
    before = {found: module for found, module in modules.items() if found.partition(".")[0] == name}
    for found in before:
        del modules[found]
    modules[name] = None
    try:
        yield
    finally:
        del modules[name]
        modules.update(before)


with _without("openvino_telemetry"):
    import openvino as openvino
