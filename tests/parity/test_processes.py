"""The processes of the participants: what they are asked, and how their failures are said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from archspec import ParityError
from archspec.errors import ArchspecError
from archspec.parity import Participant, ProcessPool, Report, compare
from tests.needed import needs
from tests.parity.probe import TORCH, compared, edited, graph

pytestmark = needs("torch")


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


class TestPool:
    def test_processes_serve_several_comparisons(self) -> None:
        with ProcessPool() as pool:
            first, second = (pool.processes([TORCH, TORCH]) for _ in range(2))
            assert first == second
            assert first[0] is not first[1]
        assert not any(process.alive for process in first)

    def test_a_process_that_failed_is_replaced(self) -> None:
        wrong = Participant("torch", source=edited("torch", ("self.conv4(x)", "self.no_such_layer(x)")))
        with ProcessPool() as pool:
            with pytest.raises(ParityError):
                _compare(TORCH, wrong, pool)
            assert _compare(TORCH, TORCH, pool).agrees

    def test_an_answer_that_nobody_waited_for_is_not_taken_for_another(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with ProcessPool() as pool:
            [process] = pool.processes([TORCH])
            assert process.versions
            with monkeypatch.context() as patched:
                patched.setattr("archspec.worker_process.json.loads", _interrupted)
                with pytest.raises(KeyboardInterrupt):
                    _compare(TORCH, TORCH, pool)
            assert not process.alive
            assert _compare(TORCH, TORCH, pool).agrees


def _interrupted(line: str) -> None:
    raise KeyboardInterrupt


def _compare(first: Participant, second: Participant, pool: ProcessPool) -> Report:
    return compare(graph(), (first, second), dtypes=("float64",), checks=("inference",), sizes=[(17, 16)], pool=pool)


def test_a_source_that_is_no_python_is_said_at_once() -> None:
    with pytest.raises(ParityError, match="is no Python"):
        compare(graph(), (TORCH, Participant("torch", source="class (")))


@pytest.mark.parametrize(
    "options",
    [
        {"dtypes": ("float16",)},
        {"dtypes": ()},
        {"checks": ("everything",)},
        {"sizes": []},
        {"batch": 0},
        {"passes": 0},
        {"steps": 0},
        {"momentum": 1.0},
        {"learning_rate": float("nan")},
    ],
)
def test_options_that_make_no_comparison(options: dict[str, Any]) -> None:
    with pytest.raises(ParityError) as caught:
        compare(graph(), (TORCH, TORCH), **options)
    assert caught.value.diagnostics[0].code == "E0202"
