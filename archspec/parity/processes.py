"""Who takes part in a comparison: a backend on one of its engines, in a process of its own.

Frameworks disturb each other within a process, and Keras fixes its engine when it is imported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from archspec.api import Form
from archspec.codegen.backend import RunsModels
from archspec.codegen.registry import backend as find_backend
from archspec.errors import BackendError, Diagnostic, Note, ParityError, did_you_mean
from archspec.worker_process import WorkerError, WorkerProcess


@dataclass(frozen=True, slots=True)
class Participant:
    """A backend, on one of the engines that it runs on: `torch`, `keras:tensorflow`, `onnx:reference`.

    `source` replaces what archspec generates: the way to compare an edited file. Of `form` inference it is the form
    for inference of the network, with weights that were folded with it.
    """

    backend: str
    engine: str | None = None
    source: str | bytes | None = None
    form: Form = "training"

    @classmethod
    def parse(cls, text: str) -> Participant:
        """From the form in which it is named on the command line."""
        backend, _, engine = text.strip().partition(":")
        return cls(backend, engine or None)

    @property
    def label(self) -> str:
        """How tables name it."""
        name = f"{self.backend}:{self.engine}" if self.engine else self.backend
        if self.form == "inference":
            name += " (form for inference)"
        return name if self.source is None else f"{name} (given source)"

    def environment(self) -> Mapping[str, str]:
        """The environment variables of its process.

        Raises:
            BackendError: there is no such backend, or it runs no models.
            ParityError: the backend has no such engine.
        """
        target = find_backend(self.backend, RunsModels)
        if self.engine is not None and self.engine not in target.engines:
            message = f"{target.title} does not run on `{self.engine}`"
            help = did_you_mean(self.engine, target.engines) or f"choose one of {', '.join(target.engines)}"
            raise ParityError(Diagnostic("E0603", message, help=help))
        return {} if self.engine is None else target.environment(self.engine)


def check_installed(participants: Sequence[Participant]) -> None:
    """See that all that the participants run on can be imported, before a process is started for any.

    Raises:
        BackendError: there is no such backend, or what it needs is not installed; all that is missing.
        ParityError: a backend has no such engine.
    """
    missing: dict[Diagnostic, None] = {}
    for participant in participants:
        participant.environment()  # it runs models, and the engine exists
        try:
            find_backend(participant.backend, RunsModels).require(participant.engine)
        except BackendError as error:
            missing |= dict.fromkeys(error.diagnostics)
    if missing:
        raise BackendError(missing)


class Process(WorkerProcess):
    """A process of a backend on an engine."""

    def __init__(self, participant: Participant) -> None:
        super().__init__("archspec.parity.worker", participant.backend, environment=participant.environment())
        self._label = participant.label
        self._versions: Mapping[str, str] | None = None
        self.send(versions=True)  # the framework is imported while others are started

    @property
    def versions(self) -> Mapping[str, str]:
        """The versions of what it runs on; waits for the framework to be imported.

        Raises:
            BackendError: what it needs is not installed, or cannot be imported.
        """
        if self._versions is None:
            self._versions = self.receive()["versions"]
        return self._versions

    def receive(self) -> dict[str, Any]:
        """What it answers.

        Raises:
            ParityError: it failed.
            ArchspecError: what it refused, as it said it.
        """
        try:
            return super().receive()
        except WorkerError as error:
            notes = tuple(map(Note, error.lines))
            message = f"the process of {self._label} failed (exit {error.code})"
            help = "the machine may have too little memory: try a smaller --batch or --size" if error.code < 0 else ""
            raise ParityError(Diagnostic("E0802", message, notes=notes, help=help)) from None


class ProcessPool:
    """Processes that outlive a comparison: a framework takes seconds to import. They end with the context.

    A process serves one participant of a comparison at a time, and any comparison that has one on its engine.
    """

    def __init__(self) -> None:
        self._processes: dict[tuple[str, str | None, int], Process] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """End all processes; more may be started afterwards."""
        for running in self._processes.values():
            running.end()
        self._processes.clear()

    def processes(self, participants: Sequence[Participant]) -> list[Process]:
        """One for each participant; those that are not there yet are started, all at once.

        Raises:
            BackendError, ParityError: there is no such backend, or it has no such engine.
        """
        found: list[Process] = []
        taken: Counter[tuple[str, str | None]] = Counter()
        for participant in participants:
            runs_on = (participant.backend, participant.engine)
            key = (*runs_on, taken[runs_on])
            taken[runs_on] += 1
            if key in self._processes and not self._processes[key].alive:
                self._processes.pop(key).end()
            if key not in self._processes:
                self._processes[key] = Process(participant)
            found.append(self._processes[key])
        return found
