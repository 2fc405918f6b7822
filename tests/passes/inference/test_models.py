"""`form="inference"` and `--for inference`: models, sources and files of the form, and the weights that go into it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.cli import main
from archspec.codegen.backend import RunsModels
from archspec.codegen.registry import backend
from archspec.errors import WeightsError
from archspec.ir.graph import LayerGraph
from archspec.parity import random_inputs, random_weights
from archspec.weights import write
from tests.needed import needs

pytestmark = needs("torch")

TOLERANCE = {"float32": 1e-6, "float64": 1e-12}
SPEC = """
archspec: 1
name: net
input: {channels: 3, height: 12, width: 12}
layers:
  - conv: {name: conv, filters: 8, kernel: 3, bias: false}
  - batch_norm: {name: norm}
  - relu
  - dropout
  - global_avg_pool
  - flatten
  - dense: {name: fc, units: 5}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    return path


def outputs(graph: LayerGraph, name: str, weights: Any, dtype: str) -> dict[str, Any]:
    target = backend(name, RunsModels)
    model = archspec.build(graph, name, weights=weights, dtype=dtype)
    inputs = {
        key: array.astype(dtype) if array.dtype.kind == "f" else array for key, array in random_inputs(graph).items()
    }
    return {**target.run(model, graph, inputs, training=False).outputs}


def check(spec: str | Path, name: str) -> None:
    """Both forms give the same, as far as the numbers of the type can say it.

    In float32 a deep network is itself further than 1e-6 from what it is in float64. There the folded form may be as
    far from the truth as the training form is, and twice that.
    """
    graph = archspec.compile(spec)
    form = archspec.compile(spec, form="inference")
    weights = random_weights(graph)
    wanted = {dtype: outputs(graph, name, weights, dtype) for dtype in TOLERANCE}
    found = {dtype: outputs(form, name, weights, dtype) for dtype in TOLERANCE}
    for key, truth in wanted["float64"].items():
        largest = np.abs(truth).max()
        assert np.abs(truth - found["float64"][key]).max() <= TOLERANCE["float64"] * largest, key
        own = np.abs(truth - wanted["float32"][key]).max()
        assert np.abs(truth - found["float32"][key]).max() <= max(TOLERANCE["float32"] * largest, 2 * own), key


@pytest.mark.parametrize("name", ["torch", pytest.param("keras", marks=needs("keras"))])
def test_backends_compute_the_same(spec: Path, name: str) -> None:
    check(spec, name)


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", sorted([*Path("specs").glob("*.yaml"), *Path("specs/examples").glob("*.yaml")]), ids=lambda path: path.stem
)
def test_shipped_networks_compute_the_same(path: Path) -> None:
    check(path, "torch")


def test_a_file_of_either_form_is_taken(spec: Path, tmp_path: Path) -> None:
    graph, form = archspec.compile(spec), archspec.compile(spec, form="inference")
    weights = random_weights(graph)
    write(tmp_path / "trained.safetensors", weights, graph)
    write(tmp_path / "folded.safetensors", form.weights_of_form(weights), form)
    wanted = outputs(form, "torch", weights, "float32")["output"]
    for file in ("trained", "folded"):
        found = outputs(form, "torch", tmp_path / f"{file}.safetensors", "float32")["output"]
        np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_a_seed_gives_the_network_that_it_gives_in_training(spec: Path) -> None:
    graph, form = archspec.compile(spec), archspec.compile(spec, form="inference")
    drawn = archspec.init_weights(form, seed=3)
    assert {name: array.shape for name, array in drawn.items()} == {
        name: weight.shape for name, weight in form.all_weights.items()
    }
    np.testing.assert_array_equal(drawn["fc.weight"], archspec.init_weights(graph, seed=3)["fc.weight"])


def test_weights_that_are_missing_cannot_be_folded(spec: Path) -> None:
    graph = archspec.compile(spec)
    weights = {**random_weights(graph)}
    del weights["norm.running_var"]
    with pytest.raises(WeightsError, match="1 weights are not there, and are needed to be folded"):
        archspec.build(spec, "torch", form="inference", weights=weights, partial=True)


def test_another_form_is_refused(spec: Path) -> None:
    with pytest.raises(TypeError, match="form is one of training, inference, not 'fast'"):
        archspec.compile(spec, form="fast")  # type: ignore[arg-type]


def test_source_says_its_form(
    spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["build", "net.yaml", "--for", "inference"]) == 0
    said = capsys.readouterr().out
    assert "without 1 batch_norm, 1 dropout" in said
    text = Path("generated/torch/net_inference.py").read_text()
    assert "# form: inference\n" in text
    assert "BatchNorm" not in text
    assert main(["build", "net.yaml", "-o", "generated/torch/net_inference.py"]) == 0
    assert "a file that was built with --for inference" in capsys.readouterr().out


def test_forms_are_compared_and_counted(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", str(spec), str(spec), "--for-b", "inference"]) == 3
    assert "net, for inference" in capsys.readouterr().out
    counts = []
    for form in ("training", "inference"):
        assert main(["count", str(spec), "--for", form, "--format", "json"]) == 0
        counts.append(json.loads(capsys.readouterr().out))
    assert counts[0] != counts[1]
