"""What has to be known of data before a plan for training on them can be made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from archspec.recipe import DataSource, Shape, Share


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What is known of a data set: by its format, or by looking at it."""

    examples: Mapping[str, int]
    """How many examples each split has, by the format's own names."""
    shape: Shape
    """Of one example: (channels, height, width) of an image, None where images differ; or (features,)."""
    targets: Literal["classes", "maps", "numbers"] = "classes"
    """A class for each example, a class for each place of an image, or numbers."""
    classes: int | None = None
    """How many classes there are; None where targets are numbers."""
    target_shape: tuple[int, ...] = ()
    """Of an example's target, where it is not one class or one number: of its numbers, or (height, width) of a map."""
    class_counts: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    """How many examples of each class a split has, where that is known."""
    where: str = field(default="", compare=False)
    """The file or folder of the training examples, for messages; empty where nothing was looked at."""
    differing: str = field(default="", compare=False)
    """Where images have different sizes: two that have, for messages."""

    @property
    def have(self) -> str:
        """How a message begins that says what the data have."""
        return f"{self.where} has" if self.where else "the data have"

    def tells(self, split: str, share: Share) -> bool:
        """Whether it is known how many examples of a split a share of it has."""
        return not share.per_class or split in self.class_counts

    def kept(self, split: str, share: Share) -> int:
        """How many examples of a split a share of it has.

        Raises:
            ValueError: it goes by class, and how many there are of each is not known.
        """
        if not share.per_class:
            return int(self.examples[split] * share.share)
        if not self.tells(split, share):
            raise ValueError(f"a share of each class needs the counts of the classes of {split}")
        return sum(int(count * share.share) for count in self.class_counts[split])


def known_facts(source: DataSource) -> DataFacts | None:
    """What the form of the data says by itself, as that of CIFAR-10 does; None where the data have to be looked at."""
    known = source.known_data()
    if known is None:
        return None
    return DataFacts(known.examples, known.shape, "classes", known.classes, class_counts=known.class_counts)
