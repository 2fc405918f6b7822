"""Canonical weights files: exact both ways, strict, and clear about what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import archspec
from archspec import WeightsError
from archspec.codegen.backend import ExchangesWeights
from archspec.codegen.registry import backend
from archspec.parity import random_weights
from archspec.spec import load_text
from archspec.weights import fit, read_weights, write


@pytest.fixture(scope="module")
def graph() -> archspec.LayerGraph:
    return archspec.compile("resnet18", classes=10)


@pytest.fixture(scope="module")
def arrays(graph: archspec.LayerGraph) -> dict[str, Any]:
    return {name: array.astype(np.float32) for name, array in random_weights(graph).items()}


@pytest.mark.parametrize("name", ["torch", "keras", "onnx"])
def test_a_model_and_its_file_hold_the_same_numbers(
    name: str, graph: archspec.LayerGraph, arrays: dict[str, Any], tmp_path: Path
) -> None:
    pytest.importorskip(name)
    path = tmp_path / "w.safetensors"
    write(path, arrays, graph)
    model = archspec.build(graph, backend=name, weights=path)
    exported = backend(name, ExchangesWeights).export_weights(model, graph)
    assert list(exported) == list(graph.all_weights)
    for key, array in exported.items():
        assert array.dtype == np.float32
        assert np.array_equal(array, arrays[key]), key
    again = tmp_path / "again.safetensors"
    write(again, exported, graph)
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("one", "other"), [("torch", "keras"), ("keras", "torch"), ("torch", "onnx"), ("onnx", "keras")]
)
def test_weights_travel_from_one_framework_to_the_other(
    one: str, other: str, graph: archspec.LayerGraph, tmp_path: Path
) -> None:
    for name in (one, other):
        pytest.importorskip(name)
    path = tmp_path / "w.safetensors"
    archspec.save_weights(archspec.build(graph, backend=one), path, graph, one)
    target = archspec.build("resnet18", backend=other, classes=10)
    archspec.load_weights(target, path, "resnet18", other, classes=10)
    again = tmp_path / "again.safetensors"
    archspec.save_weights(target, again, "resnet18", other, classes=10)
    assert again.read_bytes() == path.read_bytes()


def test_weights_that_do_not_fit_leave_the_model_as_it_was(graph: archspec.LayerGraph, arrays: dict[str, Any]) -> None:
    pytest.importorskip("torch")
    model = archspec.build(graph, backend="torch")
    before = backend("torch", ExchangesWeights).export_weights(model, graph)
    with pytest.raises(WeightsError):
        archspec.load_weights(model, {**arrays, "fc.bias": np.zeros(11, np.float32)}, graph, "torch")
    after = backend("torch", ExchangesWeights).export_weights(model, graph)
    assert all(np.array_equal(after[name], before[name]) for name in before)


@pytest.mark.parametrize("name", ["torch", "keras", "onnx"])
@pytest.mark.parametrize("other", ["resnet34", "resnet50"])
def test_a_model_of_another_network_is_refused(
    name: str, other: str, graph: archspec.LayerGraph, arrays: dict[str, Any], tmp_path: Path
) -> None:
    pytest.importorskip(name)
    model = archspec.build(other, backend=name, classes=10)
    with pytest.raises(WeightsError):
        archspec.save_weights(model, tmp_path / "w.safetensors", graph, name)
    with pytest.raises(WeightsError):
        archspec.load_weights(model, arrays, graph, name)
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_plain_safetensors(graph: archspec.LayerGraph, arrays: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    write(path, arrays, graph)
    found = load_file(path)
    assert found["layer1.0.conv1.weight"].shape == (64, 64, 3, 3)
    assert found["fc.weight"].shape == (10, 512)
    assert sorted(found) == sorted(graph.all_weights)


def test_pytorch_counters_are_ignored(graph: archspec.LayerGraph, arrays: dict[str, Any]) -> None:
    assert list(fit({**arrays, "bn1.num_batches_tracked": np.array(7)}, graph)) == list(graph.all_weights)


def test_a_training_checkpoint_is_read(graph: archspec.LayerGraph, arrays: dict[str, Any], tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    state = {name: torch.from_numpy(array) for name, array in arrays.items()}
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "checkpoint.pth")
    found, _ = read_weights(tmp_path / "checkpoint.pth", graph)
    assert all(np.array_equal(found[name], arrays[name]) for name in arrays)


def test_everything_that_does_not_fit_is_in_one_error(graph: archspec.LayerGraph, arrays: dict[str, Any]) -> None:
    given = dict(arrays)
    del given["bn1.weight"]
    given["extra.weight"] = np.zeros(3, np.float32)
    given["fc.weight"] = np.zeros((1000, 512), np.float32)
    with pytest.raises(WeightsError) as caught:
        fit(given, graph)
    assert str(caught.value) == (
        "error[E0702]: the weights do not fit resnet18\n"
        "   = note: 1 missing: bn1.weight\n"
        "   = note: 1 unexpected: extra.weight\n"
        "   = note: 1 of another shape: fc.weight is 1000x512, the network's is 10x512"
    )


def _help(given: dict[str, Any], graph: archspec.LayerGraph) -> str:
    with pytest.raises(WeightsError) as caught:
        fit(given, graph)
    return caught.value.diagnostics[0].help


def test_the_likely_cause_is_named(graph: archspec.LayerGraph, arrays: dict[str, Any]) -> None:
    other = {"fc.weight": np.zeros((1000, 512), np.float32), "fc.bias": np.zeros(1000, np.float32)}
    help = _help({**arrays, **other}, graph)
    assert help.startswith("the file may be of a network with --set classes=1000; --adapt head makes them fit")
    misspelled = dict(arrays)
    misspelled["fc.wieght"] = misspelled.pop("fc.weight")
    assert _help(misspelled, graph) == "is `fc.wieght` meant to be `fc.weight`?"
    assert _help({**arrays, "bn1.weight": np.zeros(3, np.float32)}, graph) == ""


FACTORS = """archspec: 1
name: factors
input: {{channels: 4, height: 4, width: 4}}
layers:
  - scale: {{name: gamma, learned: channel, bare: true, shape: {shape}}}
  - scale: {{name: other, learned: channel, shape: {shape}}}
  - batch_norm: {{name: bn}}
