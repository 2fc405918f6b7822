"""Weights that are made to fit other input channels, classes and positions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec import WeightsError
from archspec.cli import main
from archspec.weights import read_weights, write
from archspec.weights.adaptation import Adaptation, input_channels, interpolated
from tests.needed import lazily, needs

torch: Any = lazily("torch")


def test_sums_and_repeats_keep_what_gray_images_give() -> None:
    draw = np.random.default_rng(0)
    kernel, plane = draw.normal(size=(5, 3, 2, 2)).astype(np.float32), draw.normal(size=(2, 2)).astype(np.float32)
    wanted = (kernel * plane).sum(axis=(1, 2, 3))
    for channels in (1, 2, 4, 5, 6, 9):
        found = input_channels(kernel, channels)
        assert found.shape == (5, channels, 2, 2)
        if channels in (1, 6, 9):
            np.testing.assert_allclose((found * plane).sum(axis=(1, 2, 3)), wanted, rtol=1e-5, atol=1e-5)
    assert np.array_equal(input_channels(kernel, 4)[:, 3], kernel[:, 0] * np.float32(0.75))


@needs("torch")
@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize(
    ("old", "new"), [((14, 14), (16, 16)), ((14, 14), (7, 9)), ((3, 3), (24, 5)), ((2, 2), (1, 1))]
)
def test_positions_are_interpolated_as_pytorch_does_it(
    old: tuple[int, int], new: tuple[int, int], corners: bool
) -> None:
    numbers = np.random.default_rng(1).normal(size=(1, 2 + old[0] * old[1], 6)).astype(np.float32)
    grid = torch.from_numpy(numbers[:, 2:]).reshape(1, *old, 6).permute(0, 3, 1, 2)
    given = {"align_corners": True} if corners else {"antialias": True}
    wanted = torch.nn.functional.interpolate(grid, size=new, mode="bicubic", **given)
    found = interpolated(numbers, old, new, corners=corners)
    assert np.array_equal(found[:, :2], numbers[:, :2])
    flat = wanted.permute(0, 2, 3, 1).reshape(1, -1, 6).numpy()
    np.testing.assert_allclose(found[:, 2:], flat, rtol=0, atol=2e-6)


def test_a_classifier_is_drawn_anew_or_keeps_some_classes(tmp_path: Path) -> None:
    arrays = archspec.init_weights("resnet18", seed=1)
    fresh = archspec.compile("resnet18", classes=3)
    with pytest.raises(WeightsError, match="--adapt head makes them fit"):
        read_weights(arrays, fresh)
    found, report = read_weights(arrays, fresh, adapt=["head"])
    assert np.array_equal(found["fc.weight"], archspec.init_weights(fresh, seed=0)["fc.weight"])
    assert np.array_equal(found["layer1.0.conv1.weight"], arrays["layer1.0.conv1.weight"])
    assert report.complete
    assert report.notes == ("fc.weight drawn anew, for 3 classes", "fc.bias drawn anew, for 3 classes")
    some, _ = read_weights(arrays, fresh, adapt=["head=7,999,0"])
    assert np.array_equal(some["fc.weight"], arrays["fc.weight"][[7, 999, 0]])
    assert np.array_equal(some["fc.bias"], arrays["fc.bias"][[7, 999, 0]])
    for wrong, message in (("head=1,2", "2 classes are asked for"), ("head=1,2,1000", "class 1000 is asked for")):
        with pytest.raises(WeightsError, match=message):
            read_weights(arrays, fresh, adapt=[wrong])


def test_the_first_convolution_takes_other_channels_and_no_other_does() -> None:
    arrays = archspec.init_weights("resnet18", seed=1)
    gray = archspec.compile("resnet18", in_channels=1, classes=5)
    with pytest.raises(WeightsError, match="--adapt channels --adapt head makes them fit"):
        read_weights(arrays, gray)
    found, report = read_weights(arrays, gray, adapt=["channels", "head"])
    assert np.array_equal(found["conv1.weight"], arrays["conv1.weight"].sum(axis=1, keepdims=True))
    assert "conv1.weight of 3 channels, for 1" in report.notes
    wrong = {**arrays, "layer1.0.conv1.weight": arrays["layer1.0.conv1.weight"][:, :3]}
    with pytest.raises(WeightsError, match=r"layer1\.0\.conv1\.weight is 64x3x3x3"):
        read_weights(wrong, archspec.compile("resnet18"), adapt=["channels", "head"])


@pytest.mark.parametrize("how", ["positions", "positions=torchvision"])
def test_a_transformer_takes_images_of_another_size(how: str) -> None:
    arrays = archspec.init_weights("vision_transformer", seed=1, variant="ti_16")
    larger = archspec.compile("vision_transformer", size=288, variant="ti_16")
    with pytest.raises(WeightsError, match="--adapt positions makes them fit"):
        read_weights(arrays, larger)
    found, report = read_weights(arrays, larger, adapt=[how])
    name = "encoder.pos_embedding"
    assert found[name].shape == (1, 1 + 18 * 18, 192)
    assert np.array_equal(found[name][:, 0], arrays[name][:, 0])
    assert f"{name} interpolated from 14x14 to 18x18, as by {how.partition('=')[2] or 'timm'}" in report.notes


def test_words_that_mean_nothing_are_refused() -> None:
    for wrong in ("heads", "head=a", "channels=4", "positions=bilinear", ""):
        with pytest.raises(WeightsError, match="nothing that can be adapted"):
            Adaptation.parse([wrong])


def test_the_command_line_adapts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = tmp_path / "w.safetensors", tmp_path / "gray.npz"
    write(file, archspec.init_weights("lenet", seed=1), archspec.compile("lenet"))
    given = [str(file), "lenet", "--set", "classes=4", "-o", str(out)]
    assert main(["weights", "convert", *given]) == 1
    assert "--adapt head" in capsys.readouterr().err
    assert main(["weights", "convert", *given, "--adapt", "head=3,1,2,0"]) == 0
    assert "of 4 of 10 classes" in capsys.readouterr().out
    with np.load(out) as held:
        assert len(held["fc3.weight" if "fc3.weight" in held else [n for n in held if n.endswith("bias")][-1]]) == 4
