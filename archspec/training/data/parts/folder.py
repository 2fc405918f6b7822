"""A folder of pictures by class: SPLIT/CLASS/picture.jpg."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archspec.training.data.parts.errors import DataError
from archspec.training.data.parts.examples import Examples
from archspec.training.data.parts.pictures import (
    MOST_HEADERS,
    PICTURE_ENDINGS,
    check_decoding,
    common_shape,
    decoded,
    file_sizes,
    stacked,
)
from archspec.training.data.parts.steps import Images


@dataclass(frozen=True)
class ImageFolder:
    """Pictures in folders that are called after their classes, within a folder for each split, as ImageNet has them.

    Classes are in the order of their names (by code points), and so are the files of each, in folders within it, too.
    Splits are the names of the folders. A folder of classes without splits is the split `train`.
    """

    channels: int = 3
    """3 (RGB), or 1 (gray)."""

    def open(self, folder: Path, split: str) -> Examples:
        """The examples of a split.

        Raises:
            DataError: there is no such folder, a class has no picture, or a file is none.
        """
        place = folder / split
        if not place.is_dir() and split == "train" and not any((folder / name).is_dir() for name in ("val", "test")):
            place = folder
        if not place.is_dir():
            raise DataError(f"{place}: there is no such folder; expected a folder for each class in it")
        classes = sorted(item.name for item in place.iterdir() if item.is_dir() and not item.name.startswith("."))
        if not classes:
            raise DataError(f"{place}: no folders; expected one for each class, with its pictures")
        paths, labels = [], []
        for label, name in enumerate(classes):
            found = sorted(
                str(path)
                for path in (place / name).rglob("*")
                if path.suffix.lower() in PICTURE_ENDINGS and path.is_file()
            )
            if not found:
                raise DataError(f"{place / name}: no pictures; expected files that end in {', '.join(PICTURE_ENDINGS)}")
            paths += found
            labels += [label] * len(found)
        looked_at = paths[:: -(-len(paths) // MOST_HEADERS)]
        shape, note = common_shape(file_sizes(looked_at), looked_at.__getitem__, self.channels)
        if len(looked_at) < len(paths) and shape is not None:
            shape, note = None, f"only {len(looked_at)} of {len(paths)} were looked at"
        names = np.array([os.fsencode(path) for path in paths])  # one array, for the workers' sake
        reader = _PictureFiles(names, "RGB" if self.channels == 3 else "L", shape)
        check_decoding(reader, len(paths))
        return Examples(reader, np.array(labels, np.int64), tuple(classes), shape, str(place), note)


@dataclass(frozen=True)
class _PictureFiles:
    paths: NDArray[np.bytes_]
    mode: str
    shape: tuple[int, ...] | None

    def __call__(self, indices: NDArray[np.int64]) -> Images:
        pictures = []
        for path in (os.fsdecode(self.paths[index]) for index in indices):
            try:
                data = Path(path).read_bytes()
            except OSError as error:
                raise DataError(f"{path}: {error.strerror}") from None
            pictures.append(decoded(data, self.mode, path))
        return stacked(pictures, self.shape)
