"""Runs of generated training programs, each a process of its own, and what they leave behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archspec.errors import Diagnostic, Note, ParityError
from archspec.parity.processes import Participant
from archspec.training.parts.records import load_checkpoint, read_history, save_checkpoint
from archspec.training.program import TrainingProgram

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_SHOWN: Final = 12
"""Of the last lines that a failed program wrote."""
_CLOCK: Final = ("seconds",)
"""Numbers of a history that a clock measured."""


@dataclass(frozen=True, slots=True)
class ProgramRun:
    """What a training program computed: all of it in float64, as it was written."""

    losses: Mapping[int, float]
    """By step, from 1: the loss of its batch before the step."""
    rates: Mapping[int, float]
    """By step, from 1."""
    measured: Mapping[str, float]
    """The numbers of each epoch, and those at the end, by what they are; what a clock measured is left out."""
    weights: Mapping[str, Array]
    """Weights and running statistics after the last step, by canonical name, in canonical layout."""


class Program:
    """A training program in a folder, and the process environment in which it runs."""

    def __init__(self, participant: Participant, program: TrainingProgram, folder: Path, data: Path | None) -> None:
        self.participant = participant
        self.target = program.backend
        self._graph = program.graph
        self._folder = folder
        self._data = data
        self._runs = 0

    def run(self, weights: Mapping[str, Array], steps: int) -> ProgramRun:
        """Train from these weights for so many steps.

        Args:
            weights: all of the network's, in float64, by canonical name, in canonical layout.
            steps: 1 or more.

        Raises:
            ParityError: the program failed (E0802).
        """
        self._runs += 1
        output = self._folder / f"run{self._runs}"
        start = self._folder / f"start{self._runs}.safetensors"
        save_checkpoint(start, dict(self.target.to_checkpoint(self._graph, weights)), {})
        arguments = [f"--output={output}", f"--weights={start}", f"--limit-steps={steps}", "--log-every=1"]
        if self._data is not None:
            arguments.append(f"--data={self._data.resolve()}")
        finished = subprocess.run(
            [sys.executable, str(self._folder / "train.py"), *arguments],
            env={**os.environ, **self.participant.environment()},
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if finished.returncode:
            raise self._failure(finished.returncode, finished.stderr)
        found, _ = load_checkpoint(output / "checkpoints" / "last.safetensors")
        return _read(output / "history.jsonl", self.target.from_checkpoint(self._graph, found))

    def _failure(self, code: int, errors: bytes) -> ParityError:
        lines = [line for line in errors.decode("utf-8", errors="replace").splitlines() if line.strip()]
        notes = tuple(Note(line) for line in lines[-_SHOWN:])
        message = f"the training program of {self.participant.label} failed (exit {code})"
        return ParityError(Diagnostic("E0802", message, notes=notes))


def _read(path: Path, weights: Mapping[str, Array]) -> ProgramRun:
    losses: dict[int, float] = {}
    rates: dict[int, float] = {}
    numbers: dict[str, float] = {}
    for line in read_history(path):
        if "loss" in line:
            number = line["step"] + 1
            losses[number], rates[number] = line["loss"], line["rate"]
            continue
        when = "at the end" if "final" in line else f"of epoch {line['epoch']}"
        for name, value in line.items():
            if name not in ("epoch", "step", "final", *_CLOCK):
                numbers |= {f"{place} {when}": number for place, number in _flat(name, value)}
    return ProgramRun(losses, rates, numbers, weights)


def _flat(name: str, value: Any) -> Iterator[tuple[str, float]]:
    """The numbers of a line of a history: a matrix, as of confusion, has many."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _flat(f"{name}[{number}]", item)
    else:
        yield name, float(value)
