"""Augmentations that move places: flips, affine maps, crops, sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from archspec.ir.attributes import BoolKind, FloatKind, IntKind, WordKind, attribute
from archspec.recipe.augmentations.base import AUGMENTATIONS, PROBABILITY, Augmentation
from archspec.recipe.images import ANTIALIAS, INTERPOLATIONS, SHARE, Shape
from archspec.recipe.kinds import BoundedIntKind, HeightWidthKind, Range, RangeKind, ShiftKind


@AUGMENTATIONS.register
@dataclass(frozen=True, slots=True)
class Flip(Augmentation):
    """The image is mirrored, or is not."""

    name: ClassVar[str] = "flip"
    moves: ClassVar[bool] = True
    keeps_bytes: ClassVar[bool] = True
    bare: ClassVar[str] = "direction"
    example: ClassVar[str] = "flip: horizontal"
    known_as: ClassVar[Mapping[str, str]] = {
        "RandomHorizontalFlip": "`flip: horizontal`",
        "horizontal_flip": "`flip: horizontal`",
        "hflip": "`flip: horizontal`",
        "RandomVerticalFlip": "`flip: vertical`",
        "vertical_flip": "`flip: vertical`",
        "vflip": "`flip: vertical`",
        "RandomFlip": "one item for each direction",
    }
    two_meanings: ClassVar[Mapping[str, str]] = {**PROBABILITY, "mode": "write `direction`"}

    direction: str = attribute(
        WordKind(words=("horizontal", "vertical")), "`horizontal`: left and right change sides; `vertical`: up and down"
    )
    probability: float = attribute(SHARE, "how often", default=0.5)


@AUGMENTATIONS.register
@dataclass(frozen=True, slots=True)
class RandomAffine(Augmentation):
    """Rotation, shifts, shear and zoom about the middle, put together in this order, and one interpolation for all.

    Each is drawn evenly and by itself; they mean what they mean for Keras's ImageDataGenerator.
    """

    name: ClassVar[str] = "affine"
    moves: ClassVar[bool] = True
    example: ClassVar[str] = "affine: {height_shift: 0.1, width_shift: 0.1, fill: nearest}"
    known_as: ClassVar[Mapping[str, str]] = {
        "RandomRotation": "`affine: {rotation: 15}`, in degrees; Keras's layer takes a share of the circle",
        "rotation": "`affine: {rotation: 15}`",
        "rotation_range": "`affine: {rotation: 15}`",
        "rotate": "`affine: {rotation: 15}`",
        "shift": "`affine: {height_shift: 0.1, width_shift: 0.1}`",
        "width_shift_range": "`affine: {width_shift: 0.1}`",
        "height_shift_range": "`affine: {height_shift: 0.1}`",
        "RandomTranslation": "`affine: {height_shift: 0.1, width_shift: 0.1}`",
        "translate": "`affine: {height_shift: 0.1, width_shift: 0.1}`",
        "shear": "`affine: {shear: 10}`, in degrees",
        "shear_range": "`affine: {shear: 10}`",
        "RandomShear": "`affine: {shear: 10}`, in degrees",
        "zoom": "`affine: {zoom: 0.2}`",
        "zoom_range": "`affine: {zoom: 0.2}`",
        "RandomZoom": "`affine: {zoom: 0.2}`: around 1, where Keras's layer has shares around 0",
        "RandomAffine": "torchvision's zoom is one number for both sides, here each side has its own",
    }
    two_meanings: ClassVar[Mapping[str, str]] = {
        "fill_mode": "write `fill`",
        "cval": "write `value`",
        "interpolation": "write `order`: 0 is nearest, 1 is bilinear, 3 is cubic",
        "interpolation_order": "write `order`",
        "degrees": "write `rotation`",
        "rotation_range": "write `rotation`",
        "height": "write `height_shift`",
        "width": "write `width_shift`",
        "width_shift_range": "write `width_shift`",
        "height_shift_range": "write `height_shift`",
        "translate": "write `height_shift` and `width_shift`",
        "shear_range": "write `shear`",
        "zoom_range": "write `zoom`",
        "scale": "write `zoom`",
    }

    rotation: float = attribute(FloatKind(), "the angle in degrees, from its negative to itself", default=0.0)
    height_shift: float | int | tuple[float, ...] = attribute(
        ShiftKind(),
        "how far up or down: a number with a point, from its negative to itself; a whole number n, one of -n + 1 to "
        "n - 1; or a list, one of it with either sign. Where all of it is below 1 it is a share of the height, else in "
        "pixels",
        default=0.0,
    )
    width_shift: float | int | tuple[float, ...] = attribute(ShiftKind(), "the same to the sides", default=0.0)
    shear: float = attribute(FloatKind(), "the angle in degrees, from its negative to itself", default=0.0)
    zoom: Range = attribute(
        RangeKind(middle=1.0, least=0.0),
        "what height and width are stretched by, each by a number of its own; 0.2 is from 0.8 to 1.2",
        default=(1.0, 1.0),
    )
    fill: str = attribute(
        WordKind(words=("nearest", "constant", "reflect", "wrap")),
        "what is beyond the image: `nearest` aaaa|abcd|dddd, `constant` kkkk|abcd|kkkk, `reflect` dcba|abcd|dcba, "
        "`wrap` abcd|abcd|abcd",
        default="nearest",
    )
    value: float = attribute(
        FloatKind(least=float("-inf")), "the k of `constant`, in the image's own numbers", default=0.0
    )
    order: int = attribute(
        BoundedIntKind(most=5), "of the spline between pixels: 0 takes the nearest, 1 is linear, 3 is cubic", default=1
    )
    middle: str = attribute(
        WordKind(words=("image", "keras")),
        "the point that does not move: the image's middle, or the one that Keras takes of an image that is not square",
        default="image",
    )


@AUGMENTATIONS.register
@dataclass(frozen=True, slots=True)
class PadCrop(Augmentation):
    """The image gets a border, and a part of it is cut out at a place that is drawn."""

    name: ClassVar[str] = "pad_crop"
    moves: ClassVar[bool] = True
    keeps_bytes: ClassVar[bool] = True
    bare: ClassVar[str] = "padding"
    example: ClassVar[str] = "pad_crop: {padding: 4}"
    known_as: ClassVar[Mapping[str, str]] = {"RandomCrop": "", "random_crop": "", "crop": ""}
    two_meanings: ClassVar[Mapping[str, str]] = {
        "pad": "write `padding`",
        "padding_mode": "write `mode`",
        "fill": "write `value`",
        "pad_if_needed": "leave it out, and give `padding`",
    }

    padding: int = attribute(IntKind(), "how many pixels are put on each side", default=0)
    size: tuple[int, int] | None = attribute(
        HeightWidthKind(), "height and width of the part; those of the image unless given", default=None
    )
    mode: str = attribute(
        WordKind(words=("constant", "edge", "reflect", "symmetric")),
        "what the border is: `constant` kk|abcd|kk, `edge` aa|abcd|dd, `reflect` cb|abcd|cb, `symmetric` ba|abcd|dc",
        default="constant",
    )
    value: float = attribute(
        FloatKind(least=float("-inf")), "the k of `constant`, in the image's own numbers", default=0.0
    )

    def resized(self, shape: Shape) -> Shape:
        """The sides of the part."""
        return shape if self.size is None else (shape[0], *self.size)


@AUGMENTATIONS.register
@dataclass(frozen=True, slots=True)
class RandomResize(Augmentation):
    """The shorter side gets a length that is drawn, the other one in proportion."""

    name: ClassVar[str] = "random_resize"
    moves: ClassVar[bool] = True
    takes_bytes: ClassVar[bool] = True
    keeps_bytes: ClassVar[bool] = True
    bare: ClassVar[str] = "shorter"
    example: ClassVar[str] = "random_resize: [256, 480]"
    known_as: ClassVar[Mapping[str, str]] = {"RandomShortestSize": "", "scale_augmentation": "", "ScaleJitter": ""}

    shorter: Range = attribute(
        RangeKind(middle=None, least=1.0, expects="a pair (least, most)"),
        "the length in pixels, one of these whole numbers",
    )
    interpolation: str = attribute(INTERPOLATIONS, "how pixels between pixels are found", default="bilinear")
    antialias: bool = attribute(BoolKind(), ANTIALIAS, default=True)

    def resized(self, shape: Shape) -> Shape:
        """The sides differ."""
        return shape[0], None, None


@AUGMENTATIONS.register
@dataclass(frozen=True, slots=True)
class RandomResizedCrop(Augmentation):
    """A part of the image, of a size and a shape that are drawn, is resized (Szegedy et al. 2015).

    Ten times an area is drawn evenly and a ratio evenly in its logarithm; the first that fits is taken, and otherwise
    the middle, as in torchvision.
    """

    name: ClassVar[str] = "random_resized_crop"
    moves: ClassVar[bool] = True
    takes_bytes: ClassVar[bool] = True
    keeps_bytes: ClassVar[bool] = True
    bare: ClassVar[str] = "size"
    example: ClassVar[str] = "random_resized_crop: 224"
    two_meanings: ClassVar[Mapping[str, str]] = {"area": "write `scale`", "aspect_ratio": "write `ratio`"}

    size: tuple[int, int] = attribute(HeightWidthKind(), "height and width of the result")
    scale: Range = attribute(
        RangeKind(middle=None, least=0.0, most=1.0, expects="a pair (least, most)"),
        "the part's area over the image's",
        default=(0.08, 1.0),
    )
    ratio: Range = attribute(
        RangeKind(middle=None, least=0.0, expects="a pair (least, most)"),
        "the part's width over its height",
        default=(3 / 4, 4 / 3),
    )
    interpolation: str = attribute(INTERPOLATIONS, "how pixels between pixels are found", default="bilinear")
    antialias: bool = attribute(BoolKind(), ANTIALIAS, default=True)

    def resized(self, shape: Shape) -> Shape:
        """The sides of the result."""
        return (shape[0], *self.size)
