"""A process of our own that is asked for one thing after the other: the parent's side of it, and the child's.

Requests and answers are lines of JSON on the child's standard input and output. What it has to say of a failure comes
over standard error, which is kept in a file: a pipe that nobody reads would fill.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from types import TracebackType
from typing import IO, Any, Final, Self, TypeAlias

from archspec.errors import ArchspecError, Diagnostic

Answer: TypeAlias = dict[str, Any]

_SHOWN: Final = 12
"""Of the last lines that a failed process wrote."""


class WorkerError(Exception):
    """A process failed, or ended.

    Attributes:
        code: with which it ended; less than 0 is the signal that killed it.
        said: the error that it raised, in a line; empty where it could not say any.
        lines: the last that it wrote.
    """

    def __init__(self, code: int, said: str, lines: tuple[str, ...]) -> None:
        super().__init__(said or f"exit {code}")
        self.code = code
        self.said = said
        self.lines = lines


class WorkerProcess:
    """The parent's side; a context manager, which ends the process.

    Args:
        module: what `python -m` runs: a module that calls `serve`.
        arguments: of its command line.
        environment: variables beside those of this process.
    """

    def __init__(self, module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self.is_over_limit = False
        """It was killed since it took too long."""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        self._running = subprocess.Popen(
            # -P: the current folder is the user's, and may hold a numpy.py
            [sys.executable, "-P", "-m", module, *arguments],
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            encoding="utf-8",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    @property
    def alive(self) -> bool:
        """It has not ended."""
        return self._running.poll() is None

    @contextmanager
    def limited(self, seconds: float | None) -> Iterator[None]:
        """Kill the process where what is done within takes longer than this; None is no limit."""
        if seconds is None:
            yield
            return
        timer = threading.Timer(seconds, self._exceed)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _exceed(self) -> None:
        self.is_over_limit = True
        self._running.kill()

    def ask(self, **request: Any) -> Answer:
        """What it answers.

        Raises:
            WorkerError: it failed.
            ArchspecError: of the kind that it raised there.
        """
        self.send(**request)
        return self.receive()

    def send(self, **request: Any) -> None:
        """Ask, and do not wait for the answer."""
        with suppress(OSError):  # where it has ended, what it wrote says why
            _stream(self._running.stdin).write(json.dumps(request) + "\n")
            _stream(self._running.stdin).flush()

    def receive(self) -> Answer:
        """The answer to the first request that has none yet; raises as `ask` does."""
        try:
            line = _stream(self._running.stdout).readline()
            found: Answer = json.loads(line) if line else {}
            if not line or "failed" in found:
                raise self._failure(found.get("failed", ""))
            if "refused" in found:
                raise _refusal(found["kind"], [Diagnostic(**refusal) for refusal in found["refused"]])
        except BaseException:  # a late answer, after an interruption, would be taken for that to another request
            self.end()
            raise
        return found

    def end(self) -> None:
        """Kill it: it holds nothing that could be lost."""
        self._running.kill()
        self._running.wait()
        for stream in (self._running.stdin, self._running.stdout):
            with suppress(OSError):  # what was written and not read
                _stream(stream).close()
        self._errors.close()

    def _failure(self, said: str) -> WorkerError:
        code = self._running.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", errors="replace").splitlines()
        return WorkerError(code, said, tuple([line for line in lines if line.strip()][-_SHOWN:]))


def _refusal(kind: str, diagnostics: list[Diagnostic]) -> ArchspecError:
    """What a process refused, as the error that it raised there."""
    kinds = {found.__name__: found for found in ArchspecError.__subclasses__()}
    return kinds.get(kind, ArchspecError)(diagnostics)


def _stream(stream: IO[str] | None) -> IO[str]:
    assert stream is not None  # it was opened as a pipe
    return stream


def serve(handle: Callable[[Answer], Answer]) -> None:
    """The child's side: answer requests until there are no more.

    The process ends when its standard input does, even in the middle of a request: then nobody waits for its answers.
    What `archspec` refuses is said as it is, and the next request may come; any other error ends the process.

    Args:
        handle: the answer to a request.
    """
    # Frameworks print to standard output; what we answer goes past them.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(found: Answer) -> None:
        answers.write(json.dumps(found) + "\n")
        answers.flush()

    for request in _requests():
        try:
            answer(handle(request))
        except ArchspecError as error:
            refused = [{"code": d.code, "message": d.message, "help": d.help} for d in error.diagnostics]
            answer({"refused": refused, "kind": type(error).__name__})
        except Exception as error:  # whatever a framework raises
            traceback.print_exc()
            text = str(error).strip() or type(error).__name__
            answer({"failed": f"{type(error).__name__}: {text.splitlines()[0]}"})
            sys.stderr.flush()
            os._exit(1)  # a framework's threads may wait for something


def _requests() -> Iterator[Answer]:
    """The requests in turn."""
    lines: SimpleQueue[str] = SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line)
        os._exit(1)

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield json.loads(lines.get())
