"""Engines that cannot be imported, and backends that cannot do what a comparison needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from archspec.api import compile
from archspec.codegen.backend import RunsModels
from archspec.codegen.registry import backend
from archspec.parity.capabilities import missing_capability
from archspec.parity.plan import Kind

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


def test_a_backend_that_does_not_train_is_left_out_of_what_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    onnx, graph = backend("onnx", RunsModels), compile("lenet")
    monkeypatch.setenv("ARCHSPEC_ONNX_RUNTIME", "onnxruntime")
    kinds: tuple[Kind, ...] = ("gradients", "run")
    for kind in kinds:
        assert missing_capability(onnx, kind, "float32", graph) == "the backend `onnx` computes no gradients"
    assert missing_capability(onnx, "inference", "float32", graph) == ""
    assert missing_capability(onnx, "inference", "float64", graph) == onnx.lacks("inference", "float64") != ""
