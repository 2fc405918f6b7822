"""Who takes part in a comparison: a backend on one of its engines, in a process of its own.

Frameworks disturb each other within a process, and Keras fixes its engine when it is imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from archspec.codegen.backend import backend as find_backend
from archspec.errors import Diagnostic, Note, ParityError, did_you_mean

_SHOWN: Final = 12
"""Of the last lines that a failed process wrote."""


@dataclass(frozen=True, slots=True)
class Participant:
    """A backend, on one of the engines that it runs on: `torch`, `keras:tensorflow`, `onnx:reference`.

    `source` replaces what archspec generates: the way to compare an edited file.
    """

    backend: str
    engine: str | None = None
    source: str | bytes | None = None

    @classmethod
    def parse(cls, text: str) -> Participant:
        """From the form in which it is named on the command line."""
        backend, _, engine = text.strip().partition(":")
        return cls(backend, engine or None)

    @property
    def label(self) -> str:
        """How tables name it."""
        return f"{self.backend}:{self.engine}" if self.engine else self.backend

    def environment(self) -> Mapping[str, str]:
        """The environment variables of its process.

        Raises:
            BackendError: there is no such backend.
            ParityError: the backend has no such engine.
        """
        target = find_backend(self.backend)
        if self.engine is not None and self.engine not in target.engines:
            message = f"{target.title} does not run on `{self.engine}`"
            help = did_you_mean(self.engine, target.engines) or f"choose one of {', '.join(target.engines)}"
            raise ParityError(Diagnostic("E0603", message, help=help))
        return {} if self.engine is None else target.environment(self.engine)


class Process:
    """A participant's process; it is asked for one thing after the other, and answers when it is done."""

    def __init__(self, participant: Participant, folder: Path, index: int, running: subprocess.Popen[str]) -> None:
        self.participant = participant
        self.versions: Mapping[str, str] = {}
        self._folder = folder
        self._index = index
        self._running = running

    def ask(self, **request: Any) -> dict[str, Any]:
        """What it answers.

        Raises:
            ParityError: it failed, or what it needs is not installed.
        """
        with suppress(OSError):  # where it has ended, what it wrote says why
            _stream(self._running.stdin).write(json.dumps(request) + "\n")
            _stream(self._running.stdin).flush()
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """The next line that it writes; see `ask`."""
        line = _stream(self._running.stdout).readline()
        if not line:
            raise self._failure()
        found: dict[str, Any] = json.loads(line)
        if "refused" in found:
            raise ParityError([Diagnostic(**refusal) for refusal in found["refused"]])
        return found

    def _failure(self) -> ParityError:
        code = self._running.wait()
        text = _errors(self._folder, self._index).read_text(encoding="utf-8", errors="replace")
        notes = tuple(Note(line) for line in [line for line in text.splitlines() if line.strip()][-_SHOWN:])
        message = f"the process of {self.participant.label} failed (exit {code})"
        help = "the machine may have too little memory: try a smaller --batch or --size" if code < 0 else ""
        return ParityError(Diagnostic("E0802", message, notes=notes, help=help))


@contextmanager
def process(participant: Participant, folder: Path, index: int) -> Iterator[Process]:
    """A running process, whose `answer` is to be awaited before the first request; it ends with the context."""
    # -P: the current folder is the user's, and may hold a numpy.py
    command = [sys.executable, "-P", "-m", "archspec.parity.worker", str(folder), str(index)]
    environment = {**os.environ, **participant.environment()}
    with _errors(folder, index).open("w", encoding="utf-8") as errors:
        running = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, encoding="utf-8"
        )
    try:
        yield Process(participant, folder, index, running)
    finally:
        running.kill()  # it holds nothing that could be lost
        running.wait()
        for stream in (running.stdin, running.stdout):
            _close(stream)


def _errors(folder: Path, index: int) -> Path:
    return folder / f"errors-{index}.txt"


def _stream(stream: IO[str] | None) -> IO[str]:
    assert stream is not None  # it was opened as a pipe
    return stream


def _close(stream: IO[str] | None) -> None:
    with suppress(OSError):  # what was written and not read
        _stream(stream).close()
