"""What is wrong with data is said before the first step, with the file and what was expected."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archspec.training.data.parts.arrays import Arrays
from archspec.training.data.parts.cifar import Cifar
from archspec.training.data.parts.csv_table import CsvTable
from archspec.training.data.parts.errors import DataError
from archspec.training.data.parts.folder import ImageFolder
from archspec.training.data.parts.mnist import Mnist
from archspec.training.data.parts.webdataset import WebDataset
from tests.needed import needs
from tests.training.data import files
from tests.training.data.files import opened


def cut(path: Path, count: int) -> None:
    path.write_bytes(path.read_bytes()[:-count])


def change(path: Path, place: int, byte: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] = byte
    path.write_bytes(data)


def replace_bytes(path: Path, before: bytes, after: bytes) -> None:
    data = path.read_bytes()
    assert before in data
    assert len(before) == len(after)
    path.write_bytes(data.replace(before, after))


def pickled(path: Path, values: dict[bytes, Any]) -> None:
    path.write_bytes(pickle.dumps(values))


class _DtypeOfObjects:
    """Pickled as a dtype of bytes whose state then says that it holds objects."""

    def __reduce__(self) -> tuple[Any, ...]:
        fields = {"a": (np.dtype("u1"), 0)}
        return np.dtype, ("u1", False, True), (3, "|", None, ("a",), fields, 8, 1, 63)


Case = tuple[Callable[[Path], object], Callable[[Path], object], Any, str]

CASES: dict[str, Case] = {
    "cifar, no files": (lambda p: None, lambda p: None, Cifar(), "no CIFAR-10 here; expected data_batch_1.bin"),
    "cifar, cut off": (
        files.cifar10_binary,
        lambda p: cut(p / "data_batch_2.bin", 5),
        Cifar(),
        "data_batch_2.bin: 12287 bytes, expected a multiple of 3073",
    ),
    "cifar, a label that is no number of 64 bits": (
        files.cifar10_python,
        lambda p: pickled(p / "data_batch_2", {b"data": np.zeros((2, 3072), np.uint8), b"labels": [2**70, 1]}),
        Cifar(),
        "data_batch_2: record 0 has the label 1180591620717411303424, expected 0 to 9",
    ),
    "cifar, labels that are no numbers": (
        files.cifar10_python,
        lambda p: pickled(p / "data_batch_2", {b"data": np.zeros((2, 3072), np.uint8), b"labels": [True, 1]}),
        Cifar(),
        "data_batch_2: expected a list of 2 labels",
    ),
    "cifar, names that are none": (
        files.cifar10_python,
        lambda p: pickled(p / "batches.meta", {b"label_names": [1] * 10}),
        Cifar(),
        "batches.meta: `label_names` is no list of names",
    ),
    "cifar, names that are no list": (
        files.cifar10_python,
        lambda p: pickled(p / "batches.meta", {b"label_names": 10}),
        Cifar(),
        "batches.meta: `label_names` is no list of names",
    ),
    "cifar, a label": (
        files.cifar10_binary,
        lambda p: change(p / "data_batch_3.bin", 3073, 200),
        Cifar(),
        "data_batch_3.bin: record 1 has the label 200, expected 0 to 9",
    ),
    "cifar, a part is missing": (
        files.cifar10_binary,
        lambda p: (p / "data_batch_4.bin").unlink(),
        Cifar(),
        "data_batch_4.bin: there is no such file",
    ),
    "cifar, a pickle cut off": (
        files.cifar10_python,
        lambda p: cut(p / "data_batch_5", 700),
        Cifar(),
        "data_batch_5: a damaged pickle",
    ),
    "cifar, a pickle that runs something": (
        files.cifar10_python,
        lambda p: (p / "data_batch_1").write_bytes(b"\x80\x02cposix\nsystem\nU\x07touch /x\x85R."),
        Cifar(),
        "data_batch_1: it names posix.system, which no data need: it is not run",
    ),
    "cifar, a pickle with a dtype that is none of numbers": (
        files.cifar10_python,
        lambda p: pickled(p / "data_batch_1", {b"data": np.zeros(2, [("a", "u1")]), b"labels": [1, 2]}),
        Cifar(),
        "data_batch_1: it has an array of 'V1', expected one of numbers",
    ),
    "cifar, a pickle that gives a dtype a state": (
        files.cifar10_python,
        lambda p: pickled(p / "data_batch_1", {b"data": _DtypeOfObjects(), b"labels": [1, 2]}),
        Cifar(),
        "data_batch_1: it has an array that is none of plain numbers",
    ),
    "cifar, too few labels": (
        files.cifar10_python,
        lambda p: (p / "data_batch_1").write_bytes(
            pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1]}, 2)
        ),
        Cifar(),
        "data_batch_1: expected a list of 2 labels",
    ),
    "cifar 100 for 10": (files.cifar100_binary, lambda p: None, Cifar(), "no CIFAR-10 here"),
    "mnist, cut off": (
        files.mnist,
        lambda p: cut(p / "train-images-idx3-ubyte", 1),
        Mnist(),
        "train-images-idx3-ubyte: 7071 bytes, expected 7072",
    ),
    "mnist, of something else": (
        files.mnist,
        lambda p: (p / "train-labels-idx1-ubyte").write_bytes(b"<html>not found</html>"),
        Mnist(),
        "train-labels-idx1-ubyte: no IDX file of bytes",
    ),
    "mnist, more pixels than can be counted": (
        files.mnist,
        lambda p: (p / "train-images-idx3-ubyte").write_bytes(b"\0\0\x08\3" + struct.pack(">III", 2**31, 2**31, 4)),
        Mnist(),
        f"train-images-idx3-ubyte: 16 bytes, expected {2**64 + 16}",
    ),
    "mnist, zipped and cut off": (
        lambda p: files.mnist(p, zipped=True),
        lambda p: cut(p / "train-images-idx3-ubyte.gz", 100),
        Mnist(),
        "train-images-idx3-ubyte.gz: damaged",
    ),
    "mnist, more images than labels": (
        files.mnist,
        lambda p: (p / "train-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01" + struct.pack(">I", 3) + b"\1\2\3"),
        Mnist(),
        "arrays (9, 28, 28) and (3,), expected (images, height, width) and as many labels",
    ),
    "mnist, a label": (
        files.mnist,
        lambda p: change(p / "train-labels-idx1-ubyte", 10, 77),
        Mnist(),
        "example 2 has the label 77, and the labels of 10 classes are 0 to 9",
    ),
    "folder, none": (lambda p: None, lambda p: None, ImageFolder(), "no folders; expected one for each class"),
    "folder, a picture is empty": (
        files.image_folder,
        lambda p: (p / "train/bee/2.png").write_bytes(b""),
        ImageFolder(),
        "bee/2.png: an empty file, expected a picture",
    ),
    "folder, a picture is cut off": (
        files.image_folder,
        lambda p: cut(p / "train/bee/1.png", 30),
        ImageFolder(),
        "bee/1.png: the picture is cut off",
    ),
    "folder, a JPEG is cut off": (
        lambda p: files.image_folder(p, ending="jpg"),
        lambda p: cut(p / "train/cat/1.jpg", 30),
        ImageFolder(),
        "cat/1.jpg: the picture is cut off",
    ),
    "folder, no picture": (
        files.image_folder,
        lambda p: (p / "train/cat/0.png").write_text("text"),
        ImageFolder(),
        "cat/0.png: no picture that Pillow knows",
    ),
    "folder, a picture of 16 bits": (
        files.image_folder,
        lambda p: (p / "train/cat/0.png").write_bytes(files.encoded(np.zeros((20, 24), np.uint16))),
        ImageFolder(),
        "cat/0.png: a picture of more than 8 bits a channel (I;16)",
    ),
    "folder, a class without pictures": (
        files.image_folder,
        lambda p: (p / "train/dog").mkdir(),
        ImageFolder(),
        "train/dog: no pictures",
    ),
    "folder, different sizes": (
        lambda p: files.image_folder(p, ((20, 24), (8, 9))),
        lambda p: None,
        ImageFolder(),
        "the images have different sizes (",
    ),
    "arrays, none": (lambda p: None, lambda p: None, Arrays(), "train.npz: there is no such file"),
    "arrays, no such name": (
        lambda p: np.savez(p / "train.npz", x=np.zeros(3), labels=np.zeros(3)),
        lambda p: None,
        Arrays(),
        "train.npz: no array 'images'; there are labels, x",
    ),
    "arrays, of different lengths": (
        lambda p: np.savez(p / "train.npz", images=np.zeros((3, 2)), labels=np.zeros(4)),
        lambda p: None,
        Arrays(),
        "train.npz: arrays (3, 2) and (4,), expected as many targets as images",
    ),
    "arrays, cut off": (
        lambda p: np.savez(p / "train.npz", images=np.zeros((3, 200)), labels=np.zeros(3)),
        lambda p: cut(p / "train.npz", 900),
        Arrays(),
        "train.npz: damaged, or not of the format that its name says",
    ),
    "arrays, of objects": (
        lambda p: np.savez(p / "train.npz", images=np.array([{}, {}]), labels=np.zeros(2)),
        lambda p: None,
        Arrays(),
        "train.npz: images holds Python objects, which are not read",
    ),
    "arrays, labels that are no integers": (
        lambda p: np.savez(p / "train.npz", images=np.zeros((3, 2)), labels=np.zeros(3)),
        lambda p: None,
        Arrays(classes=4),
        "train.npz: labels float64 (3,), expected one integer for each image",
    ),
    "arrays, a label": (
        lambda p: np.savez(p / "train.npz", images=np.zeros((3, 2)), labels=np.array([0, 4, 1])),
        lambda p: None,
        Arrays(classes=4),
        "train.npz: example 1 has the label 4, and the labels of 4 classes are 0 to 3",
    ),
    "arrays, a target that is not finite": (
        lambda p: np.savez(p / "train.npz", images=np.zeros((3, 2)), labels=np.array([0.0, np.nan, 1.0])),
        lambda p: None,
        Arrays(),
        "train.npz: the target of example 1 is not finite",
    ),
    "arrays, an image that is not finite": (
        lambda p: np.savez(p / "train.npz", images=np.array([[0.0, 1.0], [np.inf, 0.0]]), labels=np.zeros(2)),
        lambda p: None,
        Arrays(),
        "train.npz: the image of example 1 is not finite",
    ),
    "arrays, of texts": (
        lambda p: np.savez(p / "train.npz", images=np.array([["a"], ["b"]]), labels=np.zeros(2)),
        lambda p: None,
        Arrays(),
        "train.npz: images holds no numbers",
    ),
    "arrays, a header of another kind": (
        lambda p: (p / "train.safetensors").write_bytes((2).to_bytes(8, "little") + b"[]"),
        lambda p: None,
        Arrays("{split}.safetensors"),
        "train.safetensors: the header is no mapping of names to arrays",
    ),
    "shards, none": (lambda p: None, lambda p: None, WebDataset(), "no shards; expected train-000000.tar"),
    "shards, cut off": (
        files.shards,
        lambda p: (p / "train-000001.tar").write_bytes((p / "train-000001.tar").read_bytes()[:900]),
        WebDataset(3),
        "train-000001.tar: samples/10.png goes beyond the end: the shard is cut off",
    ),
    "shards, no tar": (
        files.shards,
        lambda p: (p / "train-000001.tar").write_bytes(b"x" * 2000),
        WebDataset(3),
        "train-000001.tar: no tar file, or a damaged one",
    ),
    "shards, a label": (
        files.shards,
        lambda p: None,
        WebDataset(2),
        "train-000000.tar, samples/02.cls: expected the number of a class, 0 to 1, found b'2'",
    ),
    "shards, a label that is no whole number": (
        lambda p: files.shards(p, "json"),
        lambda p: replace_bytes(p / "train-000001.tar", b'{"label": 2}', b'{"label":.5}'),
        WebDataset(3),
        "expected the number of a class, 0 to 2, found",
    ),
    "shards, a label below 0": (
        lambda p: files.shards(p, "json"),
        lambda p: replace_bytes(p / "train-000001.tar", b'{"label": 2}', b'{"label":-1}'),
        WebDataset(3),
        "expected the number of a class, 0 to 2, found",
    ),
    "table, a column too few": (
        lambda p: (p / "train.csv").write_text("a,label\n1,2\n3\n"),
        lambda p: None,
        CsvTable(),
        "train.csv, line 3: 1 values, expected 2",
    ),
    "table, no number": (
        lambda p: (p / "train.csv").write_text("a,label\n1,2\nx,3\n"),
        lambda p: None,
        CsvTable(),
        "train.csv, line 3: expected numbers",
    ),
    "table, not finite": (
        lambda p: (p / "train.csv").write_text("a,label\n1,2\nnan,3\n"),
        lambda p: None,
        CsvTable(),
        "train.csv, line 3: a value that is not finite",
    ),
    "table, a target that is not finite": (
        lambda p: (p / "train.csv").write_text("a,label\n1,2\n\n1,inf\n"),
        lambda p: None,
        CsvTable(),
        "train.csv, line 4: a value that is not finite",
    ),
    "table, no number after an empty line": (
        lambda p: (p / "train.csv").write_text("a,label\n1,2\n\n\nx,3\n"),
        lambda p: None,
        CsvTable(),
        "train.csv, line 5: expected numbers",
    ),
    "table, no such class": (
        lambda p: (p / "train.csv").write_text("a,label\n1,cat\n"),
        lambda p: None,
        CsvTable(classes=("dog",)),
        "train.csv, line 2: the class 'cat' is not one of dog",
    ),
    "table, no target": (
        lambda p: (p / "train.csv").write_text("a,b\n1,2\n"),
        lambda p: None,
        CsvTable(),
        "train.csv: the first line must name the column 'label' once",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_damaged(tmp_path: Path, name: str) -> None:
    write, damage, source, expected = CASES[name]
    write(tmp_path)
    damage(tmp_path)
    with pytest.raises(DataError) as caught:
        opened(source, tmp_path)
    assert expected in str(caught.value)
    assert str(tmp_path) in str(caught.value)


@needs("datasets")
def test_a_folder_that_is_no_saved_data_set(tmp_path: Path) -> None:
    from archspec.training.data.parts.huggingface import HuggingFace

    with pytest.raises(DataError, match="no data set that `save_to_disk` wrote"):
        HuggingFace().open(tmp_path, "train")
