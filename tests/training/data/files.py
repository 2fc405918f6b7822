"""Data sets in the formats that they are distributed in, small, with known contents."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archspec.training.data.parts.batches import AnyStep, Data

TEN = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def opened(source: Any, folder: Path, steps: tuple[AnyStep, ...] = (), **options: Any) -> Data:
    """The batches of two that the recipe's steps make of a source."""
    return Data(source, folder, training=steps, evaluation=options.pop("evaluation", steps), batch=2, **options)


def pictures(count: int, shape: tuple[int, ...] = (32, 32, 3), seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def labels(count: int, classes: int = 10) -> NDArray[np.int64]:
    return (np.arange(count) * 7 + 3) % classes


def cifar10_binary(folder: Path, each: int = 4) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The training examples; the test batch has those of another seed."""
    folder.mkdir(parents=True, exist_ok=True)
    images, classes = pictures(5 * each), labels(5 * each)
    rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    records = np.concatenate([classes[:, None].astype(np.uint8), rows], axis=1)
    for n in range(5):
        (folder / f"data_batch_{n + 1}.bin").write_bytes(records[n * each : (n + 1) * each].tobytes())
    (folder / "test_batch.bin").write_bytes(records[::-1].tobytes())
    (folder / "batches.meta.txt").write_text("\n".join(TEN) + "\n\n", encoding="utf-8")
    return images, classes


def cifar100_binary(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    folder.mkdir(parents=True, exist_ok=True)
    images, classes = pictures(12), labels(12, 100)
    rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    records = np.concatenate(
        [(classes[:, None] // 5).astype(np.uint8), classes[:, None].astype(np.uint8), rows], axis=1
    )
    for name in ("train", "test"):
        (folder / f"{name}.bin").write_bytes(records.tobytes())
    return images, classes


def python2_pickle(values: dict[str, Any]) -> bytes:
    """As Python 2's cPickle writes a mapping of texts to arrays of bytes, lists of numbers and lists of texts."""
    out = io.BytesIO()

    def text(value: bytes) -> None:
        out.write(
            b"U" + bytes([len(value)]) + value if len(value) < 256 else b"T" + struct.pack("<i", len(value)) + value
        )

    def number(value: int) -> None:
        out.write(b"K" + bytes([value]) if 0 <= value < 256 else b"J" + struct.pack("<i", value))

    out.write(b"\x80\x02}(")
    for key, value in values.items():
        text(key.encode())
        if isinstance(value, np.ndarray):
            out.write(b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01")
            for size in value.shape:
                number(size)
            out.write(
                b"\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
            )
            text(value.tobytes())
            out.write(b"tb")
        else:
            out.write(b"](")
            for item in value:
                text(item.encode()) if isinstance(item, str) else number(int(item))
            out.write(b"e")
    out.write(b"u.")
    return out.getvalue()


def cifar10_python(folder: Path, each: int = 4) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    folder.mkdir(parents=True, exist_ok=True)
    images, classes = pictures(5 * each), labels(5 * each)
    rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    for n in range(5):
        part = slice(n * each, (n + 1) * each)
        pickled = python2_pickle(
            {"data": rows[part], "labels": classes[part].tolist(), "batch_label": ["training batch"]}
        )
        (folder / f"data_batch_{n + 1}").write_bytes(pickled)
    (folder / "test_batch").write_bytes(python2_pickle({"data": rows[::-1], "labels": classes[::-1].tolist()}))
    (folder / "batches.meta").write_bytes(python2_pickle({"label_names": TEN}))
    return images, classes


def cifar100_python(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    folder.mkdir(parents=True, exist_ok=True)
    images, classes = pictures(12), labels(12, 100)
    rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    for name in ("train", "test"):
        values = {"data": rows, "coarse_labels": (classes // 5).tolist(), "fine_labels": classes.tolist()}
        (folder / name).write_bytes(python2_pickle(values))
    (folder / "meta").write_bytes(python2_pickle({"fine_label_names": [f"class {n}" for n in range(100)]}))
    return images, classes


def idx(array: NDArray[np.uint8]) -> bytes:
    return b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def mnist(folder: Path, zipped: bool = False) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    folder.mkdir(parents=True, exist_ok=True)
    images, classes = pictures(9, (28, 28)), labels(9)
    for start in ("train", "t10k"):
        for name, array in (("images-idx3", images), ("labels-idx1", classes.astype(np.uint8))):
            data = idx(array)
            path = folder / f"{start}-{name}-ubyte{'.gz' if zipped else ''}"
            path.write_bytes(gzip.compress(data) if zipped else data)
    return images[..., None], classes


def encoded(image: NDArray[np.uint8], ending: str = "png") -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(image).save(out, {"jpg": "jpeg"}.get(ending, ending))
    return out.getvalue()


def image_folder(
    folder: Path, sizes: tuple[tuple[int, int], ...] = ((20, 24),), ending: str = "png"
) -> list[tuple[NDArray[np.uint8], int]]:
    """Two splits of three classes: the examples of the training split, in their order."""
    found = []
    for split in ("train", "val"):
        for label, name in enumerate(("ant", "bee", "cat")):
            place = folder / split / name
            place.mkdir(parents=True, exist_ok=True)
            for n in range(4):
                image = pictures(1, (*sizes[n % len(sizes)], 3), seed=10 * label + n)[0]
                (place / f"{n}.{ending}").write_bytes(encoded(image, ending))
                if split == "train":
                    found.append((image, label))
    return found


def shards(folder: Path, label: str = "cls") -> list[tuple[NDArray[np.uint8], int]]:
    """Two shards of the training split, written by `tarfile`."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for shard in range(2):
        with tarfile.open(folder / f"train-{shard:06}.tar", "w") as archive:
            for n in range(3):
                image, number = pictures(1, (16, 16, 3), seed=10 * shard + n)[0], (shard + n) % 3
                text = str(number) if label == "cls" else json.dumps({"label": number})
                for ending, data in (("png", encoded(image)), (label, text.encode())):
                    info = tarfile.TarInfo(f"samples/{shard}{n}.{ending}")
                    info.size = len(data)
                    archive.addfile(info, io.BytesIO(data))
                found.append((image, number))
    return found
