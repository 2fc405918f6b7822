"""Checkpoints as TensorFlow itself writes them: of objects, in parts, with averages, damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec import WeightsError
from archspec.checkpoints import write_as
from archspec.checkpoints.tensorflow_writing import write_checkpoint
from archspec.parity import random_weights
from archspec.spec import load_text
from archspec.weights import read_weights
from archspec.weights.tensor_slices import slice_key
from archspec.weights.tensorflow_checkpoints import read
from archspec.weights.tensors import DamagedError
from archspec.weights.translation import named_by
from tests.needed import lazily, needs

tf: Any = lazily("tensorflow")
SPEC = """
archspec: 1
name: net
input: {channels: 3, height: 8, width: 8}
layers:
  - {conv: {name: conv1, filters: 4, kernel: 3}}
  - {batch_norm: {name: bn1}}
  - global_avg_pool
  - flatten
  - {dense: {name: fc, units: 5}}
"""


def graph() -> archspec.LayerGraph:
    return archspec.compile(load_text(SPEC))


@pytest.mark.slow
@needs("tensorflow", "keras")
def test_a_checkpoint_of_objects_has_the_names_of_its_layers(tmp_path: Path) -> None:
    import keras

    if keras.backend.backend() != "tensorflow":
        pytest.skip("models of other engines are no objects of TensorFlow's checkpoints")
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, name="conv1"),
            layers.BatchNormalization(name="bn1"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(5, name="fc"),
        ]
    )
    model.compile("adam", "mse")
    model.fit(np.ones((4, 8, 8, 3), np.float32), np.ones((4, 5), np.float32), verbose=0)
    for number, objects in enumerate(({"model": model}, {"model": model, "optimizer": model.optimizer})):
        prefix = tf.train.Checkpoint(**objects).save(str(tmp_path / f"{number}" / "m"))
        found, report = read_weights(prefix, graph())
        assert report.complete
        assert np.array_equal(found["conv1.weight"], model.get_layer("conv1").kernel.numpy().transpose(3, 2, 0, 1))
        assert np.array_equal(found["fc.weight"], model.get_layer("fc").kernel.numpy().T)
        assert np.array_equal(found["bn1.running_var"], model.get_layer("bn1").moving_variance.numpy())


@pytest.mark.slow
@needs("tensorflow")
@pytest.mark.parametrize("version", [1, 2])
def test_a_variable_in_parts_is_joined(version: int, tmp_path: Path) -> None:
    old = tf.compat.v1
    path = tmp_path / "m.ckpt"
    with tf.Graph().as_default():
        held = {}
        for name, parts, shape in (("long", 3, [7, 2]), ("many", 70, [200, 3]), ("wide", 2, [9000, 2])):
            with old.variable_scope(name, partitioner=old.fixed_size_partitioner(parts)):
                initial = old.random_normal_initializer()
                held[f"{name}/w"] = old.get_variable("w", shape, initializer=initial, use_resource=False)
        saver = old.train.Saver(write_version=getattr(old.train.SaverDef, f"V{version}"))
        with old.Session() as session:
            session.run(old.global_variables_initializer())
            wanted = {name: session.run(variable.as_tensor()) for name, variable in held.items()}
            saver.save(session, str(path))
    found = read(path if version == 1 else tmp_path / "m.ckpt.index", 10)
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        assert np.array_equal(found[name].load(), array), name


def test_the_key_of_a_part() -> None:
    """By the rules of tensorflow/core/lib/strings/ordered_code.cc; TensorFlow's own files are read above."""
    assert slice_key("foo", ((0, -1), (0, -1))) == b"\0foo\0\x01\x01\x02\x80\x7f\x80\x7f"
    assert slice_key("a", ((64, 8192),)) == b"\0a\0\x01\x01\x01\xc0\x40\xe0\x20\x00"


