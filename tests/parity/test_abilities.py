"""Engines that cannot be imported, and backends that cannot do what a comparison needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from archspec import BackendError
from archspec.parity import Participant
from archspec.parity.abilities import check_able, lacking

BROKEN = "raise RuntimeError('the library does not fit this processor')\n"


def _command(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", "archspec.cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=folder, timeout=120)


@pytest.mark.parametrize(
    "arguments",
    [
        ("parity", "lenet", "--backends", "torch,torch", "--check", "inference"),
        ("build", "lenet", "--backend", "torch"),
    ],
    ids=["parity", "build"],
)
def test_an_engine_that_raises_when_it_is_imported_is_said_to(arguments: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text(BROKEN, encoding="utf-8")
    found = _command(*arguments, folder=tmp_path)
    assert found.returncode == 1
    assert "error[E0602]" in found.stderr
    assert "PyTorch is installed, and cannot be imported: RuntimeError: the library does not fit" in found.stderr
    assert "Traceback" not in found.stderr
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "__pycache__") == ["torch.py"]


def _listing(**members: Any) -> Any:
    """A backend with what comparisons need, and these in place of it."""

    def require(engine: str | None = None) -> None: ...

    def run(model: Any, graph: Any, inputs: Any, *, training: bool, nodes: bool = False) -> None: ...

    def nothing(*given: Any) -> str:
        return ""

    needed = dict.fromkeys(("environment", "lacks", "versions", "build", "load_weights", "export_weights"), nothing)
    all_of_it = {"title": "a listing", "engines": ("python",), "require": require, "run": run, **needed, **members}
    return SimpleNamespace(**{name: value for name, value in all_of_it.items() if value is not None})


def test_a_backend_that_lacks_what_every_comparison_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(model: Any, graph: Any, inputs: Any, *, training: bool) -> None: ...

    check_able("listing", _listing())
    wrong = _listing(engines=None, lacks=None)
    monkeypatch.setattr("archspec.parity.participants.find_backend", lambda name: wrong)
    with pytest.raises(BackendError) as caught:
        Participant("listing").environment()
    [diagnostic] = caught.value.diagnostics
    assert diagnostic.code == "E0601"
    assert diagnostic.message == "the backend `listing` cannot be compared: it lacks `engines`, `lacks`"
    with pytest.raises(BackendError, match="the parameter `nodes` of `run`"):
        check_able("listing", _listing(run=run))


def test_a_backend_that_does_not_train_is_left_out_of_what_trains() -> None:
    backend = _listing()
    assert lacking(backend, "gradients", "float32") == "the backend has no `gradients`"
    assert lacking(backend, "run", "float32") == "the backend has no `train`"
    assert lacking(backend, "inference", "float32") == ""
    assert lacking(_listing(lacks=lambda task, dtype: f"no {task}"), "training", "float32") == "no training"
