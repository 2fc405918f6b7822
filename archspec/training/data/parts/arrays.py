"""Arrays in files: NumPy's npz, and safetensors. What is not compressed is mapped, not read."""

import json
import math
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.lib.format import read_array, read_array_header_1_0, read_array_header_2_0, read_magic
from numpy.typing import NDArray

from archspec.training.data.parts.errors import DataError
from archspec.training.data.parts.examples import Examples, file_size, mapped
from archspec.training.data.parts.steps import Images

MOST_NUMBERS: Final = 2**28
"""So many are looked at before the first step, a second or so; of more, those of each batch as it is read."""
_SAFETENSORS: Final = {
    "U8": "u1",
    "I8": "i1",
    "I16": "<i2",
    "I32": "<i4",
    "I64": "<i8",
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
}


@dataclass(frozen=True)
class Arrays:
    """Arrays of images (n, height, width, channels) or features (n, features), and of targets; a file for each split.

    In names, `{split}` stands for the split: Keras's `mnist.npz` is `Arrays("mnist.npz", "x_{split}", "y_{split}")`.
    """

    file: str = "{split}.npz"
    images: str = "images"
    targets: str = "labels"
    classes: int | None = None
    """How many, where the targets are classes, (n,) of integers, or maps of them, (n, height, width); None: the targets
    are taken as they are.
    """
    ignore: int | None = None
    """A label that is no class, of examples or places that a loss leaves out."""

    def open(self, folder: Path, split: str) -> Examples:
        """The examples of a split.

        Raises:
            DataError: the file is not there or damaged, or its arrays do not fit.
        """
        path = folder / self.file.format(split=split)
        file_size(path, "an npz or safetensors file")
        images = _find_array(path, self.images.format(split=split))
        targets = np.array(_find_array(path, self.targets.format(split=split)).array())
        if images.shape[:1] != targets.shape[:1]:
            raise DataError(f"{path}: arrays {images.shape} and {targets.shape}, expected as many targets as images")
        for what, kind in ((self.images, np.dtype(images.dtype).kind), (self.targets, targets.dtype.kind)):
            if kind not in "biuf":
                raise DataError(f"{path}: {what.format(split=split)} holds no numbers")
        if len(images.shape) not in (2, 3, 4):
            raise DataError(
                f"{path}: images of shape {images.shape}, expected (n, height, width, channels) or (n, features)"
            )
        if self.classes is not None:
            if targets.ndim == 2 and targets.shape[1] == 1:  # as Keras's CIFAR files have them
                targets = targets[:, 0]
            if targets.ndim not in (1, 3) or targets.dtype.kind not in "iu":
                raise DataError(
                    f"{path}: labels {targets.dtype} {targets.shape}, expected one integer for each image, (n,), "
                    "or for each place of it, (n, height, width)"
                )
            targets = targets.astype(np.int64)
        elif targets.dtype.kind == "f":
            if not np.isfinite(targets).all():
                place = int(np.argwhere(~np.isfinite(targets))[0][0])
                raise DataError(f"{path}: the target of example {place} is not finite")
            targets = targets.astype(np.float32)
        if math.prod(images.shape) <= MOST_NUMBERS:
            for start in range(0, images.shape[0], 1024):
                images(np.arange(start, min(start + 1024, images.shape[0])))
        classes = tuple(str(n) for n in range(self.classes or 0))
        shape = images.shape[1:] if len(images.shape) != 3 else (*images.shape[1:], 1)
        return Examples(images, targets, classes, shape, str(path), ignore=self.ignore)


@dataclass(frozen=True)
class _FileArray:
    """An array in a file: mapped, or in memory."""

    path: Path
    dtype: str
    offset: int
    shape: tuple[int, ...]
    loaded: NDArray[Any] | None = None

    def array(self) -> NDArray[Any]:
        return mapped(self.path, self.dtype, self.offset, self.shape) if self.loaded is None else self.loaded

    def __call__(self, indices: NDArray[np.int64]) -> Images:
        found = self.array()[indices]
        found = found[..., np.newaxis] if len(self.shape) == 3 else found
        if found.dtype == np.uint8:
            return found
        found = found.astype(np.float32)
        if not np.isfinite(found).all():
            wrong = ~np.isfinite(found).reshape(len(found), -1).all(axis=1)
            raise DataError(f"{self.path}: the image of example {indices[wrong][0]} is not finite")
        return found


def _find_array(path: Path, name: str) -> _FileArray:
    try:
        return _in_safetensors(path, name) if path.suffix == ".safetensors" else _in_npz(path, name)
    except DataError:
        raise
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        EOFError,
        RecursionError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise DataError(f"{path}: damaged, or not of the format that its name says ({error})") from None


def _in_safetensors(path: Path, name: str) -> _FileArray:
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > size - 8:
            raise DataError(f"{path}: a header of {length} bytes in a file of {size}: damaged or cut off")
        header = json.loads(file.read(length))
    if not isinstance(header, dict):
        raise DataError(f"{path}: the header is no mapping of names to arrays: damaged, or no safetensors file")
    if name not in header:
        raise DataError(f"{path}: no array {name!r}; there are {', '.join(sorted(header.keys() - {'__metadata__'}))}")
    entry = header[name]
    if entry["dtype"] not in _SAFETENSORS:
        raise DataError(f"{path}: {name} is of {entry['dtype']}, expected one of {', '.join(_SAFETENSORS)}")
    start, end = entry["data_offsets"]
    dtype, shape = np.dtype(_SAFETENSORS[entry["dtype"]]), tuple(entry["shape"])
    if end - start != dtype.itemsize * math.prod(shape) or 8 + length + end > size:
        raise DataError(f"{path}: {name} takes more than the file's {size} bytes: it is damaged or cut off")
    return _FileArray(path, dtype.str, 8 + length + start, shape)


def _in_npz(path: Path, name: str) -> _FileArray:
    with zipfile.ZipFile(path) as archive:
        names = [item.removesuffix(".npy") for item in archive.namelist()]
        if name not in names:
            raise DataError(f"{path}: no array {name!r}; there are {', '.join(sorted(names))}")
        info = archive.getinfo(archive.namelist()[names.index(name)])
        with archive.open(info) as file:
            version = read_magic(file)
            read = read_array_header_1_0 if version == (1, 0) else read_array_header_2_0
            shape, fortran, dtype = read(file)
            header = file.tell()
            if dtype.hasobject:
                raise DataError(f"{path}: {name} holds Python objects, which are not read; expected numbers")
            if info.compress_type != zipfile.ZIP_STORED or fortran:
                archive.testzip()
                with archive.open(info) as whole:
                    loaded: NDArray[Any] = read_array(whole, allow_pickle=False)
                return _FileArray(path, dtype.str, 0, shape, loaded)
    with path.open("rb") as raw:  # where the member's bytes begin: its own header has names of their own lengths
        raw.seek(info.header_offset + 26)
        lengths = np.frombuffer(raw.read(4), "<u2")
    offset = info.header_offset + 30 + int(lengths.sum()) + header
    if info.file_size != header + dtype.itemsize * math.prod(shape):
        raise DataError(f"{path}: {name} has {info.file_size} bytes, too few for {dtype} {shape}: it is damaged")
    return _FileArray(path, dtype.str, offset, shape)
