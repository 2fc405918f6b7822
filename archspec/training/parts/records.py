"""What a training program remembers and shows: its history, its checkpoints, its progress.

Nothing here knows of a framework: arrays are NumPy's. A history is written line by line and a checkpoint whole or not
at all, so a program that is killed at any moment can go on from its last checkpoint.

Order within a program: `History.epoch` first, then the checkpoint of that epoch. One that is killed between the two
goes on from the checkpoint before, and `resume_at` cuts off the line that it is about to write again.
"""

import csv
import json
import math
import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, Self, TextIO

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file


class History:
    """The numbers of a run: `history.jsonl` has all of them, `history.csv` those of epochs, `tensorboard/` both.

    TensorBoard's files are written where the package `tensorboard` is installed. The numbers of an epoch are called
    after the split and the metric: `train_loss`, `validation_accuracy`; `seconds` is what it took.
    """

    def __init__(self, folder: Path, *, resume_at: int | None = None) -> None:
        """Opens the history of a run.

        Args:
            folder: where the run's files are.
            resume_at: how many steps there were when the checkpoint was written that the run goes on from: what is
                said of later ones is cut off, since they are made again. None begins a history.

        Raises:
            SystemExit: the folder has a history already, and this run does not go on from it.
        """
        self._path, self._table = folder / "history.jsonl", folder / "history.csv"
        if resume_at is None and self._path.exists():
            raise SystemExit(
                f"{self._path} is there already: go on from it with --resume, or write elsewhere with --output"
            )
        folder.mkdir(parents=True, exist_ok=True)
        kept = [] if resume_at is None else [line for line in read_history(self._path) if _before(line, resume_at)]
        _replace(self._path, "".join(f"{_json(line)}\n" for line in kept))
        self.epochs: list[dict[str, Any]] = [line for line in kept if "epoch" in line]
        """The numbers of each epoch so far."""
        self.last: dict[str, Any] = {}
        """What was measured at the end."""
        self._file = self._path.open("a", encoding="utf-8")
        self._tensorboard = _Tensorboard.if_installed(folder / "tensorboard", resume_at)
        if self._tensorboard is not None:
            for line in kept:
                if line["step"] == resume_at:  # an epoch that ended there, which TensorBoard forgets as well
                    self._tensorboard.write(line["step"], line)
        self._write_table()

    def step(self, step: int, loss: float, rate: float) -> None:
        """Writes down a step, counted from 0: the loss of its batch before its update, and its rate."""
        self._write({"step": step, "loss": float(loss), "rate": float(rate)}, step)

    def epoch(self, epoch: int, step: int, rate: float, numbers: Mapping[str, Any], *, partial: bool = False) -> None:
        """Writes down an epoch, counted from 1, that ended.

        Args:
            epoch: which.
            step: how many steps there were so far.
            rate: of the last of them.
            numbers: what was measured, such as `train_loss` and `validation_accuracy`; a matrix as lists.
            partial: a dry run ended within it. A run that goes on ends this epoch, so then the line is cut off.
        """
        line = {"epoch": epoch, "step": step, "rate": rate, **{key: _plain(value) for key, value in numbers.items()}}
        if partial:
            line["partial"] = True
        self.epochs.append(line)
        self._write(line, step)
        self._write_table()

    def final(self, step: int, numbers: Mapping[str, Any]) -> None:
        """Writes down what was measured at the end, such as `test_accuracy`, after so many steps."""
        self.last = {key: _plain(value) for key, value in numbers.items()}
        self._write({"final": True, "step": step, **self.last}, step)

    def table(self) -> str:
        """The numbers of the epochs, at most 20 of them, as a table to be read."""
        every = max(1, math.ceil(len(self.epochs) / 20))
        shown = [line for n, line in enumerate(self.epochs, 1) if n % every == 0 or n == len(self.epochs)]
        names = [name for name in _columns(self.epochs) if name != "step"]
        rows = [[name.replace("_", " ") for name in names]]
        rows += [[_short(line.get(name)) for name in names] for line in shown]
        widths = [max(len(row[column]) for row in rows) for column in range(len(names))]
        lines = ("  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in rows)
        return "\n".join(lines)

    def close(self) -> None:
        """Closes the files."""
        self._file.close()
        if self._tensorboard is not None:
            self._tensorboard.close()

    def _write(self, line: Mapping[str, Any], step: int) -> None:
        self._file.write(f"{_json(line)}\n")
        self._file.flush()
        if self._tensorboard is not None:
            self._tensorboard.write(step, line)

    def _write_table(self) -> None:
        columns = _columns(self.epochs)
        partial = self._table.with_suffix(".csv.part")
        with partial.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.epochs)
        partial.replace(self._table)


