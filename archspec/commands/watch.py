"""`archspec watch`: check and draw a spec on each save. No framework is imported."""

from __future__ import annotations

import argparse
import os
import sys
import webbrowser
from contextlib import suppress
from functools import partial
from threading import Event, Thread
from typing import Final

from archspec.analysis.levels import LEVELS
from archspec.commands.shared import OK, add_spec, compiled, limits, params, use_color
from archspec.spec.loading import find
from archspec.watching.server import Server, require

EXAMPLES: Final = (
    "archspec watch mine.yaml",
    "archspec watch mine.yaml --no-open --port 8000",
)
"""What its help shows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `watch`."""
    parser.description = (
        "Check and draw a spec again whenever it, or a file that it extends or includes, is saved. What is wrong is "
        "shown in the terminal and on the page, which is served to this machine alone. Ctrl-C ends it, and the exit "
        "code is 0."
    )
    add_spec(parser)
    parser.add_argument("--level", choices=LEVELS, default="unit", help="how much the picture shows at first (unit)")
    parser.add_argument("--port", type=_port, default=0, help="where the page is served (a free port)")
    parser.add_argument("--no-open", dest="open", action="store_false", help="do not open the page in the browser")


def run_watch(arguments: argparse.Namespace) -> int:
    """Watch until Ctrl-C, which is how it ends."""
    require()
    # What is wrong with the command line, no saving of the spec fixes.
    find(arguments.spec), params(arguments.params), limits(arguments.limits)

    from archspec.watching.loop import watch
    from archspec.watching.snapshot import Snapshot, take_snapshot
    from archspec.watching.terminal import Terminal

    colors = [use_color(arguments.color, stream) for stream in (sys.stdout, sys.stderr)]
    terminal = Terminal(arguments.spec, color=colors[0], color_errors=colors[1])
    with suppress(KeyboardInterrupt), Server(arguments.spec, arguments.port) as server:

        def show(found: Snapshot) -> None:
            server.show(found)
            terminal.report(found)

        terminal.greet(server.url)
        if arguments.open:
            _open(server.once())
        watch(partial(take_snapshot, partial(compiled, arguments.spec, arguments), arguments.level), show, Event())
    return OK


def _open(url: str) -> None:
    """Show the page in the browser, if there is one: a text browser would take the terminal."""
    if sys.platform in ("win32", "darwin") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))):
        Thread(target=webbrowser.open, args=(url,), daemon=True).start()  # it may wait for the browser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"`{text}` is not a port: a whole number up to 65535")
    return int(text)
