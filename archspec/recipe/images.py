"""Preparations: what is done to every example before a network gets it, in training and in evaluation alike.

An image is height x width x channels; its numbers are those of the data, 0 to 255 for pictures, until something changes
them. Statistics come from the training examples alone, prepared as far as the item, and without augmentation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

from archspec.ir.attributes import BoolKind, FloatKind, WordKind, attribute
from archspec.recipe.kinds import HeightWidthKind, NumbersKind, PositiveKind, SizesKind
from archspec.recipe.part import Part, Problem, Registry

Shape: TypeAlias = tuple[int | None, ...]
"""The sizes of an example: (channels, height, width), or (features,); None where examples differ."""

PREPARATIONS: Final = Registry["Preparation"](
    "a preparation",
    "What is done to every example, in training and in evaluation alike, in the order of the list.",
    {
        "to_tensor": "write `rescale: 1 / 255`; the order of axes is the framework's own",
        "preprocessing_function": "it is not in the language: it runs no code of one's own",
        "data_format": "leave it out: the order of axes is the framework's own",
        "dtype": "leave it out, and write the recipe's `precision`",
        "validation_split": "write `validation: 0.1` beside `prepare`",
        "grayscale": "it is not in the language: convert the images before",
    },
)
INTERPOLATIONS: Final = WordKind(words=("nearest", "bilinear", "bicubic"))
_PER: Final = WordKind(words=("pixel", "channel"))
_PER_TEXT: Final = "over which numbers it is taken: one for each `pixel` and channel, or one for each `channel`"
ANTIALIAS: Final = "average over the pixels that become one, as Pillow does; false: as TensorFlow and OpenCV do"


@dataclass(frozen=True, slots=True)
class Step(Part):
    """Base of all that is done to examples: preparations and augmentations."""

    takes_images: ClassVar[bool] = True
    """It is for images alone; others take features, too."""
    takes_bytes: ClassVar[bool] = False
    """It is for images whose numbers are bytes, as pictures have them: 0 to 255."""
    keeps_bytes: ClassVar[bool] = False
    """Of bytes it makes bytes."""
    moves: ClassVar[bool] = False
    """It moves or takes away places of an image, which a map of classes does not follow."""

    def resized(self, shape: Shape) -> Shape:
        """The sizes of what it gives: (channels, height, width), None where they differ; or (features,)."""
        return shape


@dataclass(frozen=True, slots=True)
class Preparation(Step):
    """Base of all preparations."""

    takes_images: ClassVar[bool] = False


@PREPARATIONS.register
@dataclass(frozen=True, slots=True)
class Rescale(Preparation):
    """Each number is multiplied by a factor."""

    name: ClassVar[str] = "rescale"
    bare: ClassVar[str] = "factor"
    example: ClassVar[str] = "rescale: 1 / 255"
    known_as: ClassVar[Mapping[str, str]] = {"Rescaling": "", "scale": "", "ToFloat": "with `1 / 255`"}
    two_meanings: ClassVar[Mapping[str, str]] = {"scale": "write `factor`"}

    factor: float = attribute(FloatKind(), "the factor")


@PREPARATIONS.register
@dataclass(frozen=True, slots=True)
class SubtractMean(Preparation):
    """The mean of the training examples is subtracted."""

    name: ClassVar[str] = "subtract_mean"
    bare: ClassVar[str] = "per"
    example: ClassVar[str] = "subtract_mean: {per: pixel}"
    known_as: ClassVar[Mapping[str, str]] = {
        "featurewise_center": "Keras's ImageDataGenerator takes it per `channel`",
        "center": "",
        "mean_subtraction": "",
    }

    per: str = attribute(_PER, _PER_TEXT)


@PREPARATIONS.register
@dataclass(frozen=True, slots=True)
class DivideByStd(Preparation):
    """Each number is divided by the standard deviation of the training examples, with epsilon added to it."""

    name: ClassVar[str] = "divide_by_std"
    bare: ClassVar[str] = "per"
    example: ClassVar[str] = "divide_by_std: {per: channel}"
    known_as: ClassVar[Mapping[str, str]] = {
        "featurewise_std_normalization": "Keras's ImageDataGenerator takes it per `channel`, with an epsilon of 1e-6",
        "StandardScaler": "after `subtract_mean`",
    }

    per: str = attribute(_PER, _PER_TEXT)
    epsilon: float = attribute(FloatKind(), "keeps the quotient finite", default=1e-6)


@PREPARATIONS.register
@dataclass(frozen=True, slots=True)
class CenterEach(Preparation):
    """From each example its own mean, over all its numbers, is subtracted."""

    name: ClassVar[str] = "center_each"
    known_as: ClassVar[Mapping[str, str]] = {"samplewise_center": ""}


@PREPARATIONS.register
@dataclass(frozen=True, slots=True)
class ScaleEach(Preparation):
    """Each example is divided by its own standard deviation, over all its numbers, with epsilon added to it."""

    name: ClassVar[str] = "scale_each"
    known_as: ClassVar[Mapping[str, str]] = {"samplewise_std_normalization": "", "per_image_standardization": ""}

    epsilon: float = attribute(FloatKind(), "keeps the quotient finite", default=1e-6)


@PREPARATIONS.register
@dataclass(frozen=True, slots=True)
class ZCAWhitening(Preparation):
    """Numbers of an example are made uncorrelated, near to what they were, by the training examples' covariance.

    Along each principal axis it is divided by the standard deviation, with epsilon / sqrt(n) added to it, of n training
    examples, as in Keras. It takes a matrix of as many rows as an example has numbers; subtract the mean before.
    """

    name: ClassVar[str] = "zca_whitening"
    bare: ClassVar[str] = "epsilon"
    example: ClassVar[str] = "zca_whitening: {epsilon: 1e-6}"
    known_as: ClassVar[Mapping[str, str]] = {"zca": "", "whitening": ""}
    two_meanings: ClassVar[Mapping[str, str]] = {"zca_epsilon": "write `epsilon`"}

    epsilon: float = attribute(FloatKind(), "keeps the quotients finite", default=1e-6)


@PREPARATIONS.register
@dataclass(frozen=True, slots=True)
class Normalize(Preparation):
    """(x - mean) / std, with numbers that are given: one for each channel (or feature), or one for all."""

    name: ClassVar[str] = "normalize"
    example: ClassVar[str] = "normalize: {mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]}"
    known_as: ClassVar[Mapping[str, str]] = {"Normalization": "`std` is the root of Keras's `variance`"}
    two_meanings: ClassVar[Mapping[str, str]] = {"variance": "write `std`, its root", "inplace": "leave it out"}

    mean: tuple[float, ...] = attribute(NumbersKind(single=True), "what is subtracted")
    std: tuple[float, ...] = attribute(NumbersKind(single=True, least=0.0), "what is divided by")

    def problems(self) -> Iterator[Problem]:
        """As many numbers on both sides, and none of them divides by 0."""
        if len(self.mean) != len(self.std):
            yield Problem("std", f"there are {len(self.mean)} numbers of `mean` and {len(self.std)} of `std`")
        if 0.0 in self.std:
            yield Problem("std", "it divides, and cannot be 0")


@PREPARATIONS.register
@dataclass(frozen=True, slots=True)
class Resizing(Preparation):
    """The shorter side gets this length, the other one in proportion (rounded down); or both sides get one of two."""

    name: ClassVar[str] = "resize"
    bare: ClassVar[str] = "size"
    example: ClassVar[str] = "resize: 256"
    known_as: ClassVar[Mapping[str, str]] = {"Resizing": "two sizes, as in `resize: [224, 224]`"}
    two_meanings: ClassVar[Mapping[str, str]] = {
        "height": "write `size: [height, width]`",
        "width": "write `size: [height, width]`",
        "crop": "write a `center_crop` after it",
        "smallest_image_size": "write `size`",
    }
    moves: ClassVar[bool] = True
    takes_images: ClassVar[bool] = True
    takes_bytes: ClassVar[bool] = True
    keeps_bytes: ClassVar[bool] = True

    size: tuple[int, ...] = attribute(SizesKind(), "the shorter side, or height and width, in pixels")
    interpolation: str = attribute(INTERPOLATIONS, "how pixels between pixels are found", default="bilinear")
    antialias: bool = attribute(BoolKind(), ANTIALIAS, default=True)

    def resized(self, shape: Shape) -> Shape:
        """The sides, where they are known."""
        return (shape[0], *self.size) if len(self.size) == 2 else (shape[0], *_by_shorter(shape[1:], self.size[0]))


def _by_shorter(sides: Shape, size: int) -> Shape:
    height, width = sides
    if height is None or width is None:
        return None, None
    shorter = min(height, width)
    return int(size * height / shorter), int(size * width / shorter)


@PREPARATIONS.register
@dataclass(frozen=True, slots=True)
class CenterCrop(Preparation):
    """The middle of the image is cut out."""

    name: ClassVar[str] = "center_crop"
    bare: ClassVar[str] = "size"
    example: ClassVar[str] = "center_crop: 224"
    moves: ClassVar[bool] = True
    takes_images: ClassVar[bool] = True
    keeps_bytes: ClassVar[bool] = True

    size: tuple[int, int] = attribute(HeightWidthKind(), "height and width in pixels")

    def resized(self, shape: Shape) -> Shape:
        """The sides of the middle."""
        return (shape[0], *self.size)


SHARE: Final = PositiveKind(most=1.0)