def read_history(path: Path) -> list[dict[str, Any]]:
    """The lines of a `history.jsonl`; a last one that is not whole, of a run that was killed, is left out."""
    lines = path.read_text(encoding="utf-8").split("\n") if path.is_file() else [""]
    return [{key: _number(value) for key, value in json.loads(line).items()} for line in lines[:-1]]


def _before(line: Mapping[str, Any], steps: int) -> bool:
    """Whether a line stays where a run goes on after so many steps.

    What was measured at the end never does, nor does an epoch that a dry run ended within.
    """
    if "final" in line or "partial" in line:
        return False
    return bool(line["step"] <= steps if "epoch" in line else line["step"] < steps)


def _json(line: Mapping[str, Any]) -> str:
    """A line of JSON. It has no word for what is not finite, so that is written as a text: "nan", "inf"."""
    return json.dumps({key: _writable(value) for key, value in line.items()}, allow_nan=False)


def _plain(value: Any) -> Any:
    """A number or lists of numbers as Python has them, of what may be NumPy's."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _writable(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: Any) -> Any:
    return float(value) if value in ("nan", "inf", "-inf") else value


def _columns(epochs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of the numbers of epochs, without matrices; `epoch`, `step` and `rate` are there in any case."""
    found = {name: None for line in epochs for name, value in line.items() if _is_number(value)}
    return list({"epoch": None, "step": None, "rate": None, **found})


