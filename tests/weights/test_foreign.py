"""Files of other programs are recognized by what they are, given as weights and as a spec, with what to do."""

from __future__ import annotations

import bz2
import gzip
import json
import pickle
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec import ArchspecError, SpecError, WeightsError
from archspec.parity import random_weights
from archspec.weights import read_weights
from archspec.weights.tensors import LazyTensor, no_numbers, of_array
from archspec.weights.translation import best_translation, named_by


@cache
def lenet() -> archspec.LayerGraph:
    return archspec.compile("lenet")


def zipped(*names: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, "{}")

    return write


def message(*fields: tuple[int, bytes | int]) -> bytes:
    """A message of Protocol Buffers; all numbers are below 128."""
    found = b""
    for number, value in fields:
        tag = number << 3 | (0 if isinstance(value, int) else 2)
        found += bytes([tag & 127 | 128, tag >> 7]) if tag > 127 else bytes([tag])
        found += bytes([value]) if isinstance(value, int) else bytes([len(value)]) + value
    return found


def holding(data: bytes | str) -> Callable[[Path], object]:
    content = data.encode() if isinstance(data, str) else data
    return lambda path: path.write_bytes(content)


def tar(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        archive.add(__file__, "weights.pt")


def onnx_model(path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    value = onnx.helper.make_tensor_value_info("x", 1, [1])
    node = onnx.helper.make_node("Relu", ["x"], ["x2"])
    graph = onnx.helper.make_graph([node], "net", [value], [onnx.helper.make_tensor_value_info("x2", 1, [1])])
    onnx.save(onnx.helper.make_model(graph), path)


def torch_file(make: Callable[[Any, Path], object]) -> Callable[[Path], object]:
    return lambda path: make(pytest.importorskip("torch"), path)


def saved_model(path: Path) -> None:
    path.mkdir()
    (path / "saved_model.pb").write_bytes(message((1, 1), (2, b"meta")))


def hugging_face(path: Path) -> None:
    path.mkdir()
    (path / "config.json").write_text("{}")
    (path / "model.safetensors").touch()


LEVELDB = bytes(100) + b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"
FOREIGN: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "keras": ("m.keras", zipped("config.json", "metadata.json", "model.weights.h5"), "a Keras model (.keras)"),
    "HDF5": ("m.h5", holding(b"\x89HDF\r\n\x1a\n" + bytes(64)), "an HDF5 file"),
    "Keras's weights": ("m.weights.h5", holding(b"\x89HDF\r\n\x1a\n" + bytes(64)), "`.weights.h5`"),
    "to_json": (
        "m.json",
        holding(json.dumps({"module": "keras", "class_name": "Functional", "config": {}})),
        "`to_json`",
    ),
    "to_yaml": ("m.yaml", holding("class_name: Sequential\nconfig:\n  layers: []\n"), "`to_json`"),
    "SavedModel": ("saved", saved_model, "SavedModel"),
    "saved_model.pb": ("saved_model.pb", holding(message((1, 1), (2, b"meta"))), "SavedModel"),
    "GraphDef": ("frozen.pb", holding(message((1, b"node"), (1, b"node"))), "GraphDef"),
    "TensorFlow's index": ("m.ckpt.index", holding(LEVELDB), "a checkpoint of TensorFlow"),
    "TensorFlow's numbers": ("m.ckpt.data-00000-of-00001", holding(bytes(64)), "numbers of a TensorFlow checkpoint"),
    "checkpoint": ("checkpoint", holding('model_checkpoint_path: "m.ckpt"\n'), "list of a TensorFlow checkpoint"),
    "TFLite": ("m.tflite", holding(b"\x1c\0\0\0TFL3" + bytes(64)), "TensorFlow Lite"),
    "TensorFlow.js": ("model.json", holding('{"modelTopology": {}, "weightsManifest": []}'), "TensorFlow.js"),
    "ONNX": ("m.onnx", onnx_model, "an ONNX model"),
    "ONNX by another name": ("m.bin", onnx_model, "an ONNX model"),
    "TorchScript": (
        "m.pt",
        torch_file(lambda torch, path: torch.jit.save(torch.jit.script(torch.nn.Linear(2, 3)), path)),
        "a TorchScript archive",
    ),
    "torch.export": ("m.pt2", zipped("m/archive_format", "m/models/model.json", "m/data/weights/0"), "torch.export"),
    "a whole module": (
        "m.pth",
        torch_file(lambda torch, path: torch.save(torch.nn.Linear(2, 3), path)),
        "torch.nn.modules.linear.Linear",
    ),
    "a whole module in a mapping": (
        "m.pth",
        torch_file(lambda torch, path: torch.save({"epoch": 1, "model": torch.nn.Linear(2, 3)}, path)),
        "under `model`",
    ),
    "npz": ("m.npz", lambda path: np.savez(path, a=np.zeros(3)), "arrays of NumPy (.npz)"),
    "npy": ("m.npy", lambda path: np.save(path, np.zeros(3)), "an array of NumPy (.npy)"),
    "pickle": ("m.pkl", holding(pickle.dumps({"a": 1}, 4)), "a pickle"),
    "MP3": ("m.bin", holding(b"ID3\x04\0\0\0\0\x02\x01" + bytes(64)), "a sound (MP3)"),
    "FLAC": ("m.bin", holding(b"fLaC\0\0\0\x22" + bytes(64)), "a sound (FLAC)"),
    "Ogg": ("m.bin", holding(b"OggS\0\x02" + bytes(64)), "(Ogg)"),
    "MP4": ("m.bin", holding(b"\0\0\0\x20ftypisom" + bytes(64)), "a film (MP4)"),
    "GIF": ("m.bin", holding(b"GIF89a\x01\0\x01\0" + bytes(64)), "an image (GIF)"),
    "Parquet": ("m.bin", holding(b"PAR1" + bytes(64) + b"PAR1"), "a table of Parquet"),
    "bzip2": ("m.bin", holding(bz2.compress(b"x" * 100)), "compressed with bzip2"),
    "bzip2 of nothing": ("m.bin", holding(bz2.compress(b"")), "compressed with bzip2"),
    "GGUF": ("m.gguf", holding(b"GGUF\x03\0\0\0" + bytes(64)), "GGUF"),
    "Caffe": ("m.caffemodel", holding(message((1, b"net"), (100, b"layer"))), "a Caffe model"),
    "prototxt": ("net.prototxt", holding('name: "net"\nlayer {\n  type: "Convolution"\n}\n'), "Caffe (prototxt)"),
    "Core ML": ("m.mlmodel", holding(message((1, 4), (2, b"description"), (500, b"network"))), "Core ML"),
    "Darknet's cfg": ("yolo.cfg", holding("[net]\nwidth=416\n\n[convolutional]\nfilters=32\n"), "Darknet (cfg)"),
    "Darknet's weights": ("yolo.weights", holding(b"\0\0\0\0\x02\0\0\0\xff\xfe" + bytes(64)), "Darknet"),
    "Ultralytics": (
        "yolo.yaml",
        holding("# archspec: 1\nnc: 3\nbackbone:\n  - [-1, 1, Conv, [16]]\nhead:\n  - [-1, 1, Concat, [1]]\n"),
        "Ultralytics",
    ),
    "config.json": (
        "config.json",
        holding('{"architectures": ["X"], "model_type": "vit", "hidden_size": 9}'),
        "Hugging Face",
    ),
    "an index": (
        "model.safetensors.index.json",
        holding('{"metadata": {}, "weight_map": {"a": "b"}}'),
        "several files",
    ),
    "a folder of Hugging Face": ("vit", hugging_face, "a folder of a model"),
    "HTML": ("w.pth", holding("<!DOCTYPE html>\n<html><body>Not found</body></html>"), "a page of HTML"),
    "Git LFS": (
        "w.safetensors",
        holding("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
        "a pointer of Git LFS",
    ),
    "gzip": ("w.pth.gz", holding(gzip.compress(b"x" * 100)), "compressed with gzip"),
    "tar": ("w.tar", tar, "a tar archive"),
    "zip": ("w.zip", zipped("weights.pth", "readme.txt"), "a zip archive"),
    "source": ("net.py", holding("import torch\n\n\nclass Net(torch.nn.Module):\n    pass\n"), "Python source"),
}
READ = {
    *("keras", "HDF5", "Keras's weights", "TensorFlow's index", "ONNX", "ONNX by another name", "npz", "an index"),
    "a folder of Hugging Face",
}
"""What is read as weights; these are damaged, or another network's (see test_formats.py)."""
ONLY_WEIGHTS = {"a whole module", "a whole module in a mapping"}


@pytest.mark.parametrize("case", [case for case in FOREIGN if case not in READ])
def test_given_as_weights(case: str, tmp_path: Path) -> None:
    name, make, wanted = FOREIGN[case]
    make(tmp_path / name)
    with pytest.raises(WeightsError) as caught:
        read_weights(tmp_path / name, lenet())
    [found] = caught.value.diagnostics
    assert found.code == "E0701"
    assert wanted in found.label
    assert found.help


@pytest.mark.parametrize("case", [case for case in FOREIGN if case not in ONLY_WEIGHTS])
def test_given_as_a_spec(case: str, tmp_path: Path) -> None:
    name, make, wanted = FOREIGN[case]
    make(tmp_path / name)
    with pytest.raises(SpecError) as caught:
        archspec.load(tmp_path / name)
    [found] = caught.value.diagnostics
    assert found.code == "E0101"
    assert wanted in found.help
    assert len(found.help) < 300


@pytest.mark.parametrize(
    ("name", "content", "said", "help"),
    [
        ("net.yaml", "name: net\n", "it is YAML, as a spec is, and no weights", "name the spec first"),
        ("net.txt", "archspec: 1\nname: net\n", "it is YAML, as a spec is, and no weights", "name the spec first"),
        *(
            (f"{name}.txt", f"{text}\n", "it is a text, and no weights", "archspec reads weights of PyTorch")
            for name, text in {
                "ID3": "ID3 hello",
                "GIF8": "GIF8 hello",
                "PAR1": "PAR1 hello",
                "BZh": "BZhello",
                "OggS": "OggS hello",
                "fLaC": "fLaC hello",
                "GGUF": "GGUF hello",
                "TFL3": "The TFL3 format",
                "ftyp": "see ftyp heic",
                "RIFF": "RIFF hi WEBP",
                "ustar": "a" * 257 + "ustar",
            }.items()
        ),
        ("notes.txt", "hello\n", "it is a text, and no weights", "archspec reads weights of PyTorch"),
        ("runs/w.pt", "", "it is a folder", "give a file in it: `"),
        ("runs/notes.txt", "", "it is a folder", "no weights file lies in it"),
    ],
)
def test_no_weights_at_all(name: str, content: str, said: str, help: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content, encoding="utf-8")
    with pytest.raises(WeightsError) as caught:
        read_weights(path.parent if "/" in name else path, lenet())
    [found] = caught.value.diagnostics
    assert found.label == said
    assert help in found.help


def test_weights_given_as_a_spec(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    archspec.save_weights(archspec.build("lenet", "torch"), tmp_path / "w.safetensors", "lenet", "torch")
    torch.save({"a": torch.zeros(3)}, tmp_path / "w.pth")
    for name, what in (("w.safetensors", "a safetensors file"), ("w.pth", "a state dict of PyTorch")):
        with pytest.raises(SpecError) as caught:
            archspec.load(tmp_path / name)
        assert f"{what}; give it as weights" in caught.value.diagnostics[0].help


def test_a_spec_that_speaks_of_others_is_a_spec(tmp_path: Path) -> None:
    text = (
        '{"archspec": 1, "name": "net", "input": {"shape": [3]}, "layers": [{"dense": {"units": 2}}], '
        '"doc": "class_name, config, weight_map"}'
    )
    (tmp_path / "net.json").write_text(text, encoding="utf-8")
    assert archspec.load(tmp_path / "net.json").name == "net"
    (tmp_path / "net.yaml").write_text("layer {\narchspec: 1\n", encoding="utf-8")
    with pytest.raises(ArchspecError) as caught:
        archspec.load(tmp_path / "net.yaml")
    assert caught.value.diagnostics[0].code == "E0102"


def test_a_truncated_download(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save(archspec.build("lenet", "torch").state_dict(), tmp_path / "whole.pth")
    data = (tmp_path / "whole.pth").read_bytes()
    (tmp_path / "w.pth").write_bytes(data[: len(data) // 2])
    with pytest.raises(WeightsError) as caught:
        read_weights(tmp_path / "w.pth", lenet())
    assert "downloaded to the end" in caught.value.diagnostics[0].label
    shutil.copy(tmp_path / "whole.pth", tmp_path / "without_suffix")
    assert len(read_weights(tmp_path / "without_suffix", lenet())[0]) == len(lenet().all_weights)


def test_layers_of_models_within_models_and_what_prepares_images(tmp_path: Path) -> None:
    """As ConvNeXt of keras.applications has its stem, and EfficientNet its normalization."""
    graph = archspec.compile("lenet")
    arrays = random_weights(graph)
    named = named_by(None, graph, arrays)
    inner = {(f"stem/{name}" if name.startswith("conv1/") else name): of_array(each) for name, each in named.items()}
    inner["normalization/mean"] = LazyTensor((3,), "float32", no_numbers)
    found = best_translation(inner, graph, "keras")
    assert found is not None
    assert found.found == len(found.tensors) == len(graph.all_weights)
    assert all(np.array_equal(found.tensors[name].load(), array) for name, array in arrays.items())
    (note,) = found.notes
    assert note.endswith(": normalization/mean")
