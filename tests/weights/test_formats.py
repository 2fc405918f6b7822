"""Files of other libraries, each written by the library itself: their weights are the network's, in every format."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import archspec
from archspec import WeightsError
from archspec.parity import random_weights
from archspec.spec import load_text
from archspec.weights import read_weights
from tests.needed import needs

# Convolutions in groups, by channels and of one position, norms without scale, attention, what is learned by itself.
SPEC = """
archspec: 1
name: net
input: {channels: 4, height: 8, width: 8}
layers:
  - conv: {name: stem, filters: 8, kernel: 3, padding: 1}
  - batch_norm: {name: norm, scale: false}
  - name: inside
    layers:
      - conv: {name: depthwise, filters: 8, kernel: 3, groups: 8, padding: 1, bias: false}
      - conv: {name: grouped, filters: 6, kernel: 1, groups: 2}
      - prelu: {name: act}
  - to_tokens
  - class_token: {name: token}
  - position_embedding: {name: position}
  - layer_norm: {name: before}
  - attention: {name: heads, heads: 2}
  - select_token: {index: 0}
  - dense: {name: fc, units: 5}
"""


@cache
def graph() -> archspec.LayerGraph:
    return archspec.compile(load_text(SPEC))


@cache
def right() -> dict[str, Any]:
    return {name: array.astype(np.float32) for name, array in random_weights(graph()).items()}


def same(found: dict[str, Any]) -> None:
    assert found.keys() == right().keys()
    for name, array in right().items():
        assert found[name].dtype == np.float32, name
        assert np.array_equal(found[name], array), name


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5", "m.h5"])
def test_keras(name: str, tmp_path: Path) -> None:
    pytest.importorskip("keras")
    model = archspec.build(graph(), "keras", weights=right())
    path = tmp_path / name
    (model.save_weights if name == "m.weights.h5" else model.save)(path)
    found, report = read_weights(path, graph())
    same(found)
    assert report.notes[0] == "read by the names of archspec's Keras source"
    renamed = tmp_path / "weights"
    path.rename(renamed)
    same(read_weights(renamed, graph())[0])


def test_what_a_training_keeps_is_passed_over(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    model = archspec.build(graph(), "keras", weights=right())
    model.compile("adam", "mse")
    model.fit(np.zeros((2, 8, 8, 4)), np.zeros((2, 5)), verbose=0)
    model.save(tmp_path / "m.keras")
    model.save(tmp_path / "m.h5")
    one, _ = read_weights(tmp_path / "m.keras", graph())
    other, _ = read_weights(tmp_path / "m.h5", graph())
    assert not np.array_equal(one["fc.weight"], right()["fc.weight"])
    assert np.array_equal(one["fc.weight"], np.asarray(model.get_layer("fc").kernel).T)
    assert all(np.array_equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_numpy(save: Callable[..., None], tmp_path: Path) -> None:
    save(tmp_path / "w.npz", **right())
    same(read_weights(tmp_path / "w.npz", graph())[0])


@needs("onnx")
@pytest.mark.parametrize("external", [False, True])
def test_onnx(external: bool, tmp_path: Path) -> None:
    import onnx

    model = archspec.build(graph(), "onnx", weights=right())
    path = tmp_path / "m.onnx"
    onnx.save(model, path, save_as_external_data=external, size_threshold=0, location="m.data" if external else None)
    found, report = read_weights(path, graph(), partial=True)  # what it has beside the weights is no network's
    same(found)
    assert not report.missing


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
def test_several_files(suffix: str, tmp_path: Path) -> None:
    names = list(right())
    parts = {f"part-1.{suffix}": names[::2], f"part-2.{suffix}": names[1::2]}
    for part, own in parts.items():
        arrays = {name: right()[name] for name in own}
        if suffix == "safetensors":
            save_file(arrays, tmp_path / part)
        else:
            torch = pytest.importorskip("torch")
            torch.save({name: torch.from_numpy(array) for name, array in arrays.items()}, tmp_path / part)
    where = {name: part for part, own in parts.items() for name in own}
    index = tmp_path / f"model.{suffix}.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": where}))
    same(read_weights(index, graph())[0])
    index.write_text(json.dumps({"weight_map": {**where, "fc.bias": f"../part-1.{suffix}"}}))
    with pytest.raises(WeightsError, match="no file beside it"):
        read_weights(index, graph())
    (tmp_path / f"part-2.{suffix}").unlink()
    index.write_text(json.dumps({"weight_map": where}))
    with pytest.raises(WeightsError, match="download all parts"):
        read_weights(index, graph())


SLIM = "resnet_v2_50"


@cache
def slim() -> archspec.LayerGraph:
    return archspec.compile(SLIM, size=32, classes=7)


def slim_variables() -> dict[str, Any]:
    """Weights under TF-slim's names and in its layout, written down without archspec's maps."""
    found: dict[str, Any] = {}
    words = {"running_mean": "moving_mean", "running_var": "moving_variance"}
    for name, array in random_weights(slim()).items():
        *path, leaf = name.split(".")
        norm = path[-1] in ("preact", "postnorm") or path[-1].startswith("bn")
        if path[-1].startswith("bn"):
            path[-1:] = [f"conv{path[-1][2:]}", "BatchNorm"]
        if path[0].startswith("block"):
            path.insert(2, "bottleneck_v2")
        word = words.get(leaf) or {"weight": "gamma" if norm else "weights", "bias": "beta" if norm else "biases"}[leaf]
        array = array.astype(np.float32)
        found["/".join([SLIM, *path, word])] = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array
    return found


@needs("tensorflow")
@pytest.mark.parametrize("version", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_checkpoints_of_slim(version: int, tmp_path: Path) -> None:
    import tensorflow.compat.v1 as tf

    kind = tf.train.SaverDef.V1 if version == 1 else tf.train.SaverDef.V2
    with tf.Graph().as_default(), tf.Session() as session:
        for name, array in slim_variables().items():
            tf.get_variable(name, initializer=array)
        tf.train.get_or_create_global_step()
        tf.get_variable(f"{SLIM}/conv1/weights/Momentum", shape=(7, 7, 3, 64))
        session.run(tf.global_variables_initializer())
        tf.train.Saver(write_version=kind).save(session, str(tmp_path / "m.ckpt"), write_meta_graph=False)
    given = ["m.ckpt"] if version == 1 else ["m.ckpt", "m.ckpt.index", "m.ckpt.data-00000-of-00001"]
    for name in given:
        found, report = read_weights(tmp_path / name, slim())
        assert report.notes[0] == f"read by TF-slim, resnet_v2, after `{SLIM}/`"
        wanted = random_weights(slim())
        assert found.keys() == wanted.keys()
        assert all(np.array_equal(found[key], wanted[key].astype(np.float32)) for key in wanted)


def changed(data: bytes, number: int) -> bytes:
    """The bytes of a file with some of them changed, or without its end."""
    draw = random.Random(number)
    if number % 5 == 0:
        return data[: draw.randrange(len(data))]
    found = bytearray(data)
    for _ in range(draw.choice((1, 1, 8, 64))):
        # Most of a file is numbers, which say nothing: its structure stands at both ends.
        place = min(draw.randrange(len(found)), draw.randrange(len(found)))
        found[place if draw.random() < 0.5 else -1 - place] = draw.choice((0, 255, draw.randrange(256)))
    return bytes(found)


def written(kind: str, folder: Path) -> Path:
    path = folder / {
        "keras": "m.keras",
        "hdf5": "m.h5",
        "weights": "m.weights.h5",
        "numpy": "m.npz",
        "onnx": "m.onnx",
    }.get(kind, "m.ckpt")
    if kind in ("keras", "hdf5", "weights"):
        model = archspec.build(graph(), "keras", weights=right())
        (model.save_weights if kind == "weights" else model.save)(path)
    elif kind == "numpy":
        np.savez_compressed(path, **right())
    elif kind == "onnx":
        path.write_bytes(archspec.build(graph(), "onnx", weights=right()).SerializeToString())
    else:
        import tensorflow.compat.v1 as tf

        with tf.Graph().as_default(), tf.Session() as session:
            for name, array in right().items():
                tf.get_variable(name.replace(".", "/"), initializer=array)
            session.run(tf.global_variables_initializer())
            saver = tf.train.Saver(write_version=getattr(tf.train.SaverDef, kind))
            saver.save(session, str(path), write_meta_graph=False)
        path = path.with_name("m.ckpt.index") if kind == "V2" else path
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    [
        "numpy",
        pytest.param("onnx", marks=needs("onnx")),
        *(pytest.param(each, marks=needs("keras")) for each in ("keras", "hdf5", "weights")),
        *(pytest.param(each, marks=needs("tensorflow")) for each in ("V1", "V2")),
    ],
)
def test_a_damaged_file_is_one_clear_error(kind: str, tmp_path: Path) -> None:
    """Or its numbers are read, where only those have changed; whatever the bytes, nothing else happens."""
    path = written(kind, tmp_path)
    data, said = path.read_bytes(), list[WeightsError]()
    for number in range(600):
        path.write_bytes(changed(data, number))
        try:
            read_weights(path, graph(), partial=True)
        except WeightsError as error:
            said.append(error)
    assert len(said) > 60
    assert all(len(error.diagnostics) == 1 and len(str(error)) < 20_000 for error in said)
