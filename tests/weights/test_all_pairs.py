"""Every format to every other: each file is written by its own library, and no number changes on the way.

The libraries read what archspec has written, too, by their own names and in their own layout.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

import archspec
from archspec.checkpoints import SUFFIXES, write_as
from archspec.codegen.backend import ExchangesWeights
from archspec.codegen.registry import backend
from archspec.parity import random_weights
from archspec.spec import load_text
from archspec.weights import read_weights
from archspec.weights.translation import named_by
from tests.needed import needs

MIXED: Final = """
archspec: 1
name: mixed
input: {channels: 3, height: 8, width: 8}
layers:
  - conv: {name: stem, filters: 8, kernel: 3, padding: 1}
  - group_norm: {name: groups, groups: 2}
  - conv: {name: depthwise, filters: 8, kernel: 3, groups: 8, padding: 1, bias: false}
  - conv: {name: grouped, filters: 6, kernel: 1, groups: 2}
  - prelu: {name: act}
  - conv_transpose: {name: up, filters: 5, kernel: 2, stride: 2}
  - batch_norm: {name: norm, scale: false}
  - flatten
  - dense: {name: fc, units: 5}
"""
"""What the families below have not."""
ZOO: Final = Path(__file__).parents[1] / "zoo"
FAMILIES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "mixed": ("", {}),
    "residual": ("cifar_resnet", {"depth": 8}),
    "inverted": (str(ZOO / "mobilenet.yaml"), {}),
    "gated": (str(ZOO / "squeeze_excitation.yaml"), {}),
    "transformer": (str(ZOO / "vit.yaml"), {}),
    "mixer": (str(ZOO / "mlp_mixer.yaml"), {}),
    "windows": (
        "swin",
        {"width": 8, "depths": [2, 1, 1, 1], "heads": [1, 2, 2, 4], "window": 2, "size": 64, "classes": 3},
    ),
}
SOURCES: Final = {
    "torch": "torch",
    "safetensors": "safetensors",
    "sharded": "safetensors",
    ".weights.h5": "keras",
    ".keras": "keras",
    ".h5": "keras",
    "V1": "tensorflow",
    "V2": "tensorflow",
    "numpy": "numpy",
    "onnx": "onnx",
}
"""Formats that are read, with the library that writes them."""
TARGETS: Final = [*(suffixes[0] for name, suffixes in SUFFIXES.items() if name != "keras"), *SUFFIXES["keras"]]


@cache
def network(family: str) -> archspec.LayerGraph:
    name, params = FAMILIES[family]
    return archspec.compile(name, **params) if name else archspec.compile(load_text(MIXED))


@cache
def right(family: str) -> dict[str, Any]:
    return {name: array.astype(np.float32) for name, array in random_weights(network(family)).items()}


def written_by_library(source: str, family: str, folder: Path) -> Path:
    """A file of the format as the library itself writes it."""
    graph, arrays = network(family), right(family)
    path = folder / f"given{source if source.startswith('.') else ''}"
    if source == "torch":
        import torch

        torch.save({name: torch.from_numpy(array) for name, array in arrays.items()}, path)
    elif source == "safetensors":
        from safetensors.numpy import save_file

        save_file(arrays, path)
    elif source == "sharded":
        from safetensors.numpy import save_file

        parts = {f"model-0000{part + 1}-of-00002.safetensors": list(arrays)[part::2] for part in range(2)}
        for part, names in parts.items():
            save_file({name: arrays[name] for name in names}, folder / part)
        path = folder / "model.safetensors.index.json"
        path.write_text(json.dumps({"weight_map": {name: part for part, names in parts.items() for name in names}}))
    elif source.startswith("."):
        model = archspec.build(graph, "keras", weights=arrays)
        (model.save_weights if source == ".weights.h5" else model.save)(path)
    elif source in ("V1", "V2"):
        import tensorflow.compat.v1 as tf

        with tf.Graph().as_default(), tf.Session() as session:
            for name, array in named_by(None, graph, arrays).items():
                tf.get_variable(name, initializer=array)
            session.run(tf.global_variables_initializer())
            saver = tf.train.Saver(write_version=getattr(tf.train.SaverDef, source))
            saver.save(session, str(path), write_meta_graph=False)
    elif source == "numpy":
        path = path.with_suffix(".npz")
        np.savez(path, allow_pickle=False, **arrays)
    else:
        import onnx

        onnx.save(archspec.build(graph, "onnx", weights=arrays), path)
    return path


def read_by_library(target: str, path: Path, family: str) -> dict[str, Any]:
    """What the library itself reads: the weights by canonical name, where its names and layout are those."""
    graph = network(family)
    if target == ".pth":
        import torch

        return {name: tensor.numpy() for name, tensor in torch.load(path, weights_only=True).items()}
    if target == ".safetensors":
        from safetensors.numpy import load_file

        return dict(load_file(path))
    if target == ".npz":
        return dict(np.load(path))
    if target == ".onnx":
        import onnx

        return {each.name: onnx.numpy_helper.to_array(each) for each in onnx.load(path).graph.initializer}
    if target == ".ckpt":
        import tensorflow as tf

        reader = tf.train.load_checkpoint(str(path))
        names = named_by(None, graph, {name: np.zeros(array.shape) for name, array in right(family).items()})
        assert {*reader.get_variable_to_shape_map()} == {*names}
        return {name: reader.get_tensor(name) for name in names}
    import keras

    model = archspec.build(graph, "keras", weights={name: 0 * array for name, array in right(family).items()})
    if target == ".weights.h5":
        model.load_weights(path)
    else:
        model.set_weights(keras.saving.load_model(path).get_weights())
    return dict(backend("keras", ExchangesWeights).export_weights(model, graph))


def same(found: dict[str, Any], wanted: dict[str, Any], *, exactly: bool = True) -> None:
    assert found.keys() == wanted.keys() if exactly else found.keys() >= wanted.keys()
    for name, array in wanted.items():
        assert found[name].dtype == np.float32, name
        assert np.array_equal(found[name], array), name


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("source", [pytest.param(name, marks=needs(library)) for name, library in SOURCES.items()])
@needs("torch", "keras", "onnx")
def test_no_number_changes(source: str, family: str, tmp_path: Path) -> None:
    """From the library's file to each format, and from there back to the weights."""
    given = written_by_library(source, family, tmp_path)
    graph, wanted = network(family), right(family)
    for target in TARGETS:
        arrays, report = read_weights(given, graph, partial=source == "onnx")  # which has more than weights
        assert not report.missing
        same(arrays, wanted)
        format = next(name for name, suffixes in SUFFIXES.items() if target in suffixes)
        path = write_as(format, tmp_path / f"made{target}", arrays, graph)[0]
        same(read_weights(path, graph, partial=target == ".onnx")[0], wanted)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "target", [pytest.param(name, marks=needs("tensorflow" if name == ".ckpt" else "keras")) for name in TARGETS]
)
@needs("torch", "onnx")
def test_the_library_reads_what_is_written(target: str, family: str, tmp_path: Path) -> None:
    format = next(name for name, suffixes in SUFFIXES.items() if target in suffixes)
    write_as(format, tmp_path / f"made{target}", right(family), network(family))
    found = read_by_library(target, tmp_path / f"made{target}", family)
    wanted = dict(named_by(None, network(family), right(family))) if target == ".ckpt" else right(family)
    same(found, wanted, exactly=target not in (".onnx", ".pth", ".safetensors"))  # these have counters, too
