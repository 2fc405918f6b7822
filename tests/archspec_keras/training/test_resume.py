"""Runs that are killed or interrupted, and go on: bit for bit what they would have been."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.archspec_keras.training.runs import NETWORK, emitted, environment_of, history, planned, run
from tests.needed import needs

pytestmark = [needs("keras", "sklearn"), pytest.mark.slow, pytest.mark.timeout(3600)]
KEYS = {
    "steps": "200",
    "precision": "float32",
    "optimizer": "{adam: {learning_rate: 0.01}}",
    "weight_decay": "{amount: 0.01, coupled: true}",
    "schedule": "{by: epoch, smooth: true, phases: [linear: {start: 0.1, length: 2}, cosine]}",
    "plateau": "{watch: validation_loss, factor: 0.5, patience: 0, threshold: 0.2}",
    "early_stopping": "{watch: validation_loss, patience: 30}",
    "checkpoint": "{best: validation_accuracy}",
    "ema": "{decay: 0.9, every: 2, start: 1}",
    "metrics": "[accuracy, confusion]",
}
DROPPING = NETWORK.replace("  - flatten\n", "  - flatten\n  - dropout: {rate: 0.2}\n")
ENGINES = ("jax", "tensorflow")


def _lines(folder: Path) -> int:
    path = folder / "history.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.parametrize(
    ("engine", "kills"),
    [("tensorflow", 2), *(pytest.param(engine, 10, marks=pytest.mark.nightly) for engine in ENGINES)],
)
def test_a_run_killed_again_and_again_is_one_that_was_not(engine: str, kills: int, tmp_path: Path) -> None:
    folder = emitted(tmp_path, *planned(DROPPING, **KEYS))
    given = ("--weights", str(folder / "initial.safetensors"), "--log-every", "1")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    done = run(folder, "--output", str(whole), *given, engine=engine)
    assert done.returncode == 0, done.stderr[-2000:]
    drawn = random.Random(engine)
    command = [sys.executable, str(folder / "train.py"), "--output", str(killed), *given]
    for attempt in range(kills):
        more = ["--resume"] if attempt else []
        process = subprocess.Popen(
            [*command, *more], env=environment_of(engine, {}), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        # Half of the time it is asked to end, which it does within an epoch; else it is killed wherever it is.
        asked = attempt % 2 == 0
        aim = _lines(killed) + drawn.randrange(3, 30)
        while process.poll() is None and _lines(killed) < aim:
            time.sleep(0.002)
        process.send_signal(signal.SIGTERM if asked else signal.SIGKILL)
        code = process.wait()
        assert code in ((0, 143) if asked else (0, -9))
    last = run(folder, "--output", str(killed), *given, "--resume", engine=engine)
    assert last.returncode == 0, last.stderr[-2000:]
    assert last.stdout.splitlines()[-1] == done.stdout.splitlines()[-1]
    assert history(killed) == history(whole)
    for name in ("last", "best"):
        left, right = (load_file(each / "checkpoints" / f"{name}.safetensors") for each in (killed, whole))
        assert left.keys() == right.keys()
        assert all(np.array_equal(left[key], right[key]) for key in right), name


def test_a_run_in_a_folder_that_has_one_is_refused(tmp_path: Path) -> None:
    folder = emitted(tmp_path, *planned(steps="2"))
    assert run(folder, engine="jax").returncode == 0
    again = run(folder, engine="jax")
    assert again.returncode == 1
    assert "--resume" in again.stderr
