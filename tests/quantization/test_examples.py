"""Examples for calibration: how they are prepared, and what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.errors import TrainingDataError
from archspec.parity import random_weights
from archspec.quantization.examples import Examples
from archspec.quantization.measurement import quantize
from archspec.weights import write
from tests.commands.conftest import Run, run
from tests.needed import lazily, needs
from tests.quantization.networks import SPEC, examples, file_of_weights, network, pictures, weights_of

__all__ = ["run"]

pytestmark = needs("onnx", "onnxruntime", "PIL")


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("empty", "there are no pictures in"),
        ("absent", "is no folder of pictures"),
        ("broken", "cannot be decoded as a picture"),
        ("shape", "the network takes (N, 3, 16, 16)"),
        ("pickle", "cannot be read"),
        ("mean", "--mean has 1 numbers, and small takes 3 channels"),
        ("layer", "did you mean `unit`"),
        ("none", "holds no examples"),
        ("prepared", "an array holds inputs as the network takes them"),
        ("deviation", "its numbers are above 0"),
    ],
)
def test_examples_that_do_not_fit(run: Run, tmp_path: Path, case: str, message: str) -> None:
    spec, weights = file_of_weights(tmp_path)
    path, more = tmp_path / "pictures", []
    match case:
        case "empty":
            path.mkdir()
            (path / "notes.txt").write_text("none")
        case "broken":
            data = (pictures(path, 3) / "class0" / "0.png").read_bytes()
            (path / "class0" / "0.png").write_bytes(data[: len(data) // 2])
        case "shape":
            path = tmp_path / "x.npy"
            np.save(path, np.zeros((4, 3, 8, 8), np.float32))
        case "pickle":
            path = tmp_path / "x.npy"
            np.save(path, np.array([{}]), allow_pickle=True)
        case "mean":
            pictures(path)
            more = ["--mean", "0.5"]
        case "layer":
            pictures(path)
            more = ["--keep", "units"]
        case "none" | "prepared":
            path = tmp_path / "x.npy"
            np.save(path, np.zeros((0 if case == "none" else 2, 3, 16, 16), np.float32))
            more = ["--std", "1,1,1"] if case == "prepared" else []
        case "deviation":
            pictures(path)
            more = ["--std", "1,0,1"]
    code, _, err = run("quantize", str(spec), "--weights", str(weights), "--images", str(path), *more)
    assert (code, message in err) == (1, True), err
    assert not (tmp_path / "generated").exists()


def test_pictures_are_cut_and_scaled_as_they_should_be(tmp_path: Path) -> None:
    from PIL import Image

    graph = network()
    array = np.zeros((16, 16, 3), np.uint8)
    array[..., 1] = 255
    (tmp_path / "p").mkdir()
    Image.fromarray(array).save(tmp_path / "p" / "a.png")
    [batch] = Examples.of(tmp_path / "p", graph).batches()
    wanted = [(value - mean) / std for value, mean, std in ((0, 0.485, 0.229), (1, 0.456, 0.224), (0, 0.406, 0.225))]
    assert np.allclose(batch["input"], np.reshape(wanted, (1, 3, 1, 1)), atol=1e-6)
    for other in ("c.gif", "d.gif", "notes.txt", ".hidden"):
        (tmp_path / "p" / other).touch()
    assert Examples.of(tmp_path / "p", graph).text.endswith("; passed over: 3 files of other kinds (2 .gif, 1 .txt)")
    Image.fromarray(np.tile(array, (2, 4, 1))).save(tmp_path / "p" / "b.png")
    [batch] = Examples.of(tmp_path / "p", graph).batches()
    assert np.allclose(batch["input"][1], batch["input"][0], atol=1e-6)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.full((6, 3, 16, 16), 2.5, np.float32), "each of the examples is one number throughout"),
        (np.arange(4, dtype=np.float32)[:, None, None, None] + np.zeros((4, 3, 16, 16), np.float32), "one number"),
        (np.repeat(np.random.default_rng(0).normal(size=(1, 3, 16, 16)), 20, 0), "all 20 examples are equal"),
        (np.random.default_rng(0).integers(0, 256, (6, 3, 16, 16), np.uint8), "holds uint8: whole numbers"),
        (np.random.default_rng(0).integers(0, 256, (6, 3, 16, 16)), "holds int64: whole numbers"),
    ],
)
def test_examples_of_which_no_range_can_be_taken(tmp_path: Path, array: Any, said: str) -> None:
    np.save(tmp_path / "x.npy", array)
    graph = network()
    with pytest.raises(TrainingDataError, match=said):
        quantize(graph, Examples.of(tmp_path / "x.npy", graph), weights=weights_of(graph))


def test_doubtful_examples_and_layers_are_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(SPEC)
    graph = archspec.compile(tmp_path / "net.yaml")
    weights = random_weights(graph)
    weights["unit.one.bias"] = np.full_like(weights["unit.one.bias"], -1e6)
    write(tmp_path / "w.safetensors", weights, graph)
    pixels = np.random.default_rng(0).integers(0, 256, (9, 3, 16, 16)).astype(np.float32)
    np.save(tmp_path / "x.npy", pixels)
    command = ["quantize", "net.yaml", "--weights", "w.safetensors", "--images", "x.npy"]
    code, out, err = run(*command, "--format", "json")
    assert code == 0
    assert json.loads(out)["doubts"] == err.replace("warning: ", "").splitlines()[-2:]
    assert "warning: the examples are whole numbers from 0 to 255, as pixels are that nothing has scaled" in err
    assert "warning: one number on all examples, so that its range says nothing: unit.0" in err
    assert run(*command, "--force")[2].count("warning") == 2
    graph = network()
    assert quantize(graph, examples(graph, tmp_path), weights=weights_of(graph)).doubts == ()


def test_pictures_that_cannot_be_read_are_counted(run: Run, tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(SPEC)
    graph = archspec.compile(tmp_path / "net.yaml")
    write(tmp_path / "w.safetensors", random_weights(graph), graph)
    (tmp_path / "images").mkdir()
    command = ["quantize", "net.yaml", "--weights", "w.safetensors", "--images", "images"]
    code, _, err = run(*command)
    assert (code, err.count("error[E1001]: there are no pictures in images")) == (1, 1)
    image = lazily("PIL.Image").fromarray(np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8))
    image.save(tmp_path / "images" / "right.png")
    for name in ("a.jpg", "b.png"):
        (tmp_path / "images" / name).write_bytes(b"no picture")
    code, _, err = run(*command)
    assert (code, err.count("error[")) == (1, 1)
    assert "error[E1001]: 2 of 3 pictures cannot be read" in err
    assert "a.jpg: cannot be decoded as a picture (cannot identify image file)" in err
    assert "b.png" in err
    assert not (tmp_path / "generated").exists()
