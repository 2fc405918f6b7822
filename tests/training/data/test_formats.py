"""Each format is read as it is distributed."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from archspec.training.data.parts.arrays import Arrays
from archspec.training.data.parts.batches import Data
from archspec.training.data.parts.cifar import Cifar
from archspec.training.data.parts.csv_table import CsvTable
from archspec.training.data.parts.digits import Digits
from archspec.training.data.parts.errors import DataError
from archspec.training.data.parts.examples import Examples, InMemory, Share
from archspec.training.data.parts.folder import ImageFolder
from archspec.training.data.parts.huggingface import HuggingFace
from archspec.training.data.parts.mnist import Mnist
from archspec.training.data.parts.resizing import Resize
from archspec.training.data.parts.webdataset import WebDataset
from tests.needed import needs
from tests.training.data import files


def everything(examples: Examples) -> NDArray[Any]:
    """All images, read in a mixed order by a copy that went to another process."""
    order = np.random.default_rng(0).permutation(len(examples))
    again: Examples = pickle.loads(pickle.dumps(examples))
    found = np.stack([np.asarray(image) for image in again.read(order)])
    result = np.empty_like(found)
    result[order] = found
    return result


@pytest.mark.parametrize("inner", ["", "archive"])
@pytest.mark.parametrize(
    ("classes", "write", "name"),
    [
        (10, files.cifar10_binary, "cifar-10-batches-bin"),
        (10, files.cifar10_python, "cifar-10-batches-py"),
        (100, files.cifar100_binary, "cifar-100-binary"),
        (100, files.cifar100_python, "cifar-100-python"),
    ],
)
def test_cifar(tmp_path: Path, classes: int, write: Any, name: str, inner: str) -> None:
    images, labels = write(tmp_path / name if inner else tmp_path)
    examples = Cifar(classes).open(tmp_path, "train").checked()
    np.testing.assert_array_equal(everything(examples), images)
    np.testing.assert_array_equal(examples.targets, labels)
    assert examples.shape == (32, 32, 3)
    assert len(examples.classes) == classes
    test = Cifar(classes).open(tmp_path, "test")
    if classes == 10:
        assert examples.classes == files.TEN
        np.testing.assert_array_equal(everything(test), images[::-1])


def test_cifar_in_a_pickle_of_python_3(tmp_path: Path) -> None:
    """Whoever writes the Python form anew gets another pickle, in which the pixels are no run of bytes."""
    images, labels = files.cifar10_python(tmp_path)
    for protocol in (0, 2, 5):
        for n in range(5):
            part = slice(4 * n, 4 * n + 4)
            rows = images[part].transpose(0, 3, 1, 2).reshape(4, -1)
            data = pickle.dumps({b"data": rows, b"labels": labels[part].tolist()}, protocol)
            (tmp_path / f"data_batch_{n + 1}").write_bytes(data)
        np.testing.assert_array_equal(everything(Cifar().open(tmp_path, "train")), images)


def test_a_pickle_is_mapped_not_copied(tmp_path: Path) -> None:
    files.cifar10_python(tmp_path)
    assert len(pickle.dumps(Cifar().open(tmp_path, "train"))) < 3000


def test_letters_of_emnist(tmp_path: Path) -> None:
    images, _ = files.mnist(tmp_path)
    for name in ("images-idx3", "labels-idx1"):
        (tmp_path / f"train-{name}-ubyte").rename(tmp_path / f"emnist-letters-train-{name}-ubyte")
        (tmp_path / f"t10k-{name}-ubyte").rename(tmp_path / f"emnist-letters-test-{name}-ubyte")
    labels = tmp_path / "emnist-letters-train-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:-1] + bytes([26]))
    examples = Mnist(27, "emnist-letters-").open(tmp_path, "train").checked()
    assert (len(examples.classes), examples.targets[-1]) == (27, 26)
    np.testing.assert_array_equal(examples.read(np.arange(9)), images)
    assert len(Mnist(27, "emnist-letters-").open(tmp_path, "test").checked()) == 9
    with pytest.raises(DataError, match=r"emnist-digits-train-images-idx3-ubyte: there is no such file"):
        Mnist(10, "emnist-digits-").open(tmp_path, "train")


@pytest.mark.parametrize("zipped", [False, True])
def test_mnist(tmp_path: Path, zipped: bool) -> None:
    images, labels = files.mnist(tmp_path, zipped)
    examples = Mnist().open(tmp_path, "train").checked()
    np.testing.assert_array_equal(everything(examples), images)
    np.testing.assert_array_equal(examples.targets, labels)
    assert examples.shape == (28, 28, 1)
    assert len(Mnist().open(tmp_path, "test")) == 9


@needs("sklearn")
def test_digits() -> None:
    train, test = (Digits().open(Path(), split).checked() for split in ("train", "test"))
    assert (len(train), len(test)) == (1442, 355)
    images = np.concatenate([everything(train), everything(test)])
    assert images.shape == (1797, 8, 8, 1)
    assert (images.min(), images.max()) == (0, 16)
    assert np.bincount(test.targets).min() >= 30
    assert len(np.unique(images.reshape(1797, -1), axis=0)) == 1797  # no digit is in both


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    expected = files.image_folder(tmp_path)
    examples = ImageFolder().open(tmp_path, "train").checked()
    np.testing.assert_array_equal(everything(examples), [image for image, _ in expected])
    assert examples.targets.tolist() == [label for _, label in expected]
    assert examples.classes == ("ant", "bee", "cat")
    assert examples.shape == (20, 24, 3)
    gray = ImageFolder(channels=1).open(tmp_path / "val", "train")  # classes without splits
    assert gray.read(np.array([0])).shape == (1, 20, 24, 1)


def test_a_folder_of_pictures_of_different_sizes(tmp_path: Path) -> None:
    expected = files.image_folder(tmp_path, ((20, 24), (30, 10)), "jpg")
    examples = ImageFolder().open(tmp_path, "train")
    assert examples.shape is None
    assert "0.jpg has 20 x 24 pixels" in examples.note
    assert "1.jpg 30 x 10" in examples.note
    assert [np.asarray(image).shape for image in examples.read(np.arange(3))] == [
        image.shape for image, _ in expected[:3]
    ]


@pytest.mark.parametrize("form", ["npz", "zipped npz", "safetensors"])
def test_arrays(tmp_path: Path, form: str) -> None:
    images, labels = files.pictures(7, (6, 5, 3)), files.labels(7)
    path = tmp_path / f"train.{form.split()[-1]}"
    if form == "safetensors":
        save_file({"images": images, "labels": labels}, path)
    else:
        (np.savez_compressed if "zipped" in form else np.savez)(path, images=images, labels=labels)
    examples = Arrays("{split}" + path.suffix, classes=10).open(tmp_path, "train").checked()
    np.testing.assert_array_equal(everything(examples), images)
    np.testing.assert_array_equal(examples.targets, labels)
    assert examples.shape == (6, 5, 3)
    assert (len(pickle.dumps(examples.read)) < 1000) is (form != "zipped npz")


def test_of_very_many_pictures_some_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.image_folder(tmp_path)
    monkeypatch.setattr("archspec.training.data.parts.folder.MOST_HEADERS", 5)
    examples = ImageFolder().open(tmp_path, "train")
    assert (examples.shape, examples.note) == (None, "only 4 of 12 were looked at")
    with pytest.raises(DataError, match="only 4 of 12 were looked at"):
        Data(ImageFolder(), tmp_path, training=(), evaluation=(), batch=2)
    Data(ImageFolder(), tmp_path, training=(Resize((8, 8)),), evaluation=(Resize((8, 8)),), batch=2)


def test_arrays_in_the_form_of_keras(tmp_path: Path) -> None:
    images = files.pictures(5, (28, 28))
    column = files.labels(5)[:, None]
    np.savez(tmp_path / "mnist.npz", x_train=images, y_train=column, x_test=images[:2], y_test=column[:2])
    source = Arrays("mnist.npz", "x_{split}", "y_{split}", classes=10)
    assert everything(source.open(tmp_path, "train")).shape == (5, 28, 28, 1)
    assert source.open(tmp_path, "test").targets.tolist() == column[:2, 0].tolist()


def test_arrays_of_features_and_of_targets_that_are_no_classes(tmp_path: Path) -> None:
    features, targets = np.arange(12.0).reshape(4, 3), np.linspace(0, 1, 4)
    np.savez(tmp_path / "train.npz", images=features, labels=targets)
    examples = Arrays().open(tmp_path, "train").checked()
    assert everything(examples).dtype == np.float32
    assert examples.targets.dtype == np.float32
    assert examples.shape == (3,)
    assert examples.classes == ()


@needs("datasets")
def test_hugging_face_datasets(tmp_path: Path) -> None:
    import datasets
    from PIL import Image

    images, labels = files.pictures(5, (12, 10, 3)), files.labels(5, 3)
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b", "c"])})
    table = datasets.Dataset.from_dict(
        {"image": [Image.fromarray(image) for image in images], "label": labels.tolist()}, features
    )
    datasets.DatasetDict({"train": table, "validation": table.select([1, 2])}).save_to_disk(str(tmp_path))
    examples = HuggingFace().open(tmp_path, "train").checked()
    np.testing.assert_array_equal(everything(examples), images)
    assert examples.targets.tolist() == labels.tolist()
    assert examples.classes == ("a", "b", "c")
    assert len(HuggingFace().open(tmp_path, "validation")) == 2


@pytest.mark.parametrize("label", ["cls", "json"])
def test_shards(tmp_path: Path, label: str) -> None:
    expected = files.shards(tmp_path, label)
    examples = WebDataset(classes=3).open(tmp_path, "train").checked()
    np.testing.assert_array_equal(everything(examples), [image for image, _ in expected])
    assert examples.targets.tolist() == [number for _, number in expected]
    assert examples.shape == (16, 16, 3)


@needs("webdataset")
def test_shards_that_webdataset_wrote(tmp_path: Path) -> None:
    import webdataset

    images = files.pictures(4, (16, 12, 3))
    with webdataset.TarWriter(str(tmp_path / "val-000000.tar")) as writer:
        for n, image in enumerate(images):
            writer.write({"__key__": f"sample{n:03}", "png": image, "cls": n % 2})
    examples = WebDataset(classes=2).open(tmp_path, "val").checked()
    np.testing.assert_array_equal(everything(examples), images)
    assert examples.targets.tolist() == [0, 1, 0, 1]


def test_tables(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text('width,"kind",height\n1.5,a,2\n\n-3,"b",4e1\n', encoding="utf-8")
    examples = CsvTable("kind", ("a", "b")).open(tmp_path, "train").checked()
    assert everything(examples).tolist() == [[1.5, 2.0], [-3.0, 40.0]]
    assert examples.targets.tolist() == [0, 1]
    numbers = CsvTable("height")
    (tmp_path / "train.csv").write_text("width,height\n1,2.5\n", encoding="utf-8")
    assert numbers.open(tmp_path, "train").targets.tolist() == [2.5]


def test_shares_keep_the_order_and_leave_nothing_out() -> None:
    targets = np.repeat(np.arange(4), 10)
    examples = Examples(InMemory(np.arange(40)[:, None]), targets, tuple("abcd"), (1,), "here")
    for share in (Share(0.25), Share(0.25, "start"), Share(0.25, "random"), Share(0.2, "random", per_class=True)):
        left, kept = share.split(examples, seed=3)
        a, b = (each.read(np.arange(len(each)))[:, 0] for each in (left, kept))
        assert sorted([*a, *b]) == list(range(40))
        assert (np.diff(a) > 0).all()
        assert (np.diff(b) > 0).all()
        if share.per_class:
            assert np.bincount(kept.targets).tolist() == [2, 2, 2, 2]
        else:
            assert len(kept) == 10
            assert {"end": 30, "start": 0}.get(share.at, b[0]) == b[0]
