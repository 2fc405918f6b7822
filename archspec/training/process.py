"""Runs a program of a run's folder as a process of its own, and hands on the signals that ask this one to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, Final

_HANDED_ON: Final = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def run_program(folder: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the `train.py` of a folder; its output is this process's.

    Ctrl-C, SIGTERM and SIGHUP reach the program, and this process waits until it has ended.

    Args:
        folder: the run's.
        arguments: of the program.
        environment: variables beside those of this process.

    Returns:
        The program's exit code; 128 and the number of the signal that ended it.
    """
    # In a process group of its own, so that Ctrl-C on the terminal comes once: the second one ends it at once.
    own: dict[str, Any] = {"process_group": 0} if os.name == "posix" else {}
    sys.stdout.flush()
    with _handing_on() as hand_on:
        process = subprocess.Popen(
            [sys.executable, str(folder / "train.py"), *arguments], env={**os.environ, **environment}, **own
        )
        hand_on(process)
        code = process.wait()
    return 128 - code if code < 0 else code


@contextmanager
def _handing_on() -> Iterator[Any]:
    """Signals go to a process once there is one; those that come before that are kept for it."""
    processes: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def hear(number: int, _: FrameType | None) -> None:
        if not processes:
            early.append(number)
        for process in processes:
            with suppress(ProcessLookupError):
                process.send_signal(number)

    def hand_on(process: subprocess.Popen[bytes]) -> None:
        processes.append(process)
        for number in early:
            hear(number, None)

    if threading.current_thread() is not threading.main_thread():
        yield hand_on  # only the main thread may say what a signal does
        return
    before = {number: signal.signal(number, hear) for number in _HANDED_ON}
    try:
        yield hand_on
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        for process in processes:
            if process.poll() is None:  # this process is ended by an error
                process.kill()