def _short(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _replace(path: Path, text: str) -> None:
    partial = path.with_suffix(f"{path.suffix}.part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


class _Tensorboard:
    """A file of scalars for TensorBoard, by its own package alone: it does not import TensorFlow."""

    def __init__(self, folder: Path, resume_at: int | None) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.record_writer import RecordWriter

        self._event, self._summary = Event, Summary
        folder.mkdir(parents=True, exist_ok=True)
        now = time.time()
        self._file = (folder / f"events.out.tfevents.{now:.6f}.{os.getpid()}").open("wb")
        self._records = RecordWriter(self._file)
        self._put(file_version="brain.Event:2")
        if resume_at is not None:  # TensorBoard then forgets what earlier files say of this step and of later ones
            self._put(step=resume_at, session_log=SessionLog(status=SessionLog.START))

    @classmethod
    def if_installed(cls, folder: Path, resume_at: int | None) -> "Self | None":
        try:
            return cls(folder, resume_at)
        except ImportError:
            return None

    def write(self, step: int, line: Mapping[str, Any]) -> None:
        """Adds the numbers of a line of the history."""
        numbers = {key: value for key, value in line.items() if key not in ("epoch", "step")}
        values = [
            self._summary.Value(tag="/".join(name.split("_", 1)), simple_value=value)
            for name, value in numbers.items()
            if _is_number(value)
        ]
        self._put(step=step, summary=self._summary(value=values))
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def _put(self, **fields: Any) -> None:
        self._records.write(self._event(wall_time=time.time(), **fields).SerializeToString())


def save_checkpoint(path: Path, arrays: Mapping[str, NDArray[Any]], state: Mapping[str, Any]) -> None:
    """Writes a checkpoint as a safetensors file, whole or not at all.

    Args:
        path: of the file.
        arrays: weights by their names, and whatever else there is under a prefix of its own, as `optimizer/`.
        state: what else is needed to go on, as JSON has it; it stands in the file's metadata.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    # safetensors writes an array's memory as it lies, so it must lie in order.
    ordered = {name: np.asarray(arrays[name], order="C") for name in sorted(arrays)}
    save_file(ordered, partial, metadata={"state": json.dumps(dict(state), sort_keys=True)})
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    partial.replace(path)


def load_checkpoint(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The arrays of a safetensors file, and the state in its metadata; none in a file of weights alone.

    Raises:
        SystemExit: the file is not there, or is damaged.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            names = file.keys()
            arrays = {name: file.get_tensor(name) for name in names}
            return arrays, json.loads((file.metadata() or {}).get("state", "{}"))
    except FileNotFoundError:
        raise SystemExit(f"{path}: there is no such file") from None
    except Exception as error:  # safetensors has errors of its own
        raise SystemExit(f"{path} is no safetensors file, or is damaged: {error}") from None


class Progress:
    """How far a run is: one line on a terminal that is written over, else a line now and then."""

    def __init__(self, steps: int, epochs: int, start: int = 0, stream: TextIO | None = None) -> None:
        """Begins to show a run.

        Args:
            steps: how many steps there are in all.
            epochs: how many epochs there are in all.
            start: how many steps there were before this run, which goes on from them.
            stream: where it is written; stderr unless given.
        """
        self._steps, self._epochs, self._start = steps, epochs, start
        self._stream = stream if stream is not None else sys.stderr
        self._terminal = self._stream.isatty()
        self._pause = 0.1 if self._terminal else 30.0
        self._began = self._shown = time.monotonic()
        self._examples, self._shown_examples, self._speed = 0, 0, 0.0
        self._width = 0

    def due(self) -> bool:
        """Whether it is time for `step` to show something: only then is a loss worth fetching from a device."""
        return time.monotonic() - self._shown >= self._pause

    def count(self, examples: int) -> None:
        """Counts the examples of a step."""
        self._examples += examples

    def step(self, epoch: int, step: int, loss: float, rate: float) -> None:
        """Shows a step: its epoch counted from 1, how many steps there were, its loss and its rate."""
        now = time.monotonic()
        current = (self._examples - self._shown_examples) / max(now - self._shown, 1e-9)
        self._speed = 0.7 * self._speed + 0.3 * current if self._speed else current
        self._shown, self._shown_examples = now, self._examples
        done = step - self._start
        left = (now - self._began) / done * (self._steps - step) if done > 0 else 0.0
        parts = [
            f"epoch {epoch}/{self._epochs}",
            f"step {step}/{self._steps}",
            f"loss {loss:.4f}",
            f"rate {rate:.3g}",
            f"{self._speed:,.0f} images/s",
            f"{_clock(left)} left",
        ]
        self._line("  ".join(parts))

    def epoch(self, epoch: int, numbers: Mapping[str, Any]) -> None:
        """Shows an epoch that ended, in a line that stays."""
        shown = [f"{name.replace('_', ' ')} {_short(value)}" for name, value in numbers.items() if _is_number(value)]
        self.say(f"epoch {epoch}/{self._epochs}  {'  '.join(shown)}")

    def say(self, text: str) -> None:
        """Writes a line that stays."""
        self.clear()
        print(text, file=self._stream, flush=True)

    def clear(self) -> None:
        """Takes the line on the terminal away, so that something else can be written."""
        if self._width:
            print(f"\r{' ' * self._width}\r", end="", file=self._stream, flush=True)
            self._width = 0

    def _line(self, text: str) -> None:
        if not self._terminal:
            print(text, file=self._stream, flush=True)
            return
        room = shutil.get_terminal_size().columns - 1
        text = text[:room]
        print(f"\r{text.ljust(self._width)}", end="", file=self._stream, flush=True)
        self._width = len(text)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Interruption:
    """Hears Ctrl-C and SIGTERM within a `with` block, so that a run can end after a step; a second one ends it at once.

    `asked` is the number of the signal once there was one. The program then writes its checkpoint and exits with
    `code`.
    """

    asked: int | None = None

    def __enter__(self) -> Self:
        heard = (signal.SIGINT, signal.SIGTERM)
        self._before = {number: signal.signal(number, self._hear) for number in heard}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def code(self) -> int:
        """The exit code of a process that a signal ended: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + (self.asked or 0)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.asked is not None:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self.asked = number
        with suppress(OSError):
            os.write(2, b"\nending after this step, with a checkpoint; once more ends at once\n")
