"""Weights of another network: what fits is loaded, the rest is drawn, and all of it is reported."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec import PartialWeightsWarning, WeightsError, WeightsReport
from archspec.cli import main
from archspec.codegen.backend import ExchangesWeights
from archspec.codegen.registry import backend
from archspec.parity import random_weights
from archspec.weights import write

FRAMEWORKS = pytest.mark.parametrize("name", ["torch", "keras", "onnx"])


@pytest.fixture(scope="module")
def whole() -> archspec.LayerGraph:
    return archspec.compile("resnet18")


@pytest.fixture(scope="module")
def arrays(whole: archspec.LayerGraph) -> dict[str, Any]:
    return {name: array.astype(np.float32) for name, array in random_weights(whole).items()}


@pytest.fixture(scope="module")
def path(whole: archspec.LayerGraph, arrays: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("weights") / "resnet18.safetensors"
    write(found, arrays, whole)
    return found


def built(name: str, path: Path | dict[str, Any], **params: object) -> tuple[dict[str, Any], WeightsReport]:
    """The model's weights, and what the warning says was left out."""
    pytest.importorskip(name)
    graph = archspec.compile("resnet18", **params)  # type: ignore[arg-type]
    with pytest.warns(PartialWeightsWarning) as caught:
        model = archspec.build(graph, backend=name, weights=path, partial=True)
    [warning] = [found for found in caught if found.category is PartialWeightsWarning]
    assert warning.filename == __file__
    assert isinstance(warning.message, PartialWeightsWarning)
    return dict(backend(name, ExchangesWeights).export_weights(model, graph)), warning.message.report


@FRAMEWORKS
def test_another_head(name: str, path: Path, arrays: dict[str, Any]) -> None:
    held, report = built(name, path, classes=10)
    assert report.reshaped == {"fc.weight": ((1000, 512), (10, 512)), "fc.bias": ((1000,), (10,))}
    assert (report.missing, report.unused) == ((), ())
    assert set(report.loaded) == set(arrays) - {"fc.weight", "fc.bias"}
    assert all(np.array_equal(held[key], arrays[key]) for key in report.loaded)
    # The head is drawn as the spec says: uniform within 1 / sqrt(512), and not all alike.
    assert 0.03 < np.abs(held["fc.weight"]).max() <= 512**-0.5
    assert np.std(held["fc.bias"]) > 0


@FRAMEWORKS
def test_another_input(name: str, path: Path, arrays: dict[str, Any]) -> None:
    held, report = built(name, path, in_channels=1)
    assert report.reshaped == {"conv1.weight": ((64, 3, 7, 7), (64, 1, 7, 7))}
    assert len(report.loaded) == len(arrays) - 1
    assert np.isclose(np.std(held["conv1.weight"]), (2 / (64 * 49)) ** 0.5, rtol=0.1)  # kaiming_normal, fan_out


@FRAMEWORKS
def test_missing_and_unused(name: str, arrays: dict[str, Any]) -> None:
    given = {key: array for key, array in arrays.items() if not key.startswith("layer4.")}
    held, report = built(name, {**given, "head.weight": np.zeros(3, np.float32)})
    assert set(report.missing) == {key for key in arrays if key.startswith("layer4.")}
    assert report.unused == ("head.weight",)
    assert not report.reshaped
    assert not report.complete
    assert np.array_equal(held["layer4.0.bn1.weight"], np.ones(512))
    assert np.array_equal(held["layer4.0.bn1.running_var"], np.ones(512))


def test_no_head(path: Path) -> None:
    _, report = built("torch", path, include_top=False)
    assert sorted(report.unused) == ["fc.bias", "fc.weight"]
    assert not report.missing


def test_the_warning_counts(path: Path) -> None:
    with pytest.warns(PartialWeightsWarning) as caught:
        archspec.build("resnet18", "torch", weights=path, partial=True, classes=10)
    assert str(caught[0].message) == (
        "100 weights were loaded; 2 of another shape: fc.weight is 1000x512, the network's is 10x512, "
        "fc.bias is 1000, the network's is 10"
    )


def test_nothing_is_said_where_all_fits(path: Path) -> None:
    pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        archspec.build("resnet18", "torch", weights=path, partial=True)
        archspec.build("resnet18", "torch", weights=path, partial=True, taps=["layer1"])


