"""One look at a spec: what is right, or what is wrong, and the files that it took."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from archspec.analysis.levels import Level
from archspec.diagram.drawing import drawing
from archspec.diagram.page.page import payload
from archspec.errors import ArchspecError, Diagnostic
from archspec.ir.graph import LayerGraph
from archspec.watching.files import Stamp, stamp

Compile: TypeAlias = Callable[[Callable[[Path], object]], LayerGraph]
"""Gives the spec's graph, and calls what it is given with each file before that is read; see `archspec.api.loaded`."""


@dataclass(frozen=True, slots=True)
class ValidNetwork:
    """The network, and what the page shows of it, also as JSON."""

    graph: LayerGraph
    shown: Mapping[str, Any]
    encoded: bytes


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a spec is at a moment: `found` is the network, or all that is wrong."""

    found: ValidNetwork | tuple[Diagnostic, ...]
    seen: Mapping[Path, Stamp]
    """The files that were looked for, whether or not they are there, as they were before they were read."""
    seconds: float


def take_snapshot(compile: Compile, level: Level) -> Snapshot:
    """Compile the spec and draw it."""
    start = time.perf_counter()
    seen: dict[Path, Stamp] = {}
    found: ValidNetwork | tuple[Diagnostic, ...]
    try:
        graph = compile(lambda path: seen.setdefault(path, stamp(path)))
        shown = payload(drawing([graph], level=level))
        found = ValidNetwork(graph, shown, json.dumps(shown, separators=(",", ":")).encode())
    except ArchspecError as error:
        found = error.diagnostics
    except OSError as error:  # a folder that may not be entered, a disk that has gone: it may be otherwise soon
        reason = " ".join(filter(None, (error.filename and f"{error.filename}:", error.strerror or str(error))))
        found = (Diagnostic("E0101", f"the spec cannot be read: {reason}"),)
    return Snapshot(found, seen, time.perf_counter() - start)
