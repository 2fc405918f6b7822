"""Checkpoints as people save them: wrapped, prefixed, of other types, of other forms of PyTorch."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import archspec
from archspec import WeightsError, WeightsReport
from archspec.parity import random_weights
from archspec.spec import load_text
from archspec.weights import WeightsWarning, files, read_weights
from tests.needed import lazily, needs
from tests.pace import within_seconds

torch: Any = lazily("torch")
pytestmark = needs("torch")

SPEC = """
archspec: 1
name: net
input: {channels: 3, height: 8, width: 8}
layers: [{conv: {filters: 4, kernel: 3}}, batch_norm, flatten, {dense: {name: fc, units: 5}}]
"""


@cache
def expected() -> archspec.LayerGraph:
    return archspec.compile(load_text(SPEC))


@cache
def right() -> dict[str, Any]:
    return {name: array.astype(np.float32) for name, array in random_weights(expected()).items()}


@cache
def weights() -> dict[str, Any]:
    """A state dict; tests do not write into it."""
    return {
        **{name: torch.from_numpy(array) for name, array in right().items()},
        "batch_norm.num_batches_tracked": torch.tensor(7),
    }


@cache
def others() -> dict[str, Any]:
    return {name: tensor + 1 for name, tensor in weights().items()}


def prefixed(prefix: str, state: dict[str, Any] | None = None) -> dict[str, Any]:
    return {prefix + name: tensor for name, tensor in (weights() if state is None else state).items()}


def taken(tmp_path: Path, content: Any, **options: Any) -> tuple[dict[str, Any], WeightsReport]:
    torch.save(content, tmp_path / "w.pth")
    found, report = read_weights(tmp_path / "w.pth", expected(), **options)
    return dict(found), report


WHOLE = (
    *("plain", "no counters", "state_dict", "model", "model_state_dict", "net", "weights", "module", "nested"),
    *("module.", "_orig_mod.", "model.", "backbone.", "module._orig_mod.", "Lightning", "only averaged", "parameters"),
)
"""The files of `whole`."""


@cache
def whole() -> dict[str, Any]:
    return {
        "plain": weights(),
        "no counters": {name: weights()[name] for name in right()},
        **{
            key: {key: weights(), "epoch": 3}
            for key in ("state_dict", "model", "model_state_dict", "net", "weights", "module")
        },
        "nested": {"checkpoint": {"model": weights()}, "step": 1},
        **{
            prefix: prefixed(prefix) for prefix in ("module.", "_orig_mod.", "model.", "backbone.", "module._orig_mod.")
        },
        "Lightning": {
            "state_dict": prefixed("model."),
            "optimizer_states": [{"state": {}}],
            "hyper_parameters": {"lr": 0.1},
        },
        "only averaged": {"ema": {"module": weights()}, "args": {"lr": 1}},
        "parameters": {
            name: torch.nn.Parameter(tensor) for name, tensor in weights().items() if tensor.is_floating_point()
        },
    }


def test_each_whole_file_is_tried() -> None:
    assert sorted(whole()) == sorted(WHOLE)


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "before 1.6"])
def test_wrapped_weights_are_found(name: str, legacy: bool, tmp_path: Path) -> None:
    torch.save(whole()[name], tmp_path / "w.pth", _use_new_zipfile_serialization=not legacy)
    found, report = read_weights(tmp_path / "w.pth", expected())
    assert report.complete
    assert list(found) == list(expected().all_weights)
    assert all(np.array_equal(found[name], right()[name]) for name in right())


def test_what_was_found_is_said(tmp_path: Path) -> None:
    _, report = taken(tmp_path, {"state_dict": prefixed("module.")})
    assert report.notes == ("the file's key `state_dict`", "the prefix `module.` taken off the names")
    _, report = taken(tmp_path, weights())
    assert report.notes == ()


@pytest.mark.parametrize("first", ["state_dict", "state_dict_ema"])
def test_of_two_that_fit_the_trained_ones_are_taken_and_the_others_named(first: str, tmp_path: Path) -> None:
    both = {"state_dict": weights(), "state_dict_ema": others()}
    found, report = taken(tmp_path, {key: both[key] for key in sorted(both, reverse=first != "state_dict")})
    assert np.array_equal(found["fc.bias"], right()["fc.bias"])
    assert "state_dict_ema" in report.notes[0]
    found, report = taken(tmp_path, both, key="state_dict_ema")
    assert np.array_equal(found["fc.bias"], right()["fc.bias"] + 1)
    model = archspec.build(expected(), "torch", weights=tmp_path / "w.pth", weights_key="state_dict_ema")
    assert torch.equal(model.state_dict()["fc.bias"], others()["fc.bias"])


def test_a_prefix_beside_other_names_is_offered_and_taken_when_asked_for(tmp_path: Path) -> None:
    content = {**prefixed("generator."), "discriminator.fc.weight": torch.zeros(3)}
    with pytest.raises(WeightsError, match=r"--strip-prefix generator\."):
        taken(tmp_path, content)
    found, report = taken(tmp_path, content, prefix="generator.")
    assert np.array_equal(found["fc.weight"], right()["fc.weight"])
    assert report.notes == ("the prefix `generator.` taken off the names; 1 without it passed over",)
    archspec.load_weights(
        archspec.build(expected(), "torch"), tmp_path / "w.pth", expected(), "torch", strip_prefix="generator."
    )


@pytest.mark.parametrize(
    ("options", "wanted"),
    [({"key": "modle"}, "`state_dict`"), ({"key": "state_dict", "prefix": "backbone."}, "`conv.`")],
)
def test_an_option_that_finds_nothing_says_what_there_is(options: dict[str, str], wanted: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        taken(tmp_path, {"state_dict": weights()}, **options)
    assert caught.value.diagnostics[0].code == "E0701"
    assert wanted in caught.value.diagnostics[0].help


def test_options_are_for_weights() -> None:
    with pytest.raises(TypeError, match="weights_key"):
        archspec.build(expected(), "torch", weights_key="model")


def test_prefixes_in_safetensors(tmp_path: Path) -> None:
    save_file({f"module.{name}": array for name, array in right().items()}, tmp_path / "w.safetensors")
    found, report = read_weights(tmp_path / "w.safetensors", expected())
    assert np.array_equal(found["fc.weight"], right()["fc.weight"])
    assert report.notes == ("the prefix `module.` taken off the names",)


def test_tensors_are_read_as_pytorch_reads_them(tmp_path: Path) -> None:
    numbers = torch.arange(24.0)
    content = {
        "transposed": numbers.view(4, 6).t(),
        "a part": numbers[5:17:3],
        "of one storage": numbers.view(2, 3, 4),
        "one number": torch.tensor(3.5, dtype=torch.float64),
        "none": torch.zeros(0, 3),
        "expanded": torch.ones(1, 3).expand(4, 3),
        "half": numbers.half(),
        "bfloat16": numbers.bfloat16(),
        "long": torch.arange(3),
        "int": torch.arange(3, dtype=torch.int32),
        "short": torch.arange(3, dtype=torch.int16),
        "channels last": torch.arange(48.0).view(2, 2, 3, 4).contiguous(memory_format=torch.channels_last),
        "parameter": torch.nn.Parameter(numbers.clone()),
    }
    for legacy in (False, True):
        for protocol in (2, 4):
            path = tmp_path / f"{legacy}{protocol}.pt"
            torch.save(content, path, _use_new_zipfile_serialization=not legacy, pickle_protocol=protocol)
            found = files.numbers(path, files.open_weights(path, len(content)).tree)
            assert found.keys() == content.keys()
            for name, tensor in content.items():
                plain = tensor.detach()
                wanted = (plain.float() if plain.dtype == torch.bfloat16 else plain).numpy()
                assert found[name].dtype == wanted.dtype, name
                assert np.array_equal(found[name], wanted), name


def test_pytorch_is_not_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save(weights(), tmp_path / "w.pth")
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    assert np.array_equal(read_weights(tmp_path / "w.pth", expected())[0]["fc.weight"], right()["fc.weight"])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda tensor: tensor.half(), "of float16, which float32 holds exactly"),
        (lambda tensor: tensor.bfloat16(), "of bfloat16, which float32 holds exactly"),
        (lambda tensor: tensor.double(), "of float64, rounded where the model is of float32"),
    ],
)
def test_other_widths_are_converted_and_said(make: Callable[[Any], Any], said: str, tmp_path: Path) -> None:
    given = {name: make(torch.from_numpy(array)) for name, array in right().items()}
    found, report = taken(tmp_path, given)
    assert report.notes == (f"{len(right())} {said}",)
    assert report.doubts == ()
    for name, tensor in given.items():
        assert np.array_equal(found[name].astype(np.float64), tensor.double().numpy()), name


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "int8": (lambda tensor: tensor.to(torch.int8), "quantized"),
    "uint8": (lambda tensor: tensor.to(torch.uint8), "quantized"),
    "quantized": (lambda tensor: torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8), "quantized"),
    "float8": (lambda tensor: tensor.to(torch.float8_e4m3fn), "float8_e4m3fn"),
    "complex": (lambda tensor: tensor.to(torch.complex64), "complex64"),
    "bool": (lambda tensor: tensor > 0, "bool"),
    "sparse": (lambda tensor: tensor.to_sparse(), "sparse"),
    "on no device": (lambda tensor: tensor.to("meta"), "on no device"),
}


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
@pytest.mark.parametrize(("make", "said"), REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("partial", [False, True])
def test_types_that_are_no_weights_are_refused(
    make: Callable[[Any], Any], said: str, partial: bool, tmp_path: Path
) -> None:
    with pytest.raises(WeightsError) as caught:
        taken(tmp_path, {**weights(), "fc.weight": make(weights()["fc.weight"])}, partial=partial)
    [found] = caught.value.diagnostics
    assert found.code == "E0702"
    assert any(said in note.message and "fc.weight" in note.message for note in found.notes)


def test_quantized_safetensors_are_refused_and_float8_too(tmp_path: Path) -> None:
    from safetensors.torch import save_file as save_torch

    for kind, said in ((torch.int8, "quantized"), (torch.float8_e5m2, "float8_e5m2")):
        given = {name: torch.from_numpy(array) for name, array in right().items()}
        save_torch({**given, "fc.weight": given["fc.weight"].to(kind)}, tmp_path / "w.safetensors")
        with pytest.raises(WeightsError, match=said):
            read_weights(tmp_path / "w.safetensors", expected())


def test_odd_numbers_are_loaded_and_said(tmp_path: Path) -> None:
    bad = weights()["conv.weight"].clone()
    bad.view(-1)[:3] = float("nan")
    worse = weights()["fc.bias"].clone()
    worse[1] = -float("inf")
    _, report = taken(tmp_path, {**weights(), "conv.weight": bad, "fc.bias": worse})
    assert report.doubts == (
        "NaN in conv.weight (3 of 108)",
        "infinite numbers in fc.bias (1 of 5)",
    )
    with pytest.warns(WeightsWarning, match=r"conv\.weight \(3 of 108\)") as caught:
        archspec.build(expected(), "torch", weights=tmp_path / "w.pth")
    assert caught[0].filename == __file__
    whole = {**weights(), "fc.bias": torch.ones(5, dtype=torch.int64)}
    _, report = taken(tmp_path, whole)
    assert report.doubts == ("whole numbers, which no training gives, in fc.bias (int64)",)
    large = {**weights(), "fc.bias": torch.full((5,), 3e38)}
    assert taken(tmp_path, large)[1].doubts == ()  # their sum is past float32


def test_nothing_is_said_of_good_weights(tmp_path: Path) -> None:
    torch.save(weights(), tmp_path / "w.pth")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        archspec.build(expected(), "torch", weights=tmp_path / "w.pth")


@pytest.mark.timing
def test_many_tensors_are_read_soon(tmp_path: Path) -> None:
    graph = archspec.compile("resnet152")
    arrays = {name: np.zeros(weight.shape, np.float16) for name, weight in graph.all_weights.items()}
    torch.save({"model": {name: torch.from_numpy(array) for name, array in arrays.items()}}, tmp_path / "w.pth")
    with within_seconds(3):
        found, _ = read_weights(tmp_path / "w.pth", graph)
    assert len(found) == len(arrays)
