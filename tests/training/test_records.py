"""What a training program remembers: histories that a killed run goes on with, whole checkpoints, watched numbers."""

from __future__ import annotations

import ast
import csv
import io
import json
import math
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archspec.recipe import EarlyStopping, Plateau
from archspec.training.parts import records, watching
from archspec.training.plateau import PlateauState, StoppingState

SOURCE = Path(records.__file__)


def _run(folder: Path, first: int, last: int, resume_at: int | None = None) -> None:
    """Steps `first` to `last` of a run of two steps an epoch."""
    history = records.History(folder, resume_at=resume_at)
    for step in range(first, last):
        history.step(step, 1 / (step + 3), 0.1)
        if step % 2:
            numbers: dict[str, Any] = {"train_loss": 1 / (step + 7), "validation_accuracy": step / 100}
            history.epoch(step // 2 + 1, step + 1, 0.1, {**numbers, "validation_confusion": [[1, 2], [3, 4]]})
    if last == 8:
        history.final(last, {"test_accuracy": 0.75})
    history.close()


@pytest.mark.parametrize("checkpoint", range(9))
def test_a_history_that_is_gone_on_with_is_that_of_one_run(checkpoint: int, tmp_path: Path) -> None:
    _run(tmp_path / "whole", 0, 8)
    _run(tmp_path / "resumed", 0, min(checkpoint + 3, 8))
    with (tmp_path / "resumed" / "history.jsonl").open("a") as file:
        file.write('{"step": 12, "lo')  # it was killed while it wrote
    _run(tmp_path / "resumed", checkpoint, 8, resume_at=checkpoint)
    for name in ("history.jsonl", "history.csv"):
        assert (tmp_path / "resumed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_an_epoch_that_a_dry_run_ended_within_is_cut_off(tmp_path: Path) -> None:
    history = records.History(tmp_path)
    history.epoch(1, 2, 0.1, {"train_loss": 0.5})
    history.epoch(2, 3, 0.1, {"train_loss": 0.25}, partial=True)
    history.final(3, {"test_loss": 0.25})
    history.close()
    lines = records.read_history(tmp_path / "history.jsonl")
    assert lines[1] == {"epoch": 2, "step": 3, "rate": 0.1, "train_loss": 0.25, "partial": True}
    assert (tmp_path / "history.csv").read_text().startswith("epoch,step,rate,train_loss\n")
    assert records.History(tmp_path, resume_at=3).epochs == lines[:1]


def test_a_history_has_each_number_to_the_last_bit(tmp_path: Path) -> None:
    _run(tmp_path, 0, 8)
    lines = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert [line["loss"] for line in lines if "loss" in line] == [1 / (step + 3) for step in range(8)]
    assert lines[-1] == {"final": True, "step": 8, "test_accuracy": 0.75}
    assert lines[2]["validation_confusion"] == [[1, 2], [3, 4]]
    with (tmp_path / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "step", "rate", "train_loss", "validation_accuracy"]
    assert [float(row["train_loss"]) for row in rows] == [1 / (step + 7) for step in (1, 3, 5, 7)]


def test_a_history_is_not_written_over(tmp_path: Path) -> None:
    _run(tmp_path, 0, 8)
    before = (tmp_path / "history.jsonl").read_bytes()
    with pytest.raises(SystemExit, match=r"history\.jsonl is there already: go on from it with --resume"):
        records.History(tmp_path)
    assert (tmp_path / "history.jsonl").read_bytes() == before


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_again(tmp_path: Path) -> None:
    _run(tmp_path / "whole", 0, 8)
    _run(tmp_path / "killed", 0, 3)
    _run(tmp_path / "killed", 0, 8, resume_at=0)
    assert (tmp_path / "killed/history.jsonl").read_bytes() == (tmp_path / "whole/history.jsonl").read_bytes()


def test_numbers_that_are_not_finite_are_written_as_json_and_read_back(tmp_path: Path) -> None:
    history = records.History(tmp_path)
    history.epoch(1, 1, 0.1, {"train_loss": math.inf, "validation_loss": np.float32("nan")})
    history.close()
    json.loads((tmp_path / "history.jsonl").read_text(), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    (line,) = records.read_history(tmp_path / "history.jsonl")
    assert line["train_loss"] == math.inf
    assert math.isnan(line["validation_loss"])


def test_a_table_shows_at_most_20_epochs_and_the_last(tmp_path: Path) -> None:
    history = records.History(tmp_path)
    for epoch in range(1, 202):
        history.epoch(epoch, epoch * 10, 0.1, {"train_loss": 1 / epoch, "validation_accuracy": 0.5})
    history.close()
    head, *rows = history.table().splitlines()
    assert head.split("  ")[-1] == "validation accuracy"
    assert len(rows) <= 20
    assert rows[-1].split()[0] == "201"
    assert len({len(row) for row in (head, *rows)}) == 1


@pytest.mark.needs("tensorboard")
def test_tensorboard_reads_what_is_written_and_forgets_what_is_made_again(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    _run(tmp_path, 0, 7)
    _run(tmp_path, 4, 8, resume_at=4)
    found = EventAccumulator(str(tmp_path / "tensorboard"))
    found.Reload()
    assert set(found.Tags()["scalars"]) == {"loss", "rate", "train/loss", "validation/accuracy", "test/accuracy"}
    assert [event.step for event in found.Scalars("loss")] == list(range(8))
    assert [event.step for event in found.Scalars("train/loss")] == [2, 4, 6, 8]


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {
        "weight": np.arange(12, dtype=np.float32).reshape(3, 4).T,  # not in order
        "optimizer/step": np.float64(7.25),
        "optimizer/velocity": np.zeros((0, 3)),
        "bytes": np.arange(5, dtype=np.uint8)[::2],
    }
    state = {"step": 7, "best": 0.1 + 0.2, "worst": math.inf, "sums": {"loss": 1 / 3}}
    path = tmp_path / "checkpoints" / "last.safetensors"
    records.save_checkpoint(path, arrays, state)
    found, kept = records.load_checkpoint(path)
    assert kept == state
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].shape == np.shape(array)
        assert found[name].dtype == np.asarray(array).dtype
        assert np.array_equal(found[name], array)
    assert [each.name for each in path.parent.iterdir()] == ["last.safetensors"]
    first = path.read_bytes()
    records.save_checkpoint(path, {name: arrays[name] for name in reversed(arrays)}, dict(reversed(state.items())))
    assert path.read_bytes() == first, "the same checkpoint has the same bytes"


def test_a_checkpoint_that_is_damaged_or_missing_is_said(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    with pytest.raises(SystemExit, match=r"last\.safetensors: there is no such file"):
        records.load_checkpoint(path)
    records.save_checkpoint(path, {"weight": np.zeros(4)}, {})
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(SystemExit, match="no safetensors file, or is damaged"):
        records.load_checkpoint(path)


def test_a_checkpoint_is_whole_whenever_its_writer_is_killed(tmp_path: Path) -> None:
    script = f"""
        import sys
        sys.path.insert(0, {str(SOURCE.parent)!r})
        from pathlib import Path
        import numpy as np
        from records import save_checkpoint
        step = 0
        while True:
            step += 1
            path = Path({str(tmp_path)!r}) / "last.safetensors"
            save_checkpoint(path, {{"a": np.full(300_000, step)}}, {{"step": step}})
            print(step, flush=True)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for _ in range(5):
        process.stdout.readline()
    process.kill()
    process.wait()
    arrays, state = records.load_checkpoint(tmp_path / "last.safetensors")
    assert state["step"] >= 5
    assert np.array_equal(arrays["a"], np.full(300_000, state["step"]))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_asked_for_once_and_ends_the_program_the_second_time(number: signal.Signals, code: int) -> None:
    script = f"""
        import os, sys, time
        sys.path.insert(0, {str(SOURCE.parent)!r})
        from records import Interruption
        with Interruption() as interruption:
            os.kill(os.getpid(), {int(number)})
            print(interruption.asked, interruption.code, flush=True)
            os.kill(os.getpid(), {int(number)})
            time.sleep(60)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.split() == [str(int(number)), str(code)]
    assert "with a checkpoint" in done.stderr
    assert done.returncode == -number


def test_signals_are_heard_as_before_after_the_block() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with records.Interruption() as interruption:
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
    assert interruption.asked is None


def test_progress_without_a_terminal_is_plain_lines() -> None:
    stream = io.StringIO()
    progress = records.Progress(100, 10, start=40, stream=stream)
    assert not progress.due()
    progress.count(640)
    progress.step(5, 50, 0.25, 0.1)
    progress.epoch(5, {"train_loss": 0.25, "validation_confusion": [[1]]})
    first, second = stream.getvalue().splitlines()
    assert first.startswith("epoch 5/10  step 50/100  loss 0.2500  rate 0.1  ")
    assert first.endswith("images/s  0:00 left")
    assert second == "epoch 5/10  train loss 0.25"
    assert "\r" not in stream.getvalue()


def test_progress_on_a_terminal_is_one_line_that_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("shutil.get_terminal_size", lambda *_, **__: os.terminal_size((40, 24)))
    stream = Terminal()
    progress = records.Progress(100, 10, stream=stream)
    progress.step(1, 1, 0.25, 0.1)
    progress.step(1, 2, 0.125, 0.1)
    assert "\n" not in stream.getvalue()
    assert all(len(line) <= 39 for line in stream.getvalue().split("\r"))
    progress.say("done")
    assert stream.getvalue().endswith(f"\r{' ' * 39}\rdone\n")


VALUES = st.lists(
    st.one_of(st.sampled_from([0.5, 0.4999, 0.5001, 0.25, math.nan, math.inf]), st.floats(0, 1)), max_size=40
)


@given(
    values=VALUES,
    watch=st.sampled_from(["validation_loss", "validation_accuracy"]),
    factor=st.sampled_from([0.1, 0.1**0.5]),
    patience=st.integers(0, 3),
    cooldown=st.integers(0, 3),
    threshold=st.sampled_from([0.0, 1e-4, 0.1]),
    mode=st.sampled_from(["relative", "absolute"]),
    cut=st.integers(0, 40),
)
@settings(max_examples=300, deadline=None)
def test_a_plateau_does_what_that_of_plans_does(
    values: list[float],
    watch: str,
    factor: float,
    patience: int,
    cooldown: int,
    threshold: float,
    mode: str,
    cut: int,
) -> None:
    given = {"factor": factor, "patience": patience, "cooldown": cooldown, "threshold": threshold}
    of_plan = Plateau(watch=watch, threshold_mode=mode, **given)  # type: ignore[arg-type]

    def new() -> watching.Plateau:
        return watching.Plateau(watch, threshold_mode=mode, **given)  # type: ignore[arg-type]

    state, plateau = PlateauState(), new()
    for number, value in enumerate(values):
        if number == cut:  # a run that is gone on with
            kept, plateau = json.loads(json.dumps(plateau.state_dict())), new()
            plateau.load_state_dict(kept)
        before = plateau.reduction
        state, lowered = state.after(value, of_plan), plateau.after(value)
        assert (plateau.best, plateau.waited, plateau.cooling, plateau.reduction) == (
            state.best,
            state.waited,
            state.cooling,
            state.reduction,
        )
        assert lowered == (plateau.reduction != before)


@given(
    values=VALUES,
    watch=st.sampled_from(["train_loss", "validation_top_5"]),
    patience=st.integers(0, 3),
    start=st.integers(0, 4),
    threshold=st.sampled_from([0.0, 0.1]),
    mode=st.sampled_from(["relative", "absolute"]),
    cut=st.integers(0, 40),
)
@settings(max_examples=300, deadline=None)
def test_early_stopping_does_what_that_of_plans_does(
    values: list[float], watch: str, patience: int, start: int, threshold: float, mode: str, cut: int
) -> None:
    given = {"patience": patience, "start": start, "threshold": threshold, "threshold_mode": mode}
    of_plan = EarlyStopping(watch=watch, **given)  # type: ignore[arg-type]

    def new() -> watching.EarlyStopping:
        return watching.EarlyStopping(watch, **given)  # type: ignore[arg-type]

    state, stopping = StoppingState(), new()
    for number, value in enumerate(values):
        if number == cut:
            kept, stopping = json.loads(json.dumps(stopping.state_dict())), new()
            stopping.load_state_dict(kept)
        state, ends = state.after(value, of_plan), stopping.after(value)
        assert (stopping.best, stopping.waited, stopping.epochs) == (state.best, state.waited, state.epoch)
        assert ends == state.ends(of_plan)


def test_the_best_is_the_first_of_equals() -> None:
    best = watching.Watched("validation_accuracy")
    assert [best.improves(value) for value in (0.5, 0.5, 0.75, math.nan, 0.75, 0.8)] == [
        True,
        False,
        True,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("module", [records, watching])
def test_what_programs_share_imports_nothing_of_archspec_and_no_framework(module: ModuleType) -> None:
    assert module.__file__ is not None
    tree = ast.parse(Path(module.__file__).read_text())
    modules = {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    modules |= {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    assert modules - sys.stdlib_module_names <= {"numpy", "safetensors", "tensorboard"}


def test_early_stopping_says_why() -> None:
    stopping = watching.EarlyStopping("validation_loss", patience=0)
    for value in (1.0, 2.0):
        stopping.after(value)
    assert stopping.stopped
    assert stopping.reason == "early stopping: validation loss has not become better for 1 epoch"
