"""What `archspec watch` says in the terminal: a line for each save, what changed, or what is wrong."""

from __future__ import annotations

import sys
import time
from typing import Final

from rich.console import Console
from rich.text import Text

from archspec.analysis.comparing import diff
from archspec.analysis.numbers import counted
from archspec.analysis.telling import to_brief
from archspec.ir.graph import LayerGraph
from archspec.reporting import plain, to_text
from archspec.watching.look import Look, Right

CHANGES: Final = 3
"""Lines about what changed."""


class Terminal:
    """Lines on standard output, and errors on standard error as `archspec validate` prints them."""

    def __init__(self, spec: str, *, colour: bool, colour_errors: bool) -> None:
        self._spec = plain(spec)
        self._console = Console(
            file=sys.stdout, force_terminal=colour, color_system="standard" if colour else None, soft_wrap=True
        )
        self._colour_errors = colour_errors
        self._last: LayerGraph | None = None

    def greet(self, url: str) -> None:
        """Say where the page is."""
        self._print(Text.assemble(f"watching {self._spec}, shown at ", (url, "bold"), " (Ctrl-C ends)"))

    def tell(self, look: Look) -> None:
        """Say what a look found, and what changed since the last one that found all right."""
        clock, took = (time.strftime("%H:%M:%S"), "dim"), f"in {look.seconds:.2f} s"
        found = look.found
        if isinstance(found, Right):
            graph = found.graph
            counts = f"{len(graph.nodes)} layers, {graph.parameters:,} parameters, {counted(graph.macs)} MACs"
            self._print(Text.assemble(clock, f" {self._spec}: ", ("right", "bold green"), f" ({counts}) {took}"))
            for line in [] if self._last is None else _changes(self._last, graph):
                self._print(Text(f"         {line}"))
            self._last = graph
        else:
            errors = "an error" if len(found) == 1 else f"{len(found)} errors"
            self._print(Text.assemble(clock, f" {self._spec}: ", (errors, "bold red"), f" {took}"))
            print(f"\n{to_text(found, colour=self._colour_errors)}\n", file=sys.stderr, flush=True)

    def _print(self, text: Text) -> None:
        self._console.print(text)
        sys.stdout.flush()  # whoever reads a pipe waits for the line


def _changes(before: LayerGraph, after: LayerGraph) -> list[str]:
    found = diff(before, after)
    return ["the network is as it was"] if found.equal else to_brief(found, CHANGES)
