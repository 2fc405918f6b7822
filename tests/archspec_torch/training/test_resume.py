"""A run that was killed and goes on equals one that was not, bit for bit."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

from tests.archspec_torch.training.run_folder import SMALL, Run, program

DROPPING = SMALL.replace("  - flatten\n", "  - flatten\n  - dropout: {name: drop, rate: 0.3}\n")
ALL: Mapping[str, Any] = {
    "epochs": 14,
    "precision": "float32",
    "optimizer": {"adam": {"learning_rate": 0.01}},
    "weight_decay": {"amount": 0.01, "coupled": False},
    "schedule": {"by": "epoch", "smooth": True, "phases": [{"linear": {"start": 0.1, "length": 2}}, "cosine"]},
    "plateau": {"watch": "validation_loss", "factor": 0.5, "patience": 0, "threshold": 0.1},
    "early_stopping": {"watch": "validation_accuracy", "patience": 20, "restore_best": True},
    "ema": {"decay": 0.8, "every": 2, "start": 1},
    "metrics": ["accuracy", "confusion", {"top_k": 2}],
    "checkpoint": {"best": "validation_loss"},
}
RECIPES: Mapping[str, Mapping[str, Any]] = {
    "all": ALL,
    "rarely": {
        **ALL,
        "epochs": 24,
        "checkpoint": {"best": "validation_loss", "every": 3},
        "accumulate": 2,
        "drop_last": True,
    },
    "lion": {"epochs": 14, "precision": "float32", "optimizer": {"lion": {"learning_rate": 0.001}}},
    "float16": {
        "epochs": 14,
        "precision": "float16",
        "optimizer": {"sgd": {"learning_rate": 0.01, "momentum": 0.9}},
        "clip": {"norm": 1.0},
    },
}


def started(run: Run, *arguments: object) -> int:
    """The number of a process that runs the program; a copy of this one, which has imported PyTorch."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        run.here(*arguments)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    finally:
        os._exit(code)


def lines(output: Path) -> int:
    path = output / "history.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def ended(child: int, output: Path, after: int, pause: float, number: signal.Signals) -> int | None:
    """Send a signal once there are so many lines in the history, and a pause later; the exit code, or None for it."""
    while lines(output) < after:
        if os.waitpid(child, os.WNOHANG)[0]:
            pytest.fail("the program ended by itself")
        time.sleep(0.0005)
    time.sleep(pause)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, number)
    status = os.waitpid(child, 0)[1]
    return None if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def same(run: Run, first: Path, second: Path) -> None:
    assert run.history(first) == run.history(second)
    for name in ("last", "best"):
        paths = [output / "checkpoints" / f"{name}.safetensors" for output in (first, second)]
        assert paths[0].exists() == paths[1].exists()
        if not paths[0].exists():
            continue
        states = []
        for path in paths:
            with safe_open(path, framework="numpy") as file:
                states.append(file.metadata())
        assert states[0] == states[1]
        arrays = [run.checkpoint(name, output) for output in (first, second)]
        assert arrays[0].keys() == arrays[1].keys()
        for key, array in arrays[0].items():
            np.testing.assert_array_equal(array, arrays[1][key], err_msg=key)


@pytest.mark.parametrize("name", RECIPES)
def test_a_run_that_is_killed_ten_times_equals_one_that_is_not(name: str, tmp_path: Path) -> None:
    run = program(tmp_path, RECIPES[name], DROPPING)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run.here("--output", whole)
    # An epoch has three lines of steps and one of its end; a run lasts for 14 epochs.
    draws = random.Random(name)
    kills = 0
    for turn in range(10):
        child = started(run, "--output", killed, *(["--resume"] if turn else []))
        after = turn * 5 + draws.randrange(4)
        kills += ended(child, killed, after, draws.random() * 0.01, signal.SIGKILL) is None
    assert kills >= 9
    run.here("--output", killed, "--resume")
    same(run, whole, killed)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_after_the_step_and_the_run_goes_on(number: signal.Signals, code: int, tmp_path: Path) -> None:
    run = program(tmp_path, {**ALL, "epochs": 60}, DROPPING)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    run.here("--output", whole)
    for after in (2, 30, 60):
        child = started(run, "--output", stopped, *(["--resume"] if after > 2 else []))
        assert ended(child, stopped, after, 0.0, number) == code
    run.here("--output", stopped, "--resume")
    same(run, whole, stopped)


def test_a_run_that_is_over_is_measured_again(tmp_path: Path) -> None:
    run = program(tmp_path, ALL, DROPPING)
    first = run.here()
    assert run.here("--resume").splitlines()[-1] == first.splitlines()[-1]


def test_a_folder_with_a_history_is_not_written_over(tmp_path: Path) -> None:
    run = program(tmp_path, {"epochs": 1})
    run.here()
    with pytest.raises(SystemExit, match=r"history\.jsonl is there already"):
        run.here()