"""


@pytest.mark.parametrize(("shape", "there"), [("channels", "broadcast"), ("broadcast", "channels")])
def test_the_shape_of_factors_is_named(shape: str, there: str) -> None:
    graph, file = (archspec.compile(load_text(FACTORS.format(shape=word))) for word in (shape, there))
    given = {name: np.zeros(weight.shape, np.float32) for name, weight in file.all_weights.items()}
    assert _help(given, graph) == f"the file keeps the factors of `scale` in another shape: write `shape: {there}`"
    assert _help({**given, "bn.bias": np.zeros((4, 1, 1), np.float32)}, graph) == ""
    fit(given, file)


def test_only_numbers_fit(graph: archspec.LayerGraph, arrays: dict[str, Any]) -> None:
    with pytest.raises(WeightsError, match=r"cannot be weights \(str32\): fc\.bias"):
        fit({**arrays, "fc.bias": ["a"] * 10}, graph)  # type: ignore[dict-item]


def test_bfloat16_is_widened(graph: archspec.LayerGraph, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file as save_torch

    state = {name: torch.from_numpy(array).to(torch.bfloat16) for name, array in random_weights(graph).items()}
    save_torch({**state, "bn1.num_batches_tracked": torch.tensor(3)}, tmp_path / "w.safetensors")
    found, _ = read_weights(tmp_path / "w.safetensors", graph)
    for name, tensor in state.items():
        assert found[name].dtype == np.float32
        assert np.array_equal(found[name], tensor.float().numpy()), name


def _safetensors_of(header: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header


HUGE = json.dumps({"a": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}).encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.safetensors", b""),
        ("text.safetensors", b"these are no weights at all"),
        ("header.safetensors", _safetensors_of(b"{not json")),
        ("huge.safetensors", _safetensors_of(HUGE)),
        ("length.safetensors", (2**63).to_bytes(8, "little") + b"{}"),
        ("empty.pth", b""),
        ("text.pth", b"these are no weights at all"),
        ("zip.pth", b"PK\x03\x04 not a zip"),
    ],
)
def test_a_damaged_file_is_one_clear_error(
    name: str, content: bytes, graph: archspec.LayerGraph, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        read_weights(path, graph)
    [diagnostic] = caught.value.diagnostics
    assert diagnostic.code == "E0701"
    assert name in diagnostic.message


def test_a_truncated_file_is_one_clear_error(
    graph: archspec.LayerGraph, arrays: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "w.safetensors"
    save_file(arrays, path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(WeightsError):
        archspec.build(graph, backend="torch", weights=path)


def test_a_missing_file_and_a_folder(graph: archspec.LayerGraph, tmp_path: Path) -> None:
    for path in (tmp_path / "none.safetensors", tmp_path):
        with pytest.raises(WeightsError):
            read_weights(path, graph)


def test_pickled_code_is_not_run(graph: archspec.LayerGraph, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save(_Bomb(tmp_path / "went-off"), tmp_path / "model.pt")
    with pytest.raises(WeightsError):
        read_weights(tmp_path / "model.pt", graph)
    assert not (tmp_path / "went-off").exists()


class _Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_writing_is_strict_and_leaves_nothing_behind(
    graph: archspec.LayerGraph, arrays: dict[str, Any], tmp_path: Path
) -> None:
    given = dict(arrays)
    del given["fc.bias"]
    with pytest.raises(WeightsError):
        write(tmp_path / "w.safetensors", given, graph)
    assert list(tmp_path.iterdir()) == []
