"""The processes of the participants: what they are told, and how their failures are said."""

from __future__ import annotations

from pathlib import Path

import pytest

from archspec import ParityError
from archspec.errors import ArchspecError
from archspec.parity import Participant, compare
from tests.parity.probe import TORCH, compared, edited, graph

pytest.importorskip("torch")


@pytest.mark.parametrize(
    ("text", "participant"),
    [
        ("torch", Participant("torch")),
        ("keras:jax", Participant("keras", "jax")),
        (" onnx:reference ", Participant("onnx", "reference")),
    ],
)
def test_names(text: str, participant: Participant) -> None:
    assert Participant.parse(text) == participant
    assert Participant.parse(participant.label) == participant


def test_a_model_that_fails_says_why() -> None:
    with pytest.raises(ParityError) as caught:
        compared(edited("torch", ("self.conv4(x)", "self.no_such_layer(x)")))
    [diagnostic] = caught.value.diagnostics
    assert diagnostic.code == "E0802"
    assert "torch" in diagnostic.message
    assert "no_such_layer" in str(caught.value)


def test_a_process_that_is_killed_is_said_with_a_way_out() -> None:
    with pytest.raises(ParityError) as caught:
        compared(edited("torch", ("self.conv4(x)", "__import__('os').kill(__import__('os').getpid(), 9)")))
    [diagnostic] = caught.value.diagnostics
    assert diagnostic.code == "E0802"
    assert "memory" in diagnostic.help


@pytest.mark.parametrize("name", ["keras:no_such_engine", "torch:cuda", "teras"])
def test_an_engine_or_a_backend_that_does_not_exist(name: str) -> None:
    with pytest.raises(ArchspecError) as caught:
        compare(graph(), (TORCH, Participant.parse(name)))
    [diagnostic] = caught.value.diagnostics
    assert diagnostic.code == "E0603"
    assert diagnostic.help


def test_what_a_model_prints_does_not_disturb() -> None:
    noisy = edited("torch", ("self.conv4(x)", "(print('{}'), self.conv4(x))[1]"))
    report = compare(graph(), (TORCH, Participant("torch", source=noisy)), dtypes=("float64",), checks=("inference",))
    assert report.agrees


def test_the_processes_do_not_import_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "numpy.py").write_text("raise RuntimeError('shadowed')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert compare(graph(), (TORCH, TORCH), dtypes=("float32",), checks=("inference",)).agrees


def test_one_participant_is_no_comparison() -> None:
    with pytest.raises(ParityError, match="two backends"):
        compare(graph(), [TORCH])
