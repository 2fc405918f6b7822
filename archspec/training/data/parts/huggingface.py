"""Data sets of Hugging Face's `datasets`, saved to disk by `save_to_disk`."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archspec.training.data.parts.errors import DataError
from archspec.training.data.parts.examples import Examples
from archspec.training.data.parts.pictures import (
    MOST_HEADERS,
    check_decoding,
    common_shape,
    decoded,
    picture_size,
    stacked,
)
from archspec.training.data.parts.steps import Images


@dataclass(frozen=True)
class HuggingFace:
    """A column of images and one of classes. The folder is what `save_to_disk` wrote, and splits are its splits."""

    image: str = "image"
    label: str = "label"
    channels: int = 3

    def open(self, folder: Path, split: str) -> Examples:
        """The examples of a split.

        Raises:
            DataError: `datasets` is not installed, or the folder is none of its, or lacks a column.
        """
        table = _saved(folder, split)
        for column in (self.image, self.label):
            if column not in table.column_names:
                raise DataError(f"{folder}, {split}: no column {column!r}; there are {', '.join(table.column_names)}")
        names = getattr(table.features[self.label], "names", None)
        if names is None:
            raise DataError(
                f"{folder}, {split}: the column {self.label!r} is {table.features[self.label]}, expected ClassLabel"
            )
        if type(table.features[self.image]).__name__ != "Image":
            raise DataError(
                f"{folder}, {split}: the column {self.image!r} is {table.features[self.image]}, expected Image"
            )
        targets = np.array(table.with_format("numpy", columns=[self.label])[:][self.label], np.int64)
        sizes = []
        looked_at = range(0, len(targets), max(1, -(-len(targets) // MOST_HEADERS)))
        for index in looked_at:
            data, where = _picture_bytes(folder, split, self.image, index)
            sizes.append(picture_size(data, len(data), data[-1024:], where))
        if not sizes:
            raise DataError(f"{folder}, {split}: no examples")
        shape, note = common_shape(sizes, lambda n: f"example {looked_at[n]}", self.channels)
        if len(looked_at) < len(targets) and shape is not None:
            shape, note = None, f"only {len(looked_at)} of {len(targets)} were looked at"
        reader = _SavedPictures(folder, split, self.image, "RGB" if self.channels == 3 else "L", shape)
        check_decoding(reader, len(targets))
        return Examples(reader, targets, tuple(names), shape, f"{folder}, {split}", note)


@lru_cache(maxsize=8)
def _saved(folder: Path, split: str) -> Any:
    try:
        import datasets
    except ImportError:
        raise DataError("this data set needs Hugging Face's datasets: pip install datasets") from None
    try:
        found = datasets.load_from_disk(str(folder))
    except Exception as error:  # whatever Arrow finds wrong with the files
        raise DataError(f"{folder}: no data set that `save_to_disk` wrote, or a damaged one ({error})") from None
    if isinstance(found, datasets.Dataset):
        found = {"train": found}
    if split not in found:
        raise DataError(f"{folder}: no split {split!r}; there are {', '.join(found)}")
    return found[split]


@lru_cache(maxsize=8)
def _undecoded(folder: Path, split: str, column: str) -> Any:
    import datasets

    return _saved(folder, split).select_columns([column]).cast_column(column, datasets.Image(decode=False))


def _picture_bytes(folder: Path, split: str, column: str, index: int) -> tuple[bytes, str]:
    item = _undecoded(folder, split, column)[index][column]
    where = f"{folder}, {split}, example {index}"
    if item["bytes"] is not None:
        return item["bytes"], where
    try:
        return Path(item["path"]).read_bytes(), item["path"]
    except (OSError, TypeError) as error:
        raise DataError(f"{where}: {error}") from None


@dataclass(frozen=True)
class _SavedPictures:
    folder: Path
    split: str
    column: str
    mode: str
    shape: tuple[int, ...] | None

    def __call__(self, indices: NDArray[np.int64]) -> Images:
        pictures = []
        for index in indices.tolist():
            data, where = _picture_bytes(self.folder, self.split, self.column, index)
            pictures.append(decoded(data, self.mode, where))
        return stacked(pictures, self.shape)
