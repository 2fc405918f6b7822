"""CIFAR-10 and CIFAR-100, in the binary and in the Python form, as they are distributed.

Source: Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from archspec.training.data.parts.errors import DataError
from archspec.training.data.parts.examples import Examples, file_size, mapped
from archspec.training.data.parts.plain_pickle import read_plain_pickle
from archspec.training.data.parts.steps import Images

CIFAR_BYTES: Final = 3 * 32 * 32


@dataclass(frozen=True)
class Cifar:
    """CIFAR-10 or CIFAR-100: images (32, 32, 3). Splits: `train`, `test`.

    The folder holds the files, or the folder that the archive unpacks to: `cifar-10-batches-bin`,
    `cifar-10-batches-py`, `cifar-100-binary` or `cifar-100-python`.
    """

    classes: int = 10

    def open(self, folder: Path, split: str) -> Examples:
        """The examples of a split.

        Raises:
            DataError: the files are not there, or damaged.
        """
        ten = self.classes == 10
        if split not in ("train", "test"):
            raise DataError(f"CIFAR-{self.classes} has the splits train and test, not {split}")
        names = (
            [f"data_batch_{n}" for n in range(1, 6)]
            if ten and split == "train"
            else [f"{split}_batch" if ten else split]
        )
        inner = ("cifar-10-batches-bin", "cifar-10-batches-py") if ten else ("cifar-100-binary", "cifar-100-python")
        for place in (folder, *(folder / name for name in inner)):
            if (place / f"{names[0]}.bin").is_file():
                return self._binary(place, [place / f"{name}.bin" for name in names])
            if (place / names[0]).is_file():
                return self._python(place, [place / name for name in names])
        raise DataError(
            f"{folder}: no CIFAR-{self.classes} here; expected {names[0]}.bin (the binary form) or {names[0]} "
            f"(the Python form), in the folder or in {inner[0]} or {inner[1]}"
        )

    def _binary(self, folder: Path, paths: list[Path]) -> Examples:
        before = 1 if self.classes == 10 else 2
        record = before + CIFAR_BYTES
        tables, labels = [], []
        for path in paths:
            size = file_size(path, f"records of {record} bytes")
            if size % record or not size:
                raise DataError(
                    f"{path}: {size} bytes, expected a multiple of {record}, the bytes of one CIFAR-{self.classes} "
                    "record: the file is damaged, or of another data set"
                )
            tables.append(_CifarTable(path, 0, (size // record, record)))
            labels.append(np.array(tables[-1].array()[:, before - 1], np.int64))
            record_of_largest = int(labels[-1].argmax())
            _check_label(path, record_of_largest, int(labels[-1][record_of_largest]), self.classes)
        names = folder / ("batches.meta.txt" if self.classes == 10 else "fine_label_names.txt")
        classes = names.read_text(encoding="utf-8", errors="replace").split() if names.is_file() else []
        return self._examples(folder, tables, before, labels, classes)

    def _python(self, folder: Path, paths: list[Path]) -> Examples:
        tables, labels = [], []
        for path in paths:
            file_size(path, "a pickle of a mapping with pixels and labels")
            found = read_plain_pickle(path)
            data, given = found.get(b"data"), found.get(b"labels" if self.classes == 10 else b"fine_labels")
            if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.shape[1:] != (CIFAR_BYTES,):
                raise DataError(f"{path}: no pixels; expected an array `data` of uint8, (images, {CIFAR_BYTES})")
            if not isinstance(given, list) or len(given) != len(data) or not all(type(label) is int for label in given):
                raise DataError(f"{path}: expected a list of {len(data)} labels, one for each image")
            for record, label in enumerate(given):
                _check_label(path, record, label, self.classes)
            # The pixels lie in the pickle as one run of bytes, which can be mapped.
            start = path.read_bytes().find(np.ascontiguousarray(data).tobytes()) if len(data) else -1
            tables.append(_CifarTable(path, start, data.shape, data if start < 0 else None))
            labels.append(np.array(given, np.int64))
        meta = folder / ("batches.meta" if self.classes == 10 else "meta")
        key = b"label_names" if self.classes == 10 else b"fine_label_names"
        names = read_plain_pickle(meta).get(key, []) if meta.is_file() else []
        if not isinstance(names, list) or not all(isinstance(name, bytes) for name in names):
            raise DataError(f"{meta}: `{key.decode()}` is no list of names")
        return self._examples(folder, tables, 0, labels, [name.decode(errors="replace") for name in names])

    def _examples(
        self, folder: Path, tables: list["_CifarTable"], before: int, labels: list[NDArray[np.int64]], names: list[str]
    ) -> Examples:
        classes = names if len(names) == self.classes else [str(n) for n in range(self.classes)]
        reader = _CifarRecords(tuple(tables), before)
        return Examples(reader, np.concatenate(labels), tuple(classes), (32, 32, 3), str(folder))


def _check_label(path: Path, record: int, label: int, classes: int) -> None:
    if not 0 <= label < classes:
        raise DataError(
            f"{path}: record {record} has the label {label}, expected 0 to {classes - 1}: "
            "the file is damaged, or of another data set"
        )


@dataclass(frozen=True)
class _CifarTable:
    """The records of one file."""

    path: Path
    start: int
    shape: tuple[int, ...]
    loaded: NDArray[np.uint8] | None = None

    def array(self) -> NDArray[np.uint8]:
        return mapped(self.path, "uint8", self.start, self.shape) if self.loaded is None else self.loaded


@dataclass(frozen=True)
class _CifarRecords:
    tables: tuple[_CifarTable, ...]
    before: int
    """Bytes of a record before its pixels."""

    def __call__(self, indices: NDArray[np.int64]) -> Images:
        found = np.empty((len(indices), CIFAR_BYTES), np.uint8)
        first = 0
        for table in self.tables:
            here = np.flatnonzero((indices >= first) & (indices < first + table.shape[0]))
            if len(here):
                found[here] = table.array()[indices[here] - first, self.before :]
            first += table.shape[0]
        return found.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
