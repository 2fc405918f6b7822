"""Augmentations that change colors, and the policies of many operations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from archspec.ir.attributes import FloatKind, IntKind, WordKind, attribute
from archspec.recipe.augmentations.base import AUGMENTATIONS, Augmentation
from archspec.recipe.kinds import BoundedIntKind, Range, RangeKind
from archspec.recipe.part import Problem, words_for


@AUGMENTATIONS.register
@dataclass(frozen=True, slots=True)
class Brightness(Augmentation):
    """All numbers of an image of 0 to 255 are multiplied by one, rounded and cut to that range, as Pillow does."""

    name: ClassVar[str] = "brightness"
    bare: ClassVar[str] = "by"
    example: ClassVar[str] = "brightness: [0.8, 1.2]"
    known_as: ClassVar[Mapping[str, str]] = {
        "brightness_range": "",
        "RandomBrightness": "Keras's layer adds, here it is multiplied",
    }

    by: Range = attribute(RangeKind(middle=1.0, least=0.0), "the number is drawn evenly from this range")


@AUGMENTATIONS.register
@dataclass(frozen=True, slots=True)
class ChannelShift(Augmentation):
    """A number is added to all of an image, which is then cut to the range that the image had."""

    name: ClassVar[str] = "channel_shift"
    bare: ClassVar[str] = "amount"
    example: ClassVar[str] = "channel_shift: 20"
    known_as: ClassVar[Mapping[str, str]] = {"channel_shift_range": "", "RandomChannelShift": ""}

    amount: float = attribute(FloatKind(), "the number is drawn evenly from its negative to itself")


_JITTER: Final = RangeKind(middle=1.0, least=0.0)


@AUGMENTATIONS.register
@dataclass(frozen=True, slots=True)
class ColorJitter(Augmentation):
    """Brightness, contrast, saturation and hue of an image in color are changed, in an order that is drawn.

    Each by a number that is drawn evenly, as in torchvision; what is not given does not change.
    """

    name: ClassVar[str] = "color_jitter"
    takes_bytes: ClassVar[bool] = True
    keeps_bytes: ClassVar[bool] = True
    example: ClassVar[str] = "color_jitter: {brightness: 0.4, contrast: 0.4, saturation: 0.4}"

    brightness: Range | None = attribute(_JITTER, "all numbers are multiplied; 0.4 is from 0.6 to 1.4", default=None)
    contrast: Range | None = attribute(_JITTER, "the same about the mean of the gray image", default=None)
    saturation: Range | None = attribute(_JITTER, "the same about the gray image", default=None)
    hue: Range | None = attribute(
        RangeKind(middle=0.0, least=-0.5, most=0.5), "a part of the circle of hues that is added", default=None
    )


@AUGMENTATIONS.register
@dataclass(frozen=True, slots=True)
class Lighting(Augmentation):
    """Colors are moved along the principal axes of ImageNet's, as in AlexNet (Krizhevsky et al. 2012).

    For each axis a normal number is drawn; it is multiplied by the axis's eigenvalue and added along the axis to all
    pixels.
    """

    name: ClassVar[str] = "lighting"
    bare: ClassVar[str] = "std"
    example: ClassVar[str] = "lighting: 0.1"
    known_as: ClassVar[Mapping[str, str]] = {"FancyPCA": "", "PCANoise": "", "pca_lighting": ""}

    std: float = attribute(FloatKind(), "the standard deviation of the numbers", default=0.1)
    factor: float = attribute(FloatKind(), "1 for colors from 0 to 1, 255 for those from 0 to 255", default=1.0)


_RAND_WORDS: Final[Mapping[str, str]] = {
    "num_ops": "write `operations`",
    "n": "write `operations`",
    "m": "write `magnitude`",
    "num_magnitude_bins": "write `bins`",
}
_BETWEEN: Final = WordKind(words=("nearest", "bilinear"))
_BINS: Final = "how many magnitudes there are"
_FILL_VALUE: Final = "what is put where a geometric operation leaves places empty"


@AUGMENTATIONS.register
@dataclass(frozen=True, slots=True)
class RandAugment(Augmentation):
    """Some of 14 operations, drawn anew, each at the same magnitude (Cubuk et al. 2020), as in torchvision."""

    name: ClassVar[str] = "rand_augment"
    moves: ClassVar[bool] = True
    takes_bytes: ClassVar[bool] = True
    keeps_bytes: ClassVar[bool] = True
    example: ClassVar[str] = "rand_augment: {operations: 2, magnitude: 9}"
    two_meanings: ClassVar[Mapping[str, str]] = _RAND_WORDS

    operations: int = attribute(IntKind(least=1), "how many, one after the other", default=2)
    magnitude: int = attribute(IntKind(), "how strong, of `bins`", default=9)
    bins: int = attribute(IntKind(least=2), _BINS, default=31)
    interpolation: str = attribute(_BETWEEN, "how pixels between pixels are found", default="nearest")
    fill: int = attribute(BoundedIntKind(most=255), _FILL_VALUE, default=0)

    def problems(self) -> Iterator[Problem]:
        """The magnitude is one of the bins."""
        if self.magnitude >= self.bins:
            yield Problem("magnitude", f"it must be less than `bins`, which is {self.bins}; this is {self.magnitude}")


@AUGMENTATIONS.register
@dataclass(frozen=True, slots=True)
class TrivialAugment(Augmentation):
    """One of 14 operations at one magnitude, both drawn (Müller and Hutter 2021): torchvision's TrivialAugmentWide."""

    name: ClassVar[str] = "trivial_augment"
    moves: ClassVar[bool] = True
    takes_bytes: ClassVar[bool] = True
    keeps_bytes: ClassVar[bool] = True
    known_as: ClassVar[Mapping[str, str]] = {"TrivialAugmentWide": "", "ta_wide": ""}
    two_meanings: ClassVar[Mapping[str, str]] = words_for(("bins",), _RAND_WORDS)

    bins: int = attribute(IntKind(least=2), _BINS, default=31)
    interpolation: str = attribute(_BETWEEN, "how pixels between pixels are found", default="nearest")
    fill: int = attribute(BoundedIntKind(most=255), _FILL_VALUE, default=0)
