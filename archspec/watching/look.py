"""One look at a spec: what is right, or what is wrong, and the files that it took."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archspec.diagram.drawing import drawing
from archspec.diagram.page.page import payload
from archspec.diagram.reading import Level
from archspec.errors import ArchspecError, Diagnostic
from archspec.ir.graph import LayerGraph

Compile = Callable[[list[Path]], LayerGraph]
"""Gives the graph of the spec, and adds each file that it looked for to a list, even where the spec is wrong."""


@dataclass(frozen=True, slots=True)
class Right:
    """The network, and what the page shows of it, also as JSON."""

    graph: LayerGraph
    shown: Mapping[str, Any]
    encoded: bytes


@dataclass(frozen=True, slots=True)
class Look:
    """What a spec is at a moment: `found` is the network, or all that is wrong."""

    found: Right | tuple[Diagnostic, ...]
    asked: frozenset[Path]
    """The files that were looked for, whether or not they are there."""
    seconds: float


def look(compile: Compile, level: Level) -> Look:
    """Compile the spec and draw it."""
    start = time.perf_counter()
    asked: list[Path] = []
    found: Right | tuple[Diagnostic, ...]
    try:
        graph = compile(asked)
        shown = payload(drawing([graph], level=level))
        found = Right(graph, shown, json.dumps(shown, separators=(",", ":")).encode())
    except ArchspecError as error:
        found = error.diagnostics
    return Look(found, frozenset(asked), time.perf_counter() - start)
