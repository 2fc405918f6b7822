"""What the data are like, learned by the readers of a program before there is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from archspec.errors import Diagnostic, TrainingDataError
from archspec.training.data.config import DataConfig
from archspec.training.data.parts.batches import Data
from archspec.training.data.parts.errors import DataError


@dataclass(frozen=True)
class DataFacts:
    """What a plan needs to know of data."""

    examples: Mapping[str, int]
    """How many there are in `training`, `validation` and `test`, of those that there are."""
    steps: Mapping[str, int]
    """Batches in an epoch of each."""
    classes: tuple[str, ...]
    """Their names in order; none where the targets are no classes."""
    shape: tuple[int, ...]
    """Of one image of a batch: (height, width, channels) or (features,)."""


def open_data(config: DataConfig, folder: str | Path = ".") -> Data:
    """What `open_data` of the program with these data gives.

    Raises:
        DataError: the data are not there, are damaged, or do not fit.
    """
    given = {field.name: getattr(config, field.name) for field in fields(config) if field.name != "source"}
    return Data(config.source, folder, **given)


def data_facts(config: DataConfig, folder: str | Path = ".") -> DataFacts:
    """Looks at the data as the program will, statistics included.

    Raises:
        TrainingDataError: the data are not there, are damaged, or do not fit (E1001).
    """
    try:
        data = open_data(config, folder)
    except DataError as error:
        help = "the page on data says what each format is made of, and `--data` says where the files are"
        raise TrainingDataError(Diagnostic("E1001", str(error), help=help)) from None
    splits = {"training": data.training, "validation": data.validation, "test": data.test}
    found = {name: batches for name, batches in splits.items() if batches is not None}
    return DataFacts(
        {name: len(batches.examples) for name, batches in found.items()},
        {name: len(batches) for name, batches in found.items()},
        data.classes,
        data.shape,
    )
