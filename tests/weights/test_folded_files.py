"""Files of weights that were folded are not taken for those of the network as it is trained, nor folded again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import archspec
from archspec.cli import main
from archspec.errors import WeightsError
from archspec.parity import random_weights
from archspec.weights import fitting, read_weights, write
from tests.needed import needs

SPEC = """
archspec: 1
name: net
input: {channels: 4, height: 9, width: 8}
layers:
"""
SAME_NAMES = {
    "standardized_conv": "  - standardized_conv: {name: conv, filters: 6, kernel: 3, eps: 1e-2}\n  - relu\n",
    "a factor": "  - conv: {name: conv, filters: 6, kernel: 3}\n  - scale: {value: 0.5, shift: 1}\n",
}
"""Layers whose folded weights have the names and shapes of those that are trained."""
SUFFIXES = {"torch": ".pt", "keras": ".weights.h5", "onnx": ".onnx"}


@pytest.fixture(params=SAME_NAMES)
def spec(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "net.yaml"
    path.write_text(SPEC + SAME_NAMES[request.param])
    graph = archspec.compile(path)
    write("w.safetensors", random_weights(graph, 0), graph)
    return path


def folded(spec: Path) -> dict[str, np.ndarray]:
    form = archspec.compile(spec, form="inference")
    return read_weights("w.safetensors", form)[0]


def refused(file: str, spec: Path) -> None:
    with pytest.raises(WeightsError, match="form for inference, which were made of those that were trained"):
        fitting(file, archspec.compile(spec))


@pytest.mark.parametrize("backend", [pytest.param(name, marks=needs(name)) for name in SUFFIXES])
def test_what_build_writes_says_its_form(backend: str, spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = Path("folded.onnx" if backend == "onnx" else "folded.py")
    arguments = ["build", str(spec), "--backend", backend, "--weights", "w.safetensors", "-o", str(written)]
    assert main([*arguments, "--for", "inference"]) == 0
    file = f"folded{SUFFIXES[backend]}"
    refused(file, spec)
    form = archspec.compile(spec, form="inference")
    again = fitting(file, form)
    for name, array in folded(spec).items():
        np.testing.assert_allclose(again[name], array, rtol=1e-6)
    capsys.readouterr()
    assert main(["weights", "inspect", file, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["form"] == "inference"
    assert main(["weights", "inspect", file]) == 0
    assert "form        for inference" in capsys.readouterr().out
    # archspec knows the file for its own, and replaces it.
    assert main([*arguments, "--for", "inference"]) == 0


@pytest.mark.parametrize("backend", [pytest.param(name, marks=needs(name)) for name in SUFFIXES])
def test_weights_that_nothing_was_folded_into_say_no_form(backend: str, spec: Path) -> None:
    spec.write_text(SPEC + "  - conv: {name: conv, filters: 6, kernel: 3}\n  - dropout: {rate: 0.5}\n")
    written = "plain.onnx" if backend == "onnx" else "plain.py"
    options = ["--backend", backend, "--for", "inference", "--weights", "w.safetensors", "-o", written]
    assert main(["build", str(spec), *options]) == 0
    found = fitting(f"plain{SUFFIXES[backend]}", archspec.compile(spec))
    for name, array in fitting("w.safetensors", archspec.compile(spec)).items():
        np.testing.assert_array_equal(found[name], array)


def test_initial_weights_of_the_form_say_it(spec: Path) -> None:
    assert main(["init", str(spec), "--for", "inference", "-o", "i.safetensors"]) == 0
    refused("i.safetensors", spec)
    assert fitting("i.safetensors", archspec.compile(spec, form="inference"))


def test_the_form_of_another_network_is_told_what_does_not_fit(spec: Path) -> None:
    assert main(["init", str(spec), "--for", "inference", "-o", "i.safetensors"]) == 0
    spec.write_text(spec.read_text().replace("filters: 6", "filters: 5"))
    with pytest.raises(WeightsError, match=r"conv\.weight is 6x4x3x3, the network's is 5x4x3x3"):
        fitting("i.safetensors", archspec.compile(spec, form="inference"))


@needs("torch")
def test_saved_weights_of_the_form_say_it(spec: Path) -> None:
    form = archspec.compile(spec, form="inference")
    archspec.save_weights(archspec.build(form, "torch"), "s.safetensors", form, "torch")
    refused("s.safetensors", spec)


def test_they_are_not_converted(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(spec), "--for", "inference", "-o", "i.safetensors"]) == 0
    assert main(["weights", "convert", "i.safetensors", str(spec), "--to", "numpy", "-o", "c.npz"]) == 1
    assert "ask for the form for inference" in capsys.readouterr().err
    assert not Path("c.npz").exists()
