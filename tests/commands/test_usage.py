"""The lines that `archspec build` prints run, whatever was built."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import archspec
from archspec.codegen.backend import BuildsModels
from archspec.codegen.registry import backend
from tests.commands.conftest import Run

DECAYING = """
archspec: 1
name: decaying
input: {channels: 3, height: 8, width: 8}
defaults: {conv: {weight_decay: 0.001}}
layers: [{conv: {name: one, filters: 4, kernel: 3}}, relu, flatten, {dense: {name: fc, units: 5}}]
"""


def printed(out: str) -> list[str]:
    """The lines of code that stand after the report."""
    return [line.strip() for line in out.partition("\n\n")[2].splitlines() if line]


def runs(lines: list[str], folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([*lines, "print(tuple(output.shape))"])],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


BUILDS = {
    "plain": (["lenet"], "(1, 10)", "(1, 10)"),
    "weights": (["lenet", "--seed", "0"], "(1, 10)", "(1, 10)"),
    "a tap": (["lenet", "--taps", "conv2"], "(1, 16, 10, 10)", "(1, 10, 10, 16)"),
    "two taps": (["lenet", "--taps", "conv1,fc1"], "(1, 6, 28, 28)", "(1, 28, 28, 6)"),
    "weight decay": (["decaying.yaml"], "(1, 5)", "(1, 5)"),
}
"""What is built, and the shape of its output: of images, and of images in Keras's layout."""


@pytest.mark.parametrize("name", ["torch", "keras", "onnx"])
def test_the_lines_run(name: str, run: Run, tmp_path: Path) -> None:
    """Each build's lines as a program of its own, all in one process: a framework takes seconds to import."""
    pytest.importorskip(name)
    if name == "onnx":
        pytest.importorskip("onnxruntime")
    (tmp_path / "decaying.yaml").write_text(DECAYING, encoding="utf-8")
    programs: list[str] = []
    for number, (options, _, _) in enumerate(BUILDS.values()):
        code, out, err = run("build", *options, "--backend", name, "-o", f"built{number}/", "--no-verify")
        assert code == 0, err
        program = "\n".join([*printed(out), "print(tuple(output.shape))"])
        programs.append(f"exec({program!r}, {{}})")
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(programs)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    expected = {what: keras if name == "keras" else shape for what, (_, shape, keras) in BUILDS.items()}
    assert dict(zip(BUILDS, done.stdout.splitlines(), strict=True)) == expected


def test_pytorch_is_trained_with_the_decay_of_the_spec(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "decaying.yaml").write_text(DECAYING, encoding="utf-8")
    _, out, _ = run("build", "decaying.yaml", "--no-verify")
    lines = printed(out)
    assert any("model.parameter_groups()" in line for line in lines)
    check = "print(sorted(group['weight_decay'] for group in optimizer.param_groups), model.training)"
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([*lines, check])], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout == "[0.0, 0.001] True\n", done.stderr
    _, out, _ = run("build", "lenet", "--no-verify")
    assert "parameter_groups" not in out  # the class has none


def test_keras_is_trained_by_the_line_printed(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("keras")
    _, out, _ = run("build", "lenet", "--backend", "keras", "--no-verify")
    lines = printed(out)
    assert lines[-1].startswith("model.compile(")
    train = "model.fit(keras.random.normal((4, 32, 32, 1)), keras.ops.zeros((4,), 'int32'), verbose=0)"
    assert runs([*lines, train], tmp_path) == "(1, 10)"


def test_names_are_said_where_a_model_gives_a_mapping() -> None:
    graph = archspec.compile("lenet", taps=["conv1", "fc1"])
    for name in ("torch", "keras"):
        [call] = [line for line in backend(name, BuildsModels).usage(graph, "net") if line.startswith("output = ")]
        assert call.endswith("['conv1']  # of a dict with conv1, fc1")
