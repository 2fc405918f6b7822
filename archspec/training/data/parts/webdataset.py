"""WebDataset's shards: tar files in which the files of one example stand together, under one name with several endings.

https://github.com/webdataset/webdataset describes the format.
"""

import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archspec.training.data.parts.errors import DataError
from archspec.training.data.parts.examples import Examples
from archspec.training.data.parts.pictures import (
    PICTURE_ENDINGS,
    check_decoding,
    common_shape,
    decoded,
    picture_size,
    stacked,
)
from archspec.training.data.parts.steps import Images


@dataclass(frozen=True)
class WebDataset:
    """Pictures and the numbers of their classes in shards: `train-000000.tar`, ... for the split `train`.

    An example has a picture and either a file `.cls`, with a whole number as text, or a `.json` with the key `label`.
    The shards are gone through once, headers alone, to learn where each picture lies; then pictures are read in any
    order, so that an epoch's order is as random as with any other format. Shards cannot be compressed.
    """

    classes: int = 1000
    channels: int = 3

    def open(self, folder: Path, split: str) -> Examples:
        """The examples of a split.

        Raises:
            DataError: there is no shard, one is damaged, or an example lacks its picture or its label.
        """
        shards = sorted(folder.glob(f"{split}-*.tar"))
        if not shards:
            raise DataError(f"{folder}: no shards; expected {split}-000000.tar and so on")
        places, labels, sizes = [], [], []
        for number, shard in enumerate(shards):
            for start, length, label, size in _index(shard, self.classes):
                places.append((number, start, length))
                labels.append(label)
                sizes.append(size)
        if not places:
            raise DataError(f"{shards[0]}: no examples; expected pictures, each with a file .cls or .json beside it")
        shape, note = common_shape(sizes, lambda n: f"example {n}", self.channels)
        reader = _TarPictures(tuple(shards), np.array(places, np.int64), "RGB" if self.channels == 3 else "L", shape)
        check_decoding(reader, len(places))
        classes = tuple(str(n) for n in range(self.classes))
        return Examples(reader, np.array(labels, np.int64), classes, shape, str(folder / f"{split}-*.tar"), note)


def _index(shard: Path, classes: int) -> list[tuple[int, int, int, tuple[int, int]]]:
    """Start, length and label of each example's picture, and its size."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    labels: dict[str, int] = {}
    sizes: dict[str, tuple[int, int]] = {}
    length = shard.stat().st_size
    with shard.open("rb") as raw:
        try:
            with tarfile.open(fileobj=raw, mode="r:") as archive:
                for member in archive:
                    if not member.isfile():
                        continue
                    start = member.offset_data
                    if start + member.size > length:
                        raise DataError(f"{shard}: {member.name} goes beyond the end: the shard is cut off")
                    folder, _, name = member.name.rpartition("/")
                    key, _, ending = name.partition(".")
                    place, ending = f"{folder}/{key}", f".{ending.lower()}"
                    if ending in PICTURE_ENDINGS:
                        found.setdefault(place, {})["picture"] = start, member.size
                        sizes[place] = _member_size(raw, start, member.size, f"{shard}, {member.name}")
                    elif ending in (".cls", ".json"):
                        found.setdefault(place, {})
                        labels[place] = _label(
                            _bytes(raw, start, member.size), ending, classes, f"{shard}, {member.name}"
                        )
        except tarfile.TarError as error:
            raise DataError(f"{shard}: no tar file, or a damaged one ({error})") from None
    for place, parts in found.items():
        if "picture" not in parts or place not in labels:
            missing = "picture" if "picture" not in parts else "file .cls or .json with its label"
            raise DataError(f"{shard}: the example {place.lstrip('/')} has no {missing}")
    return [(*parts["picture"], labels[place], sizes[place]) for place, parts in found.items()]


def _bytes(raw: io.BufferedReader, start: int, size: int) -> bytes:
    kept = raw.tell()
    raw.seek(start)
    data = raw.read(size)
    raw.seek(kept)
    return data


def _member_size(raw: io.BufferedReader, start: int, size: int, where: str) -> tuple[int, int]:
    end = _bytes(raw, start + max(0, size - 1024), min(size, 1024))
    try:
        return picture_size(_bytes(raw, start, min(size, 65536)), size, end, where)
    except DataError:
        if size <= 65536:
            raise
        return picture_size(_bytes(raw, start, size), size, end, where)


def _label(data: bytes, ending: str, classes: int, where: str) -> int:
    try:
        label = int(data) if ending == ".cls" else json.loads(data)["label"]
    except (ValueError, KeyError, TypeError, RecursionError):
        label = None
    if type(label) is not int or not 0 <= label < classes:
        raise DataError(f"{where}: expected the number of a class, 0 to {classes - 1}, found {data[:40]!r}")
    return label


@dataclass(frozen=True)
class _TarPictures:
    shards: tuple[Path, ...]
    places: NDArray[np.int64]
    mode: str
    shape: tuple[int, ...] | None

    def __call__(self, indices: NDArray[np.int64]) -> Images:
        pictures = []
        for number, start, length in self.places[indices].tolist():
            shard = self.shards[number]
            try:
                with shard.open("rb") as file:
                    file.seek(start)
                    data = file.read(length)
            except OSError as error:
                raise DataError(f"{shard}: {error.strerror}") from None
            pictures.append(decoded(data, self.mode, f"{shard}, at byte {start}"))
        return stacked(pictures, self.shape)
