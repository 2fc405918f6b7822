"""`archspec tune`: what is tried, who wins, what is written."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.bench import measurement, tuning
from archspec.bench.contenders import Contender
from archspec.bench.tuning import candidates, tune
from archspec.parity import random_inputs
from tests.bench.test_bench import SPEC
from tests.commands.conftest import Run, run
from tests.needed import lazily, needs

__all__ = ["run"]
pytestmark = needs("onnx", "onnxruntime", "openvino")
openvino: Any = lazily("openvino")


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "_MOST_ROUNDS", 3)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    return path


def test_what_is_tried_begins_with_the_network_as_it_is(spec: Path) -> None:
    engines = [Contender.parse(text) for text in ("torch", "onnx:openvino")]
    found = candidates(archspec.compile(spec), engines)
    assert [one.label for one in found] == [
        "torch, training form",
        "torch, inference form",
        "onnx:openvino, inference form",
        "onnx:openvino, training form",
    ]
    (spec.parent / "plain.yaml").write_text("archspec: 1\nname: n\ninput: {shape: [3]}\nlayers: [relu]\n")
    plain = candidates(archspec.compile(spec.parent / "plain.yaml"), engines)
    assert [one.form for one in plain] == ["training", "training"]


def test_the_winner_is_written_with_what_was_measured(run: Run, spec: Path, tmp_path: Path) -> None:
    command = ["tune", str(spec), "--batch", "2", "--budget", "240", "--engines", "onnx:onnxruntime,onnx:openvino"]
    code, out, _ = run(*command, "--format", "json")
    found = json.loads(out)
    assert code == 0
    assert {trial["form"] for trial in found["trials"]} == {"training", "inference"}
    measured = [trial for trial in found["trials"] if trial["failed"] is None]
    assert all(trial["difference"] < 1e-4 for trial in measured)
    finalists = [trial for trial in measured if trial["ratio"] is not None]
    best = min(finalists, key=lambda trial: float(trial["median"]))
    assert found["winner"] == f"{best['engine']}, {best['form']} form"
    folder = tmp_path / "generated" / "tuned"
    assert {entry.name for entry in folder.iterdir()} == {*found["files"], "net.tuning.json"}
    assert json.loads((folder / "net.tuning.json").read_text())["winner"] == found["winner"]
    model = openvino.Core().compile_model(str(folder / found["files"][0]), "CPU", {"EXECUTION_MODE_HINT": "ACCURACY"})
    graph = archspec.compile(spec)
    inputs = {name: array.astype(np.float32) for name, array in random_inputs(graph).items()}
    wanted = lazily("onnxruntime").InferenceSession(archspec.build(graph, "onnx", seed=0).SerializeToString())
    np.testing.assert_allclose(model(inputs)[0], wanted.run(None, inputs)[0], rtol=1e-3, atol=1e-5)
    (folder / "net.tuning.json").write_text("mine")
    code, _, err = run(*command)
    assert (code, "E0604" in err) == (1, True)


def test_one_that_computes_something_else_is_named_and_not_ranked(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = measurement.difference
    monkeypatch.setattr(
        tuning, "difference", lambda one, base: 0.5 if "openvino" in one.row.contender.label else right(one, base)
    )
    graph = archspec.compile(spec)
    engines = [Contender.parse(text) for text in ("onnx:onnxruntime", "onnx:openvino")]
    found = tune(graph, engines, batch=1, budget=240, weights=archspec.init_weights(graph))
    wrong = [trial for trial in found.trials if "openvino" in trial.candidate.label]
    assert all("its outputs differ by 5.0e-01" in trial.failed or "not tried" in trial.failed for trial in wrong)
    assert {trial.candidate.contender.label for trial in found.ranking} == {"onnx:onnxruntime"}


def test_what_is_not_ready_in_time_is_left_out(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = archspec.compile(spec)
    found = tune(graph, [Contender.parse("onnx")], batch=1, budget=0.02, weights=archspec.init_weights(graph))
    assert not found.ranking
    assert "not ready within" in found.trials[0].failed


def test_where_nothing_was_ready_it_is_said_what_is_written(
    run: Run, spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hasty(*args: Any, **options: Any) -> tuning.Tuning:
        return tune(*args, **{**options, "budget": 0.02})

    monkeypatch.setattr("archspec.commands.tune.tune", hasty)
    code, out, _ = run("tune", str(spec), "--engines", "onnx:onnxruntime")
    assert code == 3
    assert "nothing was ready in time and is ranked: the measurements alone are written" in out
    assert "net.tuning.json" in out
    assert "the fastest" not in out


@needs("onnxruntime")
def test_what_could_not_be_ready_any_more_is_not_tried(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where next to no time is left, it is no fault of an engine's."""
    monkeypatch.setattr(tuning, "_SHORTEST", 1000.0)
    graph = archspec.compile(spec)
    engines = [Contender.parse("onnx:onnxruntime"), Contender.parse("onnx:openvino")]
    found = tune(graph, engines, batch=1, budget=240, weights=archspec.init_weights(graph))
    first, *others = found.trials
    assert not first.failed
    assert others
    assert all(trial.untried and trial.failed.startswith("not tried") for trial in others)


@pytest.mark.slow
@needs("torch")
def test_source_is_written_with_its_weights(run: Run, spec: Path, tmp_path: Path) -> None:
    code, out, _ = run("tune", str(spec), "--budget", "240", "--engines", "torch,torch+channels_last", "-o", "best")
    assert (code, "the fastest is torch" in out) == (0, True)
    assert {path.suffix for path in (tmp_path / "best").iterdir()} == {".py", ".pt", ".json"}


def test_an_engine_that_is_not_known(run: Run, spec: Path) -> None:
    code, _, err = run("tune", str(spec), "--engines", "onnx:openvno")
    assert (code, "did you mean `openvino`" in err) == (1, True)


def test_a_place_that_cannot_be_written_is_said_before_anything_is_measured(
    run: Run, spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(*_: object, **__: object) -> None:
        raise AssertionError("it was measured")

    monkeypatch.setattr("archspec.commands.tune.tune", measured)
    command = ["tune", str(spec), "--engines", "onnx:onnxruntime"]
    (tmp_path / "file").write_text("")
    for place in ("file", "file/below"):
        code, _, err = run(*command, "-o", place)
        assert (code, "E0605" in err) == (1, True)
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "net_inference.onnx").write_text("mine")
    code, _, err = run(*command, "-o", "best")
    assert (code, "E0604" in err) == (1, True)


def test_what_the_time_did_not_reach_is_named(run: Run, spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "_LOOK", 0.9999)  # the time is over once the first is ready
    command = ["tune", str(spec), "--budget", "240", "--engines", "onnx:onnxruntime,onnx:openvino"]
    code, out, err = run(*command)
    assert code == 0
    left_out = "onnx:onnxruntime, inference form; onnx:openvino, inference form; onnx:openvino, training form"
    assert re.search(rf"^not tried: .*--budget gives more.*: {left_out}$", out, re.MULTILINE)
    assert "onnx:openvino, training form: not tried: " in err
    assert "finals, round 1: 1 candidate\n" in err
    assert "all that was measured is onnx:onnxruntime, training form, for batches of 1 alone\n" in out
    notes = spec.parent / "generated" / "tuned" / "net.tuning.json"
    assert notes.stat().st_size < 10_000
    assert {trial["failed"] is None for trial in json.loads(notes.read_text())["trials"]} == {True, False}
