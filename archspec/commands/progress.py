"""What a command says while it works, on a terminal, and what its frameworks say, kept from it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

_ERRORS: Final = 2
"""The number of standard error for the system, under which libraries in C write."""


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
    with os.fdopen(os.dup(_ERRORS), "w", encoding="utf-8", errors="replace") as terminal:
        console = Console(file=terminal, force_terminal=True)
        with console.status("") as status:
            yield lambda what: status.update(Text(f"{what} ..."))


@contextmanager
def withheld() -> Iterator[None]:
    """Keep what is written on standard error from the user, and show it if the block ends with an error.

    TensorFlow greets each import with remarks in C++ that no environment variable silences. This is for a program that
    does nothing else meanwhile: it is the whole process whose standard error goes elsewhere. Where it is closed, or no
    temporary file can be had, it stays as it is.
    """
    try:
        held = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
    except OSError:
        yield
        return
    with held:
        try:
            before = os.dup(_ERRORS)
        except OSError:  # it is closed
            yield
            return
        _flush()
        os.dup2(held.fileno(), _ERRORS)
        failed = True
        try:
            yield
            failed = False
        except KeyboardInterrupt:
            failed = False
            raise
        finally:
            _flush()
            os.dup2(before, _ERRORS)
            os.close(before)
            if failed:
                held.seek(0)
                with suppress(OSError):
                    os.write(_ERRORS, held.read())


def _flush() -> None:
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()
