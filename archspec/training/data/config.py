"""What the data of a program are, all concrete."""

from __future__ import annotations

from dataclasses import dataclass

from archspec.training.data.parts.batches import AnyStep, Format
from archspec.training.data.parts.examples import Share


@dataclass(frozen=True)
class DataConfig:
    """The data of one recipe. The fields are those of `Data` in a `data.py`, which says what each of them means.

    The formats and steps are objects of the classes in `archspec.training.data.parts`: `FORMATS` and `STEPS` of
    `archspec.training.data.catalog` name them, and `conversion` makes
    them of a plan.
    """

    source: Format
    training: tuple[AnyStep, ...]
    evaluation: tuple[AnyStep, ...]
    batch: int
    train: str = "train"
    validation: str | Share | None = None
    test: str | None = None
    classes: int | None = None
    evaluation_batch: int | None = None
    shuffle: bool = True
    drop_last: bool = False
    repeats: int = 1
    one_hot: bool = False
    seed: int = 0
