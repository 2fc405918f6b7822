"""What a command says while it works, on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from archspec.standard_error import ERRORS


@contextmanager
def progress() -> Iterator[Callable[[str], object]]:
    """A line on standard error that says what is being done, where that is a terminal; else nothing is said.

    What it gives is called with each thing that begins. The line is gone when the block ends.
    """
    if not sys.stderr.isatty():
        yield lambda what: None
        return
    from rich.console import Console
    from rich.text import Text

    # By a number of its own, so that it is seen while `withheld` has the usual one.
    with os.fdopen(os.dup(ERRORS), "w", encoding="utf-8", errors="replace") as terminal:
        console = Console(file=terminal, force_terminal=True)
        with console.status("") as status:
            yield lambda what: status.update(Text(f"{what} ..."))
