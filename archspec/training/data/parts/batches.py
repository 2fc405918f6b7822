"""Batches: functions of a step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archspec.training.data.parts.draws import Draws, random_order
from archspec.training.data.parts.errors import DataError
from archspec.training.data.parts.examples import Examples, Share
from archspec.training.data.parts.steps import Fitted, Images, Mixing, Step, Targets

AnyStep: TypeAlias = Step | Fitted | Mixing


@dataclass(frozen=True)
class Batches:
    """The batches of one split, each a function of its step alone: any process can make any of them."""

    examples: Examples
    steps: tuple[Step | Mixing, ...]
    size: int
    """Examples in a batch."""
    seed: int = 0
    shuffle: bool = False
    drop_last: bool = False
    """Leaves out an epoch's last batch where it is smaller than the others."""
    repeats: int = 1
    """How often each example stands in an epoch, which has so many times fewer of them: repeated augmentation."""
    one_hot: bool = False
    """Targets as shares of classes, (n, classes) float32."""
    _orders: dict[int, NDArray[np.int64]] = field(init=False, default_factory=dict, compare=False, repr=False)

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self.examples) // self.size if self.drop_last else -(-len(self.examples) // self.size)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_orders": {}}

    def order(self, epoch: int) -> NDArray[np.int64]:
        """The examples of an epoch, in turn."""
        if epoch not in self._orders:
            count = len(self.examples)
            order = random_order(self.seed, "order", epoch, count) if self.shuffle else np.arange(count)
            self._orders.clear()
            self._orders[epoch] = np.repeat(order, self.repeats)[:count]
        return self._orders[epoch]

    def batch(self, step: int, rank: int = 0, ranks: int = 1) -> tuple[NDArray[np.float32], Targets]:
        """The images, (n, height, width, channels) or (n, features), and the targets of a step, counted from 0.

        Args:
            step: since the beginning of training, through all epochs.
            rank: which part of the batch, where several processes share it.
            ranks: how many processes there are.

        Raises:
            DataError: an image cannot be read, or does not fit an augmentation.
        """
        epoch, within_epoch = divmod(step, len(self))
        chosen = self.order(epoch)[within_epoch * self.size : (within_epoch + 1) * self.size]
        first, last = len(chosen) * rank // ranks, len(chosen) * (rank + 1) // ranks
        mixing = any(isinstance(each, Mixing) for each in self.steps)
        # A part of a batch that is mixed begins with the row before it, which its own first row is mixed with; and one
        # without any row is made as one with that row.
        before = int(first == last or (mixing and last - first < len(chosen)))
        rows = np.arange(first - before, last) % len(chosen)
        draws = Draws(self.seed, step, rows)
        images = self.examples.read(chosen[rows])
        targets = self.targets(chosen[rows])
        seen: dict[str, int] = {}
        for each in self.steps:
            name = type(each).__name__
            seen[name] = seen.get(name, 0) + 1
            own = draws.of(f"{name}.{seen[name]}")
            if isinstance(each, Mixing):
                others = np.roll(images, 1, axis=0)
                images, share = each.mix(images, others, own)
                targets = np.float32(share) * targets + np.float32(1.0 - share) * np.roll(targets, 1, axis=0)
            else:
                images = each(images, own)
        if isinstance(images, list):
            raise DataError(f"{self.examples.where}: the images have different sizes; resize or crop them to one")
        return np.ascontiguousarray(images[before:], np.float32), targets[before:]

    def image_shape(self) -> tuple[int, ...]:
        """Of one image as batches have it, by making two of them.

        Raises:
            DataError: there is no batch in an epoch, or the images do not fit a step.
        """
        if not len(self):
            raise DataError(f"{self.examples.where}: {len(self.examples)} examples make no batch of {self.size}")
        try:
            return replace(self, size=2, drop_last=False).batch(0)[0].shape[1:]
        except DataError:
            raise
        except (ValueError, IndexError, TypeError) as error:
            shape = self.examples.shape
            raise DataError(f"{self.examples.where}: images of {shape} do not fit these steps: {error}") from error

    def targets(self, indices: NDArray[np.int64]) -> Targets:
        """The targets of some examples: classes as int64, or shares of classes where they are mixed or one-hot."""
        targets = self.examples.targets[indices]
        if self.one_hot or any(isinstance(each, Mixing) for each in self.steps):
            shares = np.zeros((len(targets), len(self.examples.classes)), np.float32)
            shares[np.arange(len(targets)), targets] = 1.0
            return shares
        return targets


class Format(Protocol):
    """A format of data: where the examples of a split are."""

    def open(self, folder: Path, split: str) -> Examples:
        """The examples of a split.

        Raises:
            DataError: they are not there, or damaged.
        """
        ...


