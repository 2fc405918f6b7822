"""How a process ends: its exit codes, streams that are closed, signals that ask it to end, and Ctrl-C.

This is for the program, not for who imports archspec as a library.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

OK: Final = 0
WRONG: Final = 1
"""The spec, the weights or another input is wrong."""
USAGE: Final = 2
"""The command line is wrong; argparse exits with it."""
FAILED: Final = 3
"""A check failed: a generated file is not current, models differ past the tolerance, or two networks differ."""
INTERNAL: Final = 70
"""A bug of archspec's own."""
INTERRUPTED: Final = 130
"""By the user, with Ctrl-C."""
EXIT_CODES: Final = {
    OK: "all is well",
    WRONG: "the spec or another input is wrong",
    USAGE: "the command line is wrong",
    FAILED: "a check failed: a file is not current, models differ, or two networks do",
    INTERNAL: "a mistake of archspec's own: please report it",
    INTERRUPTED: "interrupted, by Ctrl-C; 143 and 129 by SIGTERM and SIGHUP",
}
"""The exit codes and what they mean, for `archspec --help`."""
_ENDING: Final = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextmanager
def in_order() -> Iterator[None]:
    """Let what asks this process to end unwind it, so that it takes its temporary files away: exit code 128 + number.

    SIGTERM does so even where it arrives ignored. SIGHUP stays ignored, as `nohup` wants it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say what a signal does
        return
    before = {number: signal.getsignal(number) for number in _ENDING}
    for number, action in before.items():
        if action == signal.SIG_DFL or (action == signal.SIG_IGN and number == signal.SIGTERM):
            signal.signal(number, _end)
    try:
        yield
    finally:
        for number, action in before.items():
            if action is not None:  # None: it was set by another language's code, and is as it was
                signal.signal(number, action)


def _end(number: int, _: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind an error: a module that is interrupted while it is imported may raise what it likes."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def open_streams() -> None:
    """Put something in the place of standard streams that were closed before the process began.

    Else the next file that is opened would get their numbers, and whoever prints would write into it. What is written
    to standard output is then an error, as on a full disk; that errors cannot be shown is none. What the output's
    encoding has no characters for, as a part of a file's name that is not in UTF-8, is shown by its number.
    """
    if sys.stdin is None:
        _open(0, os.O_RDONLY)
    if sys.stdout is None and _open(1, os.O_RDONLY):
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # as standard error does from the beginning
    if sys.stderr is None and _open(2, os.O_WRONLY):
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _open(number: int, flags: int) -> bool:
    """Open the null device under the number of a stream, if that is free."""
    try:
        os.fstat(number)
    except OSError:
        null = os.open(os.devnull, flags)
        if null != number:
            os.dup2(null, number)
            os.close(null)
        return True
    return False


def discard_output() -> None:
    """Send what is left of the output nowhere: it cannot be written, and Python would try again at the end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
