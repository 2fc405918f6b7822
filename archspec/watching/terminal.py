"""What `archspec watch` says in the terminal: a line for each save, what changed, or what is wrong."""

from __future__ import annotations

import sys
import time
from typing import Final

from rich.console import Console
from rich.text import Text

from archspec.analysis.diff_text import to_brief
from archspec.analysis.graph_diff import diff
from archspec.analysis.number_format import counted
from archspec.ir.graph import LayerGraph
from archspec.reporting import plain, to_text
from archspec.watching.snapshot import Snapshot, ValidNetwork

CHANGES: Final = 3
"""Lines about what changed."""


class Terminal:
    """Lines on standard output, and errors on standard error as `archspec validate` prints them."""

    def __init__(self, spec: str, *, color: bool, color_errors: bool) -> None:
        self._spec = plain(spec)
        self._console = Console(
            file=sys.stdout, force_terminal=color, color_system="standard" if color else None, soft_wrap=True
        )
        self._color_errors = color_errors
        self._last: LayerGraph | None = None

    def greet(self, url: str) -> None:
        """Say where the page is."""
        self._print(Text.assemble(f"watching {self._spec}, shown at ", (url, "bold"), " (Ctrl-C ends)"))

    def report(self, look: Snapshot) -> None:
        """Say what a look found, and what changed since the last one that found all right."""
        clock, took = (time.strftime("%H:%M:%S"), "dim"), f"in {look.seconds:.2f} s"
        found = look.found
        if isinstance(found, ValidNetwork):
            graph = found.graph
            counts = f"{graph.layer_count} layers, {graph.parameters:,} parameters, {counted(graph.macs)} MACs"
            self._print(Text.assemble(clock, f" {self._spec}: ", ("right", "bold green"), f" ({counts}) {took}"))
            for line in [] if self._last is None else _changes(self._last, graph):
                self._print(Text(f"         {line}"))
            self._last = graph
        else:
            errors = "an error" if len(found) == 1 else f"{len(found)} errors"
            self._print(Text.assemble(clock, f" {self._spec}: ", (errors, "bold red"), f" {took}"))
            print(f"\n{to_text(found, color=self._color_errors)}\n", file=sys.stderr, flush=True)

    def _print(self, text: Text) -> None:
        self._console.print(text)
        sys.stdout.flush()  # whoever reads a pipe waits for the line


def _changes(before: LayerGraph, after: LayerGraph) -> list[str]:
    found = diff(before, after)
    return ["the network is as it was"] if found.equal else to_brief(found, CHANGES)
