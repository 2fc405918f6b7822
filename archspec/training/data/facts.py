"""What data are like, learned by the readers of a program before there is one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from archspec.errors import Diagnostic, TrainingDataError
from archspec.recipe import DataSource, ResolvedRecipe, Shape
from archspec.recipe.losses import CrossEntropy
from archspec.training.data.conversion import format_of
from archspec.training.data.parts.batches import check_classes
from archspec.training.data.parts.errors import DataError
from archspec.training.data.parts.examples import Examples
from archspec.training.facts import DataFacts

_HELP: Final = "the page on data says what each format is made of, and `--data` says where the files are"


def data_facts(settings: ResolvedRecipe, folder: Path | None) -> DataFacts:
    """Looks at the data of a recipe by the reader of their format: at all splits that it names.

    Args:
        settings: the recipe.
        folder: where the data are; None for those that need no folder.

    Raises:
        TrainingDataError: the data are not there, are damaged, or do not fit each other (E1001).
    """
    data = settings.data
    if folder is None and not data.source.carried:
        message = f"the recipe's data are `{data.source.name}`, and nobody said where they are"
        raise TrainingDataError(Diagnostic("E1001", message, help="give their folder with `--data`"))
    if folder is not None and not folder.is_dir():
        what = "this is no folder" if folder.exists() else "there is no such folder"
        raise TrainingDataError(Diagnostic("E1001", f"{folder}: {what}", help=_HELP))
    names = dict.fromkeys(name for name in (data.train, data.validation, data.test) if isinstance(name, str))
    try:
        splits = {name: _opened(data.source, settings, name, folder) for name in names}
        for split in splits.values():
            check_classes(split, splits[data.train].classes, None, needed=False)
            _check_kind(split, splits[data.train])
    except DataError as error:
        raise TrainingDataError(Diagnostic("E1001", str(error), help=_HELP)) from None
    return _facts(splits, splits[data.train], getattr(data.source, "channels", None))


def _check_kind(split: Examples, first: Examples) -> None:
    """Sees that an example of a split is what one of the training examples is; images may have other sizes."""
    for what, here, there in (
        ("an example is", split.shape, first.shape),
        ("a target is", split.targets.shape[1:], first.targets.shape[1:]),
    ):
        if here is None or there is None or here == there:
            continue
        if what == "an example is" and len(here) == len(there) == 3 and here[-1] == there[-1]:
            continue
        raise DataError(f"{split.where}: {what} {here}, and those of training are {there}")


def _opened(source: DataSource, settings: ResolvedRecipe, name: str, folder: Path | None) -> Examples:
    ignored = [loss.ignore for loss in settings.losses.values() if isinstance(loss, CrossEntropy)]
    return format_of(source, ignore=next(iter(ignored), None)).open(folder or Path(), name).checked()


def _facts(splits: dict[str, Examples], first: Examples, channels: int | None) -> DataFacts:
    shape: Shape
    differing = ""
    if all(split.shape == first.shape for split in splits.values()) and first.shape is not None:
        shape = first.shape if len(first.shape) == 1 else (first.shape[-1], *first.shape[:-1])
    else:  # pictures of different sizes, in a split or between them
        shape = (channels if first.shape is None else first.shape[-1], None, None)
        differing = _differing(list(splits.values()))
    counts = {name: len(split) for name, split in splits.items()}
    target = first.targets.shape[1:]
    if not first.classes:
        return DataFacts(counts, shape, "numbers", None, target, where=first.where, differing=differing)
    if target:
        return DataFacts(counts, shape, "maps", len(first.classes), target, where=first.where, differing=differing)
    each = {name: np.bincount(split.targets, minlength=len(first.classes)) for name, split in splits.items()}
    of_classes = {name: tuple(found.tolist()) for name, found in each.items()}
    return DataFacts(
        counts, shape, "classes", len(first.classes), class_counts=of_classes, where=first.where, differing=differing
    )


def _differing(splits: Sequence[Examples]) -> str:
    """Two images of different sizes: within a split, or of two of them."""
    for split in splits:
        if split.shape is None:
            return split.note
    each = {split.shape: split.where for split in splits}
    return ", ".join(f"those of {where} have {shape[0]} x {shape[1]} pixels" for shape, where in each.items() if shape)
