"""The examples of one split, and shares of them."""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from archspec.training.data.parts.draws import random_order
from archspec.training.data.parts.errors import DataError
from archspec.training.data.parts.steps import Images, Targets


class Reader(Protocol):
    """Reads images by their indices. It goes to worker processes, so it holds paths and places, not open files."""

    def __call__(self, indices: NDArray[np.int64]) -> Images:
        """The images at these indices: (n, height, width, channels) or (n, features), or a list where sizes differ."""
        ...


@dataclass(frozen=True)
class Examples:
    """The examples of one split: targets in memory, images read when they are asked for."""

    read: Reader
    targets: Targets
    classes: tuple[str, ...]
    """The names of the classes in order; none where the targets are no classes."""
    shape: tuple[int, ...] | None
    """Of one image: (height, width, channels) or (features,); None where sizes may differ."""
    where: str
    """The file or folder, for messages."""
    note: str = ""
    """Where sizes differ: two images that do."""
    ignore: int | None = None
    """A label that is no class, of examples or places that a loss leaves out."""

    def __len__(self) -> int:
        return len(self.targets)

    def checked(self) -> "Examples":
        """These examples, if there are any and each has a label of one of the classes.

        Raises:
            DataError: there are none, or a label is no class.
        """
        if not len(self.targets):
            raise DataError(f"{self.where}: no examples")
        if self.classes:
            known = (self.targets >= 0) & (self.targets < len(self.classes))
            if self.ignore is not None:
                known |= self.targets == self.ignore
            if not known.all():
                place = tuple(np.argwhere(~known)[0].tolist())
                raise DataError(
                    f"{self.where}: example {place[0]} has the label {self.targets[place]}, "
                    f"and the labels of {len(self.classes)} classes are 0 to {len(self.classes) - 1}"
                )
        return self

    def part(self, indices: NDArray[np.int64]) -> "Examples":
        """Some of the examples, in this order."""
        return replace(self, read=_Part(self.read, indices), targets=self.targets[indices])


@dataclass(frozen=True)
class _Part:
    read: Reader
    indices: NDArray[np.int64]

    def __call__(self, indices: NDArray[np.int64]) -> Images:
        return self.read(self.indices[indices])


@dataclass(frozen=True)
class Share:
    """A share of the training examples, kept from training: for validation."""

    share: float
    at: str = "end"
    """`end`, `start` (as Keras's `validation_split` does) or `random` (by the seed)."""
    per_class: bool = False
    """The share of each class (as Keras does for folders), not of all."""

    def split(self, examples: Examples, seed: int) -> tuple[Examples, Examples]:
        """What is left for training, and what is kept. Both keep the order of the examples.

        Raises:
            DataError: one of the two would be empty.
        """
        groups = [np.arange(len(examples))]
        if self.per_class:
            groups = [np.flatnonzero(examples.targets == label) for label in np.unique(examples.targets)]
        kept = np.zeros(len(examples), bool)
        for number, group in enumerate(groups):
            if self.at == "random":
                group = group[random_order(seed, f"validation.{number}", 0, len(group))]
            count = int(len(group) * self.share)
            kept[group[len(group) - count :] if self.at == "end" else group[:count]] = True
        if kept.all() or not kept.any():
            raise DataError(
                f"{examples.where}: a share of {self.share} of {len(examples)} examples leaves one part empty"
            )
        return examples.part(np.flatnonzero(~kept)), examples.part(np.flatnonzero(kept))


@dataclass(frozen=True)
class InMemory:
    """Images that are in memory."""

    images: NDArray[Any]

    def __call__(self, indices: NDArray[np.int64]) -> Images:
        """The images at these indices."""
        return self.images[indices]


@lru_cache(maxsize=256)
def mapped(path: Path, dtype: str, offset: int, shape: tuple[int, ...]) -> NDArray[Any]:
    """An array that lies in a file as it is; only what is used gets read.

    Raises:
        DataError: the file is not there, or too short.
    """
    try:
        return np.memmap(path, np.dtype(dtype), "r", offset, shape)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {error}") from None


def file_size(path: Path, what: str) -> int:
    """Bytes.

    Raises:
        DataError: there is no such file.
    """
    if not path.is_file():
        raise DataError(f"{path}: there is no such file; expected {what}")
    return path.stat().st_size
