"""Coverage-guided fuzzing, where atheris is installed: 1,000 inputs always, 10,000 by the marker `fuzz`."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.fuzz_loader import ROOT, corpus, one

FOUND = sorted((Path(__file__).parent / "found").glob("*.yaml"))
needs_atheris = pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="needs atheris (Linux)")


def run(folder: Path, runs: int, seed: int) -> None:
    command = [sys.executable, "-m", "tests.fuzz.fuzz_loader", f"-runs={runs}", f"-seed={seed}"]
    # A process begins with its parent's peak of memory, and pytest's may be past the limit: the shell's is not.
    shell = ["sh", "-c", '"$@"; exit $?', "sh"]
    done = subprocess.run(
        [*shell, *command, f"-artifact_prefix={folder}/"], cwd=ROOT, capture_output=True, text=True, errors="replace"
    )
    assert done.returncode == 0, done.stderr[-4000:]
    count = re.search(r"Done (\d+) runs", done.stderr)  # the seeds are among them, however many there are
    assert count is not None
    assert int(count[1]) >= runs


@needs_atheris
@pytest.mark.slow
def test_a_thousand_inputs(tmp_path: Path) -> None:
    run(tmp_path, 1_000, seed=1)


@needs_atheris
@pytest.mark.fuzz
def test_ten_thousand_inputs(tmp_path: Path) -> None:
    run(tmp_path, 10_000, seed=2)


@pytest.mark.parametrize("default_limits", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_corpus_itself(default_limits: bool) -> None:
    for content in corpus():
        one(content, default_limits)


@pytest.mark.parametrize("path", FOUND, ids=[path.stem for path in FOUND])
def test_what_was_found(path: Path) -> None:
    one(path.read_bytes())


def test_something_was_found() -> None:
    assert FOUND
