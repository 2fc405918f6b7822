"""`archspec train` and `archspec evaluate`, as a user calls them; the programs run in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.commands.conftest import Run
from tests.needed import needs

pytestmark = needs("sklearn", "torch")

SMALL = ("digits_resnet", "--set", "width=4", "--recipe", "digits", "--recipe-set", "epochs=3", "--workers", "0")


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def train(folder: Path, *arguments: str, code: int = 0) -> tuple[str, str]:
    """Run the command in a process, since the program's output is not this one's."""
    command = [sys.executable, "-m", "archspec", "train", *SMALL, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout, done.stderr


def lines(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]


def without_seconds(run: Path) -> list[dict[str, Any]]:
    """The lines without what a run cannot repeat, nor what a dry run measured where it ended within an epoch."""
    found = [line for line in lines(run) if "epoch" not in line or line["step"] % 20 == 0]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in found]


def test_emit_writes_the_program_and_says_how_it_is_run(run: Run, tmp_path: Path) -> None:
    code, out, err = run("train", *SMALL, "-o", "run", "--emit")
    assert (code, err) == (0, "")
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names > {"checkpoints", "data.py", "model.py", "recipe.yaml", "records.py", "spec.yaml", "train.py"}
    assert "history.jsonl" not in names
    for words in ("60 steps of 64 in 3 epochs", "1,298 for training, 355 for the test, 144 for validation"):
        assert words in out
    (command,) = [line.split("by itself")[1].strip() for line in out.splitlines() if "by itself" in line]
    assert command == "python run/train.py --workers 0 --weights run/checkpoints/initial.safetensors"
    assert run("train", *SMALL, "-o", "run", "--emit")[0] == 0, "files of ours are written anew"
    (tmp_path / "run" / "train.py").write_text("mine")
    code, _, err = run("train", *SMALL, "-o", "run", "--emit")
    assert code == 1
    assert "E0604" in err
    assert run("train", *SMALL, "-o", "run", "--emit", "--force")[0] == 0


@pytest.mark.slow
def test_a_run_ends_with_its_accuracy_and_is_evaluated_and_gone_on_with(run: Run, tmp_path: Path) -> None:
    out, _ = train(tmp_path, "-o", "run", "--log-every", "1")
    last = out.splitlines()[-1]
    assert last.startswith("test accuracy 0.")
    folder = tmp_path / "run"
    assert [line["epoch"] for line in lines(folder) if "epoch" in line] == [1, 2, 3]
    # Another run over it is refused, and nothing of it is lost.
    before = (folder / "history.jsonl").read_bytes()
    code, _, err = run("train", *SMALL, "-o", "run")
    assert code == 1
    assert "there is a run in run already" in err
    assert (folder / "history.jsonl").read_bytes() == before
    # The last weights give the accuracy that the run said.
    command = [sys.executable, "-m", "archspec", "evaluate", *SMALL, "--weights", "run/checkpoints/last.safetensors"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == last
    # A dry run, gone on with, is the same run.
    train(tmp_path, "-o", "dry", "--log-every", "1", "--limit-steps", "7")
    train(tmp_path, "-o", "dry", "--log-every", "1", "--resume")
    assert without_seconds(tmp_path / "dry") == without_seconds(folder)
    for name in ("last", "best"):
        ours, theirs = (each / "checkpoints" / f"{name}.safetensors" for each in (folder, tmp_path / "dry"))
        assert ours.read_bytes() == theirs.read_bytes()


def test_resume_asks_for_a_run_of_the_same_network(run: Run, tmp_path: Path) -> None:
    code, _, err = run("train", *SMALL, "-o", "none", "--resume")
    assert code == 1
    assert "none is no run that could be gone on with" in err
    run("train", *SMALL, "-o", "run", "--emit")
    code, _, err = run("train", *SMALL, "--set", "width=8", "-o", "run", "--resume")
    assert code == 3
    assert "E0606" in err
    assert not (tmp_path / "none").exists()


def test_ctrl_c_ends_the_run_with_a_checkpoint(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "archspec", "train", *SMALL, "--recipe-set", "epochs=200", "-o", "run"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    history = tmp_path / "run" / "history.jsonl"
    end = time.monotonic() + 300
    while not (history.exists() and "epoch" in history.read_text()) and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert "--resume" in err
    assert (tmp_path / "run" / "checkpoints" / "last.safetensors").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--emit", "--resume"), "one of the two"),
        (("--resume", "--weights", "w.safetensors"), "--resume goes on with one"),
        (("-o", ""), "-o needs a folder"),
        (("--strip-prefix", "model."), "are for --weights"),
    ],
)
def test_options_that_do_not_go_together(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        run("train", *SMALL, *arguments)
    assert caught.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--backend", "onnx"), 1, "E0607"),
        (("--backend", "keras:nothing"), 1, "Keras does not run on `nothing`"),
        (("--backend", "tourch"), 1, "E0603"),
        (("--data", "nowhere"), 1, "nowhere: there is no such folder"),
        (("--recipe-set", "epoch=3"), 1, "unknown param `epoch`"),
        (("--weights", "none.safetensors"), 1, "E0701"),
    ],
)
def test_what_is_refused_writes_nothing(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    found, _, err = run("train", *SMALL, "-o", "run", *arguments, "--emit")
    assert found == code
    assert words in err
    assert list(tmp_path.iterdir()) == []


def test_data_are_asked_for_and_looked_at(run: Run, tmp_path: Path) -> None:
    code, _, err = run("train", "cifar_resnet", "--recipe", "cifar10_paper", "-o", "run")
    assert code == 1
    assert "the recipe's data are `cifar10`, and nobody said where they are" in err
    assert "--data" in err
    (tmp_path / "data").mkdir()
    code, _, err = run("train", "cifar_resnet", "--recipe", "cifar10_paper", "--data", "data", "-o", "run")
    assert code == 1
    assert "no CIFAR-10 here; expected data_batch_1.bin" in err


def test_a_run_begins_with_weights_that_are_given(run: Run, tmp_path: Path) -> None:
    run("init", "digits_resnet", "--set", "width=4", "--seed", "5", "-o", "five.safetensors")
    assert run("train", *SMALL, "-o", "canonical", "--weights", "five.safetensors", "--emit")[0] == 0
    given = "canonical/checkpoints/initial.safetensors"
    assert run("train", *SMALL, "-o", "again", "--weights", given, "--emit")[0] == 0
    first, second = (tmp_path / name / "checkpoints" / "initial.safetensors" for name in ("canonical", "again"))
    assert first.read_bytes() == second.read_bytes()
    run("train", *SMALL, "-o", "drawn", "--emit")
    assert (tmp_path / "drawn" / "checkpoints" / "initial.safetensors").read_bytes() != first.read_bytes()


def test_evaluate_asks_for_weights(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run("evaluate", *SMALL)
    assert caught.value.code == 2
    assert "--weights is needed" in capsys.readouterr().err


@pytest.mark.slow
def test_the_digits_are_learned(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "archspec", "train", "digits_resnet", "--recipe", "digits", "-o", "run"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=900)
    words, _, accuracy = done.stdout.splitlines()[-1].rpartition(" ")
    assert words == "test accuracy"
    assert float(accuracy) >= 0.98
