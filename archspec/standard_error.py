"""What libraries in C write on the process's standard error, kept from the user unless something goes wrong.

This is for the program, not for who imports archspec as a library: it is the whole process whose standard error goes
elsewhere meanwhile.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

ERRORS: Final = 2
"""The number of standard error for the system, under which libraries in C write."""
_EACH: Final = re.compile(b"")
_WATCH: Final = """
import os
if not os.read(0, 1):
    os.lseek(1, 0, 0)
    while some := os.read(1, 65536):
        os.write(2, some)
"""
"""What a second process does, whose input ends when this one does, and whose output is the file of what is withheld.

A library may end this process without a way back into Python, as TensorFlow's `LOG(FATAL)` does; its last words are in
the file then.
"""
_held: list[bool] = []
"""Not empty while standard error goes elsewhere."""


@contextmanager
def withheld(lines: re.Pattern[bytes] = _EACH) -> Iterator[None]:
    """Keep what is written on standard error from the user, and show it if the block or the process ends in error.

    TensorFlow greets each import with remarks in C++ that no environment variable silences. Where standard error is
    closed, or no temporary file or process can be had, it stays as it is. A block within another changes nothing.

    Args:
        lines: how lines begin that are kept; others are shown once the block is over.
    """
    if _held:
        yield
        return
    import subprocess  # only a command that imports a framework needs these two
    import tempfile

    try:
        held = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
    except OSError:
        yield
        return
    with held:
        try:
            watcher = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _WATCH],
                stdin=subprocess.PIPE,
                stdout=held,
                start_new_session=True,  # Ctrl-C is for this process alone
            )
        except OSError:
            yield
            return
        try:
            before = os.dup(ERRORS)
        except OSError:  # it is closed
            watcher.kill()
            watcher.communicate()
            yield
            return
        _flush()
        os.dup2(held.fileno(), ERRORS)
        _held.append(True)
        kept: re.Pattern[bytes] | None = None
        try:
            yield
            kept = lines
        except KeyboardInterrupt:
            kept = _EACH
            raise
        finally:
            _flush()
            os.dup2(before, ERRORS)
            _held.clear()
            os.close(before)
            watcher.kill()
            watcher.communicate()
            held.seek(0)
            for line in held:
                if kept is None or not kept.match(line):
                    with suppress(OSError):
                        os.write(ERRORS, line)


def _flush() -> None:
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()
