"""MNIST's IDX files, plain or gzipped: http://yann.lecun.com/exdb/mnist describes the format."""

import gzip
import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archspec.training.data.parts.errors import DataError
from archspec.training.data.parts.examples import Examples, InMemory, mapped
from archspec.training.data.parts.steps import Images


@dataclass(frozen=True)
class Mnist:
    """Images (28, 28, 1) of MNIST, or of a data set in its format (Fashion-MNIST, EMNIST). Splits: `train`, `test`."""

    classes: int = 10
    prefix: str = ""
    """What the names of the files begin with, such as `emnist-letters-`."""

    def open(self, folder: Path, split: str) -> Examples:
        """The examples of a split.

        Raises:
            DataError: the files are not there, damaged, or do not belong together.
        """
        if split not in ("train", "test"):
            raise DataError(f"MNIST has the splits train and test, not {split}")
        starts = ["train"] if split == "train" else ["t10k", "test"]  # MNIST's name, and EMNIST's
        found = []
        for what in ("images-idx3-ubyte", "labels-idx1-ubyte"):
            names = [f"{self.prefix}{start}-{what}" for start in starts]
            name = names[0]
            plain = [each for name in names for each in (name, name.replace("-idx", ".idx"))]
            spellings = [each for name in plain for each in (name, f"{name}.gz")]
            paths = [folder / inner / spelling for inner in ("", "MNIST/raw") for spelling in spellings]
            found.append(next((path for path in paths if path.is_file()), folder / name))
        images, labels = (_Idx.of(path) for path in found)
        if len(images.shape) != 3 or len(labels.shape) != 1 or images.shape[0] != labels.shape[0]:
            raise DataError(
                f"{found[0]} and {found[1]}: arrays {images.shape} and {labels.shape}, "
                "expected (images, height, width) and as many labels"
            )
        targets = np.array(labels.array(), np.int64)
        reader = InMemory(images.array()[..., np.newaxis]) if images.zipped else images
        classes = tuple(str(n) for n in range(self.classes))
        return Examples(reader, targets, classes, (*images.shape[1:], 1), str(found[1]))


@dataclass(frozen=True)
class _Idx:
    path: Path
    shape: tuple[int, ...]
    zipped: bool

    @classmethod
    def of(cls, path: Path) -> "_Idx":
        if not path.is_file():
            raise DataError(f"{path}: there is no such file, nor one of it with .gz; expected MNIST's IDX format")
        zipped = path.suffix == ".gz"
        start = _unzipped(path)[:16] if zipped else path.read_bytes()[:16]
        if len(start) < 8 or start[:3] != b"\0\0\x08" or not 1 <= start[3] <= 3 or len(start) < 4 + 4 * start[3]:
            raise DataError(f"{path}: no IDX file of bytes; expected it to begin with 00 00 08 and the number of axes")
        shape = tuple(int(size) for size in np.frombuffer(start, ">u4", start[3], 4))
        size = len(_unzipped(path)) if zipped else path.stat().st_size
        expected = 4 + 4 * len(shape) + math.prod(shape)
        if size != expected:
            raise DataError(f"{path}: {size} bytes, expected {expected} for an array of {shape}: the file is damaged")
        return cls(path, shape, zipped)

    def array(self) -> NDArray[Any]:
        """The whole array."""
        if self.zipped:
            return np.frombuffer(_unzipped(self.path), np.uint8, offset=4 + 4 * len(self.shape)).reshape(self.shape)
        return mapped(self.path, "uint8", 4 + 4 * len(self.shape), self.shape)

    def __call__(self, indices: NDArray[np.int64]) -> Images:
        return self.array()[indices][..., np.newaxis]


def _unzipped(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: damaged ({error})") from None