class Data:
    """The batches of all splits: `training`, and `validation` and `test` where there are any."""

    def __init__(
        self,
        source: Format,
        folder: str | Path,
        *,
        training: Sequence[AnyStep],
        evaluation: Sequence[AnyStep],
        batch: int,
        train: str = "train",
        validation: str | Share | None = None,
        test: str | None = None,
        classes: int | None = None,
        evaluation_batch: int | None = None,
        shuffle: bool = True,
        drop_last: bool = False,
        repeats: int = 1,
        one_hot: bool = False,
        seed: int = 0,
    ) -> None:
        """Opens the data and looks at them; statistics of the training examples are taken.

        Args:
            source: the format.
            folder: where the data are.
            training: what is done to training batches, in this order.
            evaluation: what is done to other batches. What is fitted is fitted to the training examples after what
                stands before it here.
            batch: examples in a training batch.
            train: the split of training examples.
            validation: a split, or a share of the training examples.
            test: a split.
            classes: how many there must be.
            evaluation_batch: examples in another batch; None: as many as in a training batch.
            shuffle: a new random order in each epoch.
            drop_last: leaves out an epoch's last batch where it is smaller than the others.
            repeats: how often each example stands in an epoch.
            one_hot: targets as shares of classes.
            seed: of all draws.

        Raises:
            DataError: the data are not there, are damaged, or do not fit.
        """
        folder = Path(folder)
        examples = source.open(folder, train).checked()
        found = {}
        if isinstance(validation, Share):
            examples, found["validation"] = validation.split(examples, seed)
        elif validation is not None:
            found["validation"] = source.open(folder, validation).checked()
        if test is not None:
            found["test"] = source.open(folder, test).checked()
        for split in (examples, *found.values()):
            check_classes(
                split, examples.classes, classes, one_hot or any(isinstance(each, Mixing) for each in training)
            )
            _check_sizes(split, training if split is examples else evaluation)
        prepared = tuple(fit(evaluation, examples))
        # Of equal ones that are fitted, the first in training is the first in evaluation.
        fitted = [(each, ready) for each, ready in zip(evaluation, prepared, strict=True) if isinstance(each, Fitted)]
        augmented: list[AnyStep] = []
        for step in training:
            found_at = next((n for n, (other, _) in enumerate(fitted) if other == step), None)
            augmented.append(step if found_at is None else fitted.pop(found_at)[1])
        unfitted = [each for each in augmented if isinstance(each, Fitted)]
        if unfitted:
            raise ValueError(f"{unfitted[0]} is fitted in the evaluation's steps, so it must stand there, too")
        self.training = Batches(examples, tuple(augmented), batch, seed, shuffle, drop_last, repeats, one_hot)  # type: ignore[arg-type]
        others = {
            name: Batches(split, prepared, evaluation_batch or batch, seed, one_hot=one_hot)
            for name, split in found.items()
        }
        self.validation, self.test = others.get("validation"), others.get("test")
        self.classes = examples.classes
        self.shape = self.training.image_shape()
        for each in others.values():
            shape = each.image_shape()
            # Height and width may differ, as where training crops are smaller; whether the network takes both is
            # seen before this file is written.
            if len(shape) != len(self.shape) or shape[-1] != self.shape[-1]:
                raise DataError(f"{each.examples.where}: images come to {shape}, and those of training to {self.shape}")


def fit(steps: Sequence[AnyStep], examples: Examples) -> list[Step]:
    """The steps, those that are fitted with their statistics of these examples after the steps before."""
    ready: list[Step] = []

    def batches() -> Iterator[Images]:
        for start in range(0, len(examples), 256):
            rows = np.arange(start, min(start + 256, len(examples)))
            images = examples.read(rows)
            for each in ready:
                images = each(images, Draws(0, 0, rows - start))
            yield images

    for each in steps:
        ready.append(each.fit(batches) if isinstance(each, Fitted) else each)  # type: ignore[arg-type]
    return ready


def check_classes(split: Examples, names: tuple[str, ...], classes: int | None, needed: bool) -> None:
    """Sees that a split has the classes that it must have.

    Args:
        split: the examples.
        names: the classes of the training examples.
        classes: how many there must be, where that is said.
        needed: whether targets must be classes, since they are mixed.

    Raises:
        DataError: it has not.
    """
    if split.classes != names:
        pairs = ("missing", names, split.classes), ("unexpected", split.classes, names)
        differing = [(word, sorted(set(here) - set(there))) for word, here, there in pairs]
        said = "; ".join(f"{word}: {', '.join(found)}" for word, found in differing if found) or "another order"
        raise DataError(f"{split.where}: not the classes of the training examples; {said}")
    if classes is not None and len(names) != classes:
        listed = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        raise DataError(f"{split.where}: {len(names)} classes ({listed}), expected {classes}")
    if needed and (not names or split.targets.ndim > 1):
        what = "maps" if names else "no classes"
        raise DataError(f"{split.where}: the targets are {what}, so they cannot be one-hot or mixed")


def _check_sizes(split: Examples, steps: Sequence[AnyStep]) -> None:
    if split.shape is None and not any(isinstance(getattr(each, "size", None), tuple) for each in steps):
        raise DataError(f"{split.where}: the images have different sizes ({split.note}); resize or crop them to one")
    moving = next((each for each in steps if getattr(each, "moves", False)), None)
    if moving is not None and split.targets.ndim > 2:
        raise DataError(f"{split.where}: the targets are maps, and {type(moving).__name__} would move the images alone")
