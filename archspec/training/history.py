"""What runs have written of themselves, read back: their histories and names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archspec.atomic_files import system_error
from archspec.errors import Diagnostic, TrainingDataError
from archspec.training.parts.records import read_history
from archspec.training.plateau import rises


@dataclass(frozen=True, slots=True)
class RunHistory:
    """The history of one run."""

    name: str
    """The name of its folder."""
    steps: tuple[Mapping[str, Any], ...]
    """Of steps: `step`, `loss`, `rate`."""
    epochs: tuple[Mapping[str, Any], ...]
    """Of epochs: `epoch`, `step`, `rate`, and what was measured, such as `validation_accuracy`."""
    last: Mapping[str, Any]
    """What was measured at the end, such as `test_accuracy`; empty where it has not ended."""

    def measured(self) -> list[str]:
        """The names of the numbers of epochs, in their order."""
        found = {name: None for line in self.epochs for name, value in line.items() if isinstance(value, float)}
        return [name for name in found if name not in ("rate", "seconds")]

    def best(self, name: str) -> float | None:
        """The best of the numbers of this name; None where there is none."""
        values = [line[name] for line in self.epochs if isinstance(line.get(name), float) and line[name] == line[name]]
        return (max if rises(name) else min)(values, default=None)


def read_runs(paths: Sequence[Path]) -> list[RunHistory]:
    """The histories of runs, each by its folder or by its `history.jsonl`; names that are equal get their folders.

    Raises:
        TrainingDataError: there is no history, or it is damaged.
    """
    runs = [read_run(path) for path in paths]
    names = [run.name for run in runs]
    if len(set(names)) == len(names):
        return runs
    return [RunHistory(str(path), run.steps, run.epochs, run.last) for path, run in zip(paths, runs, strict=True)]


def read_run(path: Path) -> RunHistory:
    """The history of a run, by its folder or by its `history.jsonl`.

    Raises:
        TrainingDataError: there is none, or it is damaged.
    """
    file = path / "history.jsonl" if path.is_dir() else path
    if not file.is_file():
        message = f"{path} is no run: there is no {file.name} in it" if path.is_dir() else f"{path}: there is no run"
        raise TrainingDataError(Diagnostic("E1002", message, help="give the folder that `archspec train` wrote"))
    try:
        lines = read_history(file)
        steps = tuple({"step": line["step"], "loss": line["loss"], "rate": line["rate"]} for line in _steps(lines))
        epochs = tuple(line for line in lines if "epoch" in line)
        for line in epochs:
            int(line["epoch"]), int(line["step"]), float(line["rate"])
    except OSError as error:
        raise TrainingDataError(system_error(file, error)) from None
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError, AttributeError):
        message = f"{file} is damaged: expected a line of JSON for each step and each epoch"
        raise TrainingDataError(Diagnostic("E1002", message, help="a run writes it; it is not for editing")) from None
    last: Mapping[str, Any] = next((line for line in reversed(lines) if line.get("final")), {})
    name = file.resolve().parent.name
    return RunHistory(name, steps, epochs, {key: value for key, value in last.items() if key not in ("final", "step")})


def _steps(lines: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [line for line in lines if "epoch" not in line and "final" not in line]