def test_averages_are_a_mapping_of_their_own(tmp_path: Path) -> None:
    plain = named_by(None, graph(), random_weights(graph(), seed=1))
    trained = {name: array for name, array in plain.items() if "moving" not in name}
    averages = {f"{name}/ExponentialMovingAverage": array + 1 for name, array in trained.items()}
    write_checkpoint(tmp_path / "m.ckpt", {**plain, **averages, "global_step": np.array(7)})
    wanted = random_weights(graph(), seed=1)
    found, report = read_weights(tmp_path / "m.ckpt", graph())
    assert np.array_equal(found["fc.weight"], wanted["fc.weight"])
    assert any("it also has `ExponentialMovingAverage` (--weights-key takes it)" in note for note in report.notes)
    mean, _ = read_weights(tmp_path / "m.ckpt", graph(), key="ExponentialMovingAverage")
    assert np.array_equal(mean["fc.weight"], wanted["fc.weight"] + 1)
    assert np.array_equal(mean["bn1.running_mean"], wanted["bn1.running_mean"])
    with pytest.raises(WeightsError, match="has no key `ema`"):
        read_weights(tmp_path / "m.ckpt", graph(), key="ema")


def test_numbers_are_held_against_their_checksum(tmp_path: Path) -> None:
    arrays = named_by(None, graph(), random_weights(graph(), seed=1))
    _, shard = write_checkpoint(tmp_path / "m.ckpt", arrays)
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    with pytest.raises(WeightsError, match="are damaged: their checksum is another"):
        read_weights(tmp_path / "m.ckpt", graph())


def test_each_byte_of_an_index_is_held_against_a_checksum(tmp_path: Path) -> None:
    """But those of an empty block that is not read, and of the footer: what they say of the tensors is the same."""
    index, _ = write_checkpoint(tmp_path / "m.ckpt", named_by(None, graph(), random_weights(graph(), seed=1)))
    data = index.read_bytes()
    wanted = {name: tensor.shape for name, tensor in read(index, 10).items()}
    unseen = 0
    for place in range(len(data)):
        index.write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
        try:
            found = read(index, 10)
        except DamagedError:
            continue
        unseen += 1
        assert {name: tensor.shape for name, tensor in found.items()} == wanted
    assert unseen < 48 + 13


@pytest.mark.slow
@needs("tensorflow")
def test_large_blocks_of_version_1_are_checked_when_their_numbers_are_read(tmp_path: Path) -> None:
    path, array = tmp_path / "m.ckpt", np.random.default_rng(0).standard_normal((600, 1000)).astype(np.float32)
    old = tf.compat.v1
    with tf.Graph().as_default(), old.Session() as session:
        old.get_variable("large", initializer=array)
        session.run(old.global_variables_initializer())
        old.train.Saver(write_version=old.train.SaverDef.V1).save(session, str(path), write_meta_graph=False)
    assert np.array_equal(read(path, 10)["large"].load(), array)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedError, match="its checksum is another"):
        read(path, 10)["large"].load()


def test_a_folder_is_its_last_checkpoint(tmp_path: Path) -> None:
    """As `tf.train.latest_checkpoint` finds it; nothing outside of the folder is asked for."""
    for number, name in enumerate(("old", "new")):
        arrays = {key: array + np.float32(number) for key, array in random_weights(graph(), seed=0).items()}
        write_as("tensorflow", tmp_path / name, arrays, graph())
    with pytest.raises(WeightsError, match="it is a folder"):
        read_weights(tmp_path, graph())
    line = 'model_checkpoint_path: "{}"\nall_model_checkpoint_paths: "old"\n'
    (tmp_path / "checkpoint").write_text(line.format("new"))
    found, report = read_weights(tmp_path, graph())
    assert report.complete
    np.testing.assert_array_equal(found["fc.bias"], random_weights(graph(), seed=0)["fc.bias"] + np.float32(1))
    (tmp_path / "inside").mkdir()
    for name in ("missing", "../new", str(tmp_path / "new"), ".."):
        (tmp_path / "inside" / "checkpoint").write_text(line.format(name))
        with pytest.raises(WeightsError, match="it is a folder"):
            read_weights(tmp_path / "inside", graph())
