"""Histories read back, and the picture of their curves."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from archspec.errors import OutputError, TrainingDataError
from archspec.training.curves import draw_curves
from archspec.training.history import read_run, read_runs
from archspec.training.parts.records import History
from tests.needed import needs


def write_run(folder: Path, *, epochs: int = 3, steps: bool = True, accuracy: float = 0.9) -> Path:
    history = History(folder)
    for step in range(epochs * 10 or 5):
        if steps:
            history.step(step, 2.0 / (step + 1), 0.1 / (step + 1))
        if epochs and step % 10 == 9:
            numbers = {"train_loss": 2.0 / (step + 2), "validation_accuracy": accuracy - 1 / (step + 2), "seconds": 1.0}
            history.epoch(step // 10 + 1, step + 1, 0.1, numbers)
    if epochs:
        history.final(epochs * 10, {"test_accuracy": accuracy})
    history.close()
    return folder


def test_a_run_is_read_back(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "first"))
    assert (run.name, len(run.steps), len(run.epochs), run.last) == ("first", 30, 3, {"test_accuracy": 0.9})
    assert run.measured() == ["train_loss", "validation_accuracy"]
    assert run.best("train_loss") == 2.0 / 31
    assert run.best("validation_accuracy") == 0.9 - 1 / 31
    assert run.best("validation_loss") is None
    assert read_run(tmp_path / "first" / "history.jsonl") == run


def test_the_end_of_a_run_that_was_killed_is_passed_over(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "killed")
    with (folder / "history.jsonl").open("a") as file:
        file.write('{"step": 31, "lo')
    assert len(read_run(folder).steps) == 30


def test_a_number_that_is_none_is_not_the_best(tmp_path: Path) -> None:
    history = History(tmp_path)
    for epoch, value in enumerate((math.nan, 0.5, math.inf), 1):
        history.epoch(epoch, epoch, 0.1, {"train_loss": value})
    history.close()
    assert read_run(tmp_path).best("train_loss") == 0.5


@pytest.mark.parametrize(
    "text", ["{}\n", '{"step": 1}\n', "[1]\n", "no JSON\n", '{"epoch": "x", "step": 1, "rate": 1}\n']
)
def test_a_damaged_history_is_an_error_with_the_file(text: str, tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_text(text)
    with pytest.raises(TrainingDataError, match=r"E1002.*history\.jsonl is damaged"):
        read_run(tmp_path)


def test_what_is_no_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match="is no run: there is no history"):
        read_run(tmp_path)
    with pytest.raises(TrainingDataError, match="there is no run"):
        read_run(tmp_path / "none")


def test_runs_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    paths = [write_run(tmp_path / one / "run") for one in ("a", "b")]
    assert [run.name for run in read_runs(paths)] == [str(path) for path in paths]


@needs("matplotlib")
def test_the_picture_has_each_run_and_each_number_and_the_same_bytes_again(tmp_path: Path) -> None:
    paths = [
        write_run(tmp_path / "first"),
        write_run(tmp_path / "second", steps=False),
        write_run(tmp_path / "short", epochs=1),
    ]
    picture = tmp_path / "curves.svg"
    draw_curves(read_runs(paths), picture)
    text = picture.read_text()
    for word in ("first", "second", "short", "loss", "accuracy", "rate", "train", "validation", "epoch"):
        assert f">{word}<" in text
    before = picture.read_bytes()
    draw_curves(read_runs(paths), picture)
    assert picture.read_bytes() == before


@needs("matplotlib")
def test_a_run_without_an_epoch_is_drawn_by_its_steps(tmp_path: Path) -> None:
    draw_curves(read_runs([write_run(tmp_path / "run", epochs=0)]), tmp_path / "curves.svg")
    assert ">step<" in (tmp_path / "curves.svg").read_text()
    empty = tmp_path / "empty"
    History(empty).close()
    with pytest.raises(OutputError, match="nothing to draw"):
        draw_curves(read_runs([empty]), tmp_path / "nothing.svg")
    assert not (tmp_path / "nothing.svg").exists()
