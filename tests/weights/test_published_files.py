"""Weights that go by the name of another network's file, whose names and shapes are the same: the user is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import archspec
from archspec.api import compile, load
from archspec.checkpoints import published_files
from archspec.checkpoints.published_files import doubt_of_name
from archspec.cli import main
from archspec.weights import write

Run = Callable[..., tuple[int, str, str]]
SPEC = """
archspec: 1
name: {name}
params: {{stride: 1, size: 8}}
variants: {{even: {{stride: 1}}, halved: {{stride: 2}}, grown: {{stride: 1, size: 16}}}}
variant: even
input: {{channels: 3, height: size, width: size}}
layers: [conv: {{name: conv1, filters: 4, kernel: 3, stride: stride, padding: 1}}, global_avg_pool]
pretrained:
  weights: hf://one/{name}_even
  others: {{older: {{weights: "https://localhost/{name}_older.pth"}}}}
  variants:
    halved: {{weights: hf://one/{name}_halved, others: {{new: {{weights: hf://one/{name}_halved_new}}}}}}
"""
ALIKE = ("hf://one/shipped_halved", "hf://one/shipped_halved/", "hf://one/shipped_halved@main/model.safetensors")


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ships two networks, each in three variants, and nothing else."""
    folder = tmp_path / "_specs"
    folder.mkdir()
    for name in ("shipped", "neighbor"):
        (folder / f"{name}.yaml").write_text(SPEC.format(name=name), encoding="utf-8")
    monkeypatch.setattr("archspec.spec.shipped_specs._PACKAGE", tmp_path)
    return folder


@pytest.mark.parametrize("file", [*ALIKE, "hf://one/shipped_halved_new", "downloads/shipped_halved_new"])
def test_the_name_of_another_variants_weights(shipped: Path, file: str) -> None:
    doubt = doubt_of_name(file, compile("shipped"))
    assert "is the name of shipped's weights, and its `conv1` has stride" in doubt
    assert doubt_of_name(file, compile("shipped", variant="halved")) == ""


@pytest.mark.parametrize(
    "file",
    ["hf://one/shipped_even", "shipped_older.pth", "hf://one/nobodys_weights", "w.pth", "hf://one/hipped_halved"],
)
def test_no_doubt(shipped: Path, file: str) -> None:
    assert doubt_of_name(file, compile("shipped")) == ""


def test_others_are_looked_through(shipped: Path) -> None:
    doubt = doubt_of_name("shipped_older.pth", compile("shipped", variant="halved"))
    assert "is the name of shipped's weights, and its `conv1` has stride" in doubt


def test_owners_alone_are_compiled(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a spec is read once, however many variants it has."""
    graph = compile("shipped")
    read: list[object] = []

    def noted(name: str, **params: Any) -> archspec.Spec:
        read.append(params)
        return load(name, **params)

    monkeypatch.setattr(published_files, "load", noted)
    doubt_of_name("hf://one/shipped_halved", graph)
    assert read == [{}, {"variant": "halved"}]


def test_it_is_said_where_weights_are_taken(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    graph = archspec.compile("shipped")
    for name in ("shipped_halved_new.safetensors", "shipped_even.safetensors"):
        write(name, archspec.init_weights(graph), graph)
    (shipped / "shipped.yaml").write_text(
        SPEC.format(name="shipped").replace(
            "hf://one/shipped_halved_new", "https://localhost/shipped_halved_new.safetensors"
        ),
        encoding="utf-8",
    )
    assert main(["build", "shipped", "--backend", "torch", "--weights", "shipped_halved_new.safetensors"]) == 0
    assert "warning: shipped_halved_new.safetensors is the name of shipped's weights" in capsys.readouterr().err
    assert main(["build", "shipped", "--backend", "torch", "--weights", "shipped_even.safetensors", "--force"]) == 0
    assert "is the name of" not in capsys.readouterr().err
