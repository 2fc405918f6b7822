"""`archspec parity`: its options, what it prints, its exit codes, and the picture."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from archspec.cli import main
from archspec.parity import compare
from archspec.parity.report import Report
from tests.needed import needs
from tests.parity.probe import NETWORK, pool

pytestmark = [needs("torch"), pytest.mark.parity]


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "probe.yaml"
    path.write_text(NETWORK, encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A framework takes seconds to import: all the commands use the same processes, as the other tests here do."""
    monkeypatch.setattr("archspec.commands.parity.compare", partial(compare, pool=pool()))


def _run(spec: Path, *options: str) -> int:
    """PyTorch against itself, which is quick."""
    return main(["parity", str(spec), "--backends", "torch,torch", "--batch", "4", "--steps", "2", *options])


def test_a_table_for_people(spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("archspec.commands.parity.compare", compare)  # with processes of its own
    assert _run(spec) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[0] == lines[-1]
    assert lines[0].startswith("all agree: torch on probe, in ")
    assert lines[1] == "a batch of 4, input 3x17x16"
    assert "Differences from torch, as shares of the largest value" in lines
    assert "Training: differences from torch, as shares of how far weights have moved" in lines
    assert any(line.split()[:4] == ["gradients", "float64", "3x17x16", "loss"] for line in lines)
    assert "Measured, not judged" in printed.out
    assert all(re.match(r"parity: \d+ of \d+, \d+ s: ", line) for line in printed.err.splitlines()), "no bar"


def test_markdown(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(spec, "--format", "markdown", "--check", "inference", "--dtype", "float64") == 0
    out = capsys.readouterr().out
    assert "| check | dtype | input | what | torch | allowed | worst at |" in out
    assert "| inference | float64 | 3x17x16 | layers |" in out


def test_json(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(spec, "--format", "json", "--check", "inference", "--dtype", "float64") == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["agrees"] is True
    assert found["sizes"] == ["3x17x16"]
    assert found["versions"]["torch"]["torch"]
    assert [row["what"] for row in found["rows"]] == ["outputs", "layers"]
    assert found["profiles"][0]["layers"]["fc"] == 0.0
    assert found["blamed"] == found["skipped"] == []


def test_it_fails_past_the_tolerance_and_names_the_layer(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("keras")
    options = ["--check", "inference", "--dtype", "float64", "--tolerance", "float64=0"]
    assert main(["parity", str(spec), *options]) == 3
    printed = capsys.readouterr()
    assert "DIFFERS" in printed.out
    assert "all agree" not in printed.out
    assert "error[E0801]" in printed.err
    assert "is the first layer to differ" in printed.err
    assert "probe.yaml:" in printed.err


def test_without_layers(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(spec, "--no-layers", "--check", "inference", "--check", "gradients", "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert not {row["what"] for row in found["rows"]} & {"layers", "layer gradients"}


def test_rows_of_several_sizes_are_told_apart(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(spec, "--size", "17x16", "--size", "9x23", "--check", "inference") == 0
    _, _, measured = capsys.readouterr().out.partition("Measured, not judged")
    rows = [line for line in measured.splitlines() if line.startswith("inference")]
    assert [size for line in rows for size in ("3x17x16", "3x9x23") if size in line.split()] == ["3x17x16", "3x9x23"]


def test_what_does_not_differ_has_no_worst_place(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(spec, "--check", "inference", "--dtype", "float64") == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("inference")]
    assert [line.split()[-2:] for line in rows] == [["0.0e+00", "1e-12"]] * 2


def test_what_is_not_installed_is_said_before_anything_runs(
    spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def start(*given: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr("archspec_keras.target.find_spec", lambda name: None)
    monkeypatch.setattr("archspec.parity.processes.Process", start)
    monkeypatch.setattr("archspec.commands.parity.compare", compare)
    assert main(["parity", str(spec)]) == 1
    err = capsys.readouterr().err
    assert "error[E0602]: Keras is not installed" in err
    assert "`pip install keras tensorflow`; or name others with `--backends`" in err
    assert "--no-verify" not in err


def test_taps_and_sizes(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ["--size", "17x16", "--size", "9x23"]
    options = ["--taps", "layer1", "--check", "inference", "--dtype", "float64", "--format", "json"]
    assert _run(spec, *sizes, *options) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["sizes"] == ["3x17x16", "3x9x23"]
    assert "fc" not in found["profiles"][0]["layers"]


@pytest.mark.parametrize(
    "options",
    [
        ["--size", "17x"],
        ["--size", "0x4"],
        ["--tolerance", "float16=1"],
        ["--tolerance", "float32=-1"],
        ["--check", "everything"],
        ["--steps", "0"],
        ["--learning-rate", "nan"],
    ],
)
def test_wrong_usage(spec: Path, options: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        _run(spec, *options)
    assert caught.value.code == 2
    assert options[0] in capsys.readouterr().err


class TestPicture:
    @pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
    def test_it_is_drawn_by_suffix(self, spec: Path, tmp_path: Path, suffix: str) -> None:
        pytest.importorskip("matplotlib")
        path = tmp_path / f"error{suffix}"
        assert _run(spec, "--check", "inference", "--plot", str(path)) == 0
        heads = {".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF"}
        assert path.read_bytes().startswith(heads[suffix])

    def test_it_has_a_line_for_each_pair_and_dtype(self, spec: Path, tmp_path: Path) -> None:
        pytest.importorskip("matplotlib")
        path = tmp_path / "error.svg"
        assert _run(spec, "--check", "inference", "--plot", str(path)) == 0
        text = path.read_text(encoding="utf-8")
        for label in ("torch / torch, float32", "torch / torch, float64", "allowed in float32"):
            assert label in text
        before = path.read_bytes()
        assert _run(spec, "--check", "inference", "--plot", str(path)) == 0
        assert path.read_bytes() == before, "the same bytes every time"

    def test_another_suffix_is_refused_before_anything_runs(
        self, spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def never(*arguments: object, **options: object) -> Report:
            raise AssertionError

        monkeypatch.setattr("archspec.commands.parity.compare", never)
        assert _run(spec, "--plot", str(tmp_path / "error.gif")) == 1
        assert "E0605" in capsys.readouterr().err

    @pytest.mark.parametrize("options", [["--check", "gradients"], ["--no-layers"]])
    def test_nothing_to_draw(
        self, spec: Path, tmp_path: Path, options: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as caught:
            _run(spec, *options, "--plot", str(tmp_path / "error.svg"))
        assert caught.value.code == 2
        assert "--plot draws the layers" in capsys.readouterr().err