def test_dtype_and_state_dict(path: Path, arrays: dict[str, Any], tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save({key: torch.from_numpy(array) for key, array in arrays.items()}, tmp_path / "w.pth")
    graph = archspec.compile("resnet18", classes=2)
    with pytest.warns(PartialWeightsWarning):
        model = archspec.build(graph, "torch", weights=tmp_path / "w.pth", partial=True, dtype="float64")
    state = model.state_dict()
    assert state["conv1.weight"].dtype == torch.float64
    assert np.array_equal(state["conv1.weight"].numpy(), arrays["conv1.weight"])


@FRAMEWORKS
def test_into_a_model_that_exists(name: str, path: Path, arrays: dict[str, Any]) -> None:
    pytest.importorskip(name)
    graph = archspec.compile("resnet18", classes=10)
    model = archspec.build(graph, backend=name)
    before = backend(name, ExchangesWeights).export_weights(model, graph)
    with pytest.raises(WeightsError):
        archspec.load_weights(model, path, graph, name)
    with pytest.raises(WeightsError, match=r"the weights do not fit resnet18"):
        archspec.load_weights(model, {"other.weight": np.zeros(3)}, graph, name, partial=True)
    after = backend(name, ExchangesWeights).export_weights(model, graph)
    assert all(np.array_equal(after[key], before[key]) for key in before)
    report = archspec.load_weights(model, path, graph, name, partial=True)
    assert set(report.reshaped) == {"fc.weight", "fc.bias"}
    after = backend(name, ExchangesWeights).export_weights(model, graph)
    for key in before:
        assert np.array_equal(after[key], arrays[key] if key in report.loaded else before[key])


def test_a_model_of_another_network_is_refused(path: Path) -> None:
    pytest.importorskip("torch")
    model = archspec.build("resnet18", "torch", classes=10)
    with pytest.raises(WeightsError):
        archspec.load_weights(model, path, "resnet18", "torch", partial=True)


def test_what_fits_nowhere_is_an_error(arrays: dict[str, Any]) -> None:
    pytest.importorskip("torch")
    wrapped = {f"module.{key}": array for key, array in arrays.items()}
    with pytest.raises(WeightsError, match="E0702"):
        archspec.build("resnet18", "torch", weights={"other.weight": np.zeros(3)}, partial=True)
    archspec.build("resnet18", "torch", weights=wrapped, partial=True)  # a prefix of all is taken off
    with pytest.raises(WeightsError, match=r"cannot be weights \(str32\): bn1\.bias"):
        archspec.build("resnet18", "torch", weights={**arrays, "bn1.bias": np.array(["a"])}, partial=True)
    with pytest.raises(TypeError, match="are for weights that are given"):
        archspec.build("resnet18", "torch", partial=True)


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(WeightsError, match="E0701"):
        archspec.build("resnet18", "torch", weights=tmp_path / "w.safetensors", partial=True)


def test_the_command(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch = pytest.importorskip("torch")
    output = tmp_path / "net.py"
    command = ["build", "resnet18", "--set", "classes=10", "--weights", str(path), "-o", str(output), "--no-verify"]
    assert main(command) == 1
    assert "2 of another shape" in capsys.readouterr().err
    assert not output.exists()
    assert main([*command, "--partial"]) == 0
    assert capsys.readouterr().out.endswith(
        f"\n2 of another shape in {path}, drawn anew:\n"
        "  fc.weight is 1000x512, the network's is 10x512\n"
        "  fc.bias is 1000, the network's is 10\n"
    )
    assert torch.load(tmp_path / "net.pt", weights_only=True)["fc.weight"].shape == (10, 512)
    with pytest.raises(SystemExit) as caught:
        main(["build", "resnet18", "--partial"])
    assert caught.value.code == 2


def test_the_command_with_taps(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    command = ["build", "resnet18", "--taps", "layer1, layer2.0"]
    assert main([*command, "--weights", str(path)]) == 0
    source = Path("generated/torch/resnet18_taps.py").read_text(encoding="utf-8")
    assert "\n# taps: layer1, layer2.0\n" in source
    assert main([*command, "--check"]) == 0
    state = torch.load("generated/torch/resnet18_taps.pt", weights_only=True)
    assert {name.split(".")[0] for name in state} == {"conv1", "bn1", "layer1", "layer2"}
    assert main(["build", "resnet18", "--taps", "layer9"]) == 1
    assert "error[E0406]: resnet18 has no tensor called `layer9`" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        main(["build", "resnet18", "--taps", "layer1,,layer2"])
    assert caught.value.code == 2
