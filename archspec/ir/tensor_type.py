"""The types of tensors: named axes, their sizes, and what the numbers are. The batch is implied."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final, Literal, Self, TypeAlias

from archspec.records import record

Shape: TypeAlias = tuple[int, ...]
"""Sizes without the batch: (channels, height, width) for images, (tokens, features), (tokens,) of ids, (features,)."""
Axis: TypeAlias = Literal["C", "L", "D", "H", "W", "T", "F", "_"]
"""Channels; length; depth, height, width; tokens, features; an axis whose meaning is not known."""
Axes: TypeAlias = tuple[Axis, ...]
DType: TypeAlias = Literal["float", "int64"]
"""`float` is the precision that a model is built in; `int64` are whole numbers, in any precision."""

FEATURES: Final[Axes] = ("F",)
TOKENS: Final[Axes] = ("T", "F")
IDS: Final[Axes] = ("T",)
SIGNAL: Final[Axes] = ("C", "L")
IMAGE: Final[Axes] = ("C", "H", "W")
VOLUME: Final[Axes] = ("C", "D", "H", "W")
SPATIAL: Final = (SIGNAL, IMAGE, VOLUME)
"""The types that have channels and spatial axes, by how many of the latter."""
AXIS_NAMES: Final[Mapping[Axis, str]] = {
    "C": "channels",
    "L": "length",
    "D": "depth",
    "H": "height",
    "W": "width",
    "T": "tokens",
    "F": "features",
    "_": "axis",
}
_BY_RANK: Final[Mapping[int, Axes]] = {len(axes): axes for axes in (FEATURES, TOKENS, IMAGE, VOLUME)}
_WORDS: Final[Mapping[Axes, str]] = {
    SIGNAL: "a signal (channels, length)",
    IMAGE: "an image (channels, height, width)",
    VOLUME: "a volume (channels, depth, height, width)",
    TOKENS: "tokens (tokens, features)",
    FEATURES: "features",
    IDS: "ids (tokens)",
}
_CHANNELS: Final = ("C", "F")


@record
class TensorType:
    """What a tensor is: `axes` and `sizes` go together, in the order in which PyTorch has them.

    Its numbers are floats, or ids of a `vocabulary`.
    """

    axes: Axes
    sizes: Shape
    vocabulary: int | None = None
    """How many ids there are, where it is ids: they are whole numbers from 0, all less than this."""

    @classmethod
    def of_shape(cls, sizes: Sequence[int]) -> Self:
        """The type that sizes alone mean: one is features, two are tokens, three an image, four a volume."""
        unnamed: Axis = "_"
        return cls(_BY_RANK.get(len(sizes), (unnamed,) * len(sizes)), tuple(sizes))

    @property
    def dtype(self) -> DType:
        """What its numbers are."""
        return "int64" if self.is_ids else "float"

    @property
    def rank(self) -> int:
        """How many axes it has."""
        return len(self.axes)

    @property
    def count(self) -> int:
        """How many numbers it has."""
        return math.prod(self.sizes)

    @property
    def channel_axis(self) -> int | None:
        """Where channels or features are; None where none of the axes is known to be that."""
        return channel_axis(self.axes)

    @property
    def channels(self) -> int:
        """How many channels or features it has; of ids how many there are, of unnamed axes the last one's size."""
        if self.vocabulary is not None:
            return self.vocabulary
        return self.sizes[_channels_or_last(self.axes)]

    @property
    def places(self) -> Shape:
        """The sizes of the axes that are not channels or features: height and width, or the number of tokens."""
        axis = _channels_or_last(self.axes)
        return (*self.sizes[:axis], *self.sizes[axis + 1 :])

    @property
    def place_names(self) -> tuple[str, ...]:
        """What the axes of `places` are called: `height` and `width`."""
        return place_names(self.axes)

    @property
    def places_text(self) -> str:
        """How many spatial axes it has, and what they are called: `one spatial axis (length)`."""
        names = self.place_names
        return f"{'one spatial axis' if len(names) == 1 else f'{len(names)} spatial axes'} ({', '.join(names)})"

    @property
    def is_spatial(self) -> bool:
        """Whether it has channels and places in space: a signal, an image or a volume."""
        return self.axes in SPATIAL

    @property
    def is_ids(self) -> bool:
        """Whether its numbers are ids: they name things, and are not computed with."""
        return self.vocabulary is not None

    @property
    def text(self) -> str:
        """Its sizes as people write them: 64x56x56."""
        return shape_text(self.sizes)

    @property
    def whole_text(self) -> str:
        """The same, and of ids how many there are: `128 of 30522 ids`."""
        return f"{self.text} of {self.vocabulary} ids" if self.is_ids else self.text

    @property
    def described(self) -> str:
        """What it is and its sizes, for messages: `shape 64x56x56`, `ids (128 of 30522)`."""
        return f"ids ({self.text} of {self.vocabulary})" if self.is_ids else f"shape {self.text}"

    def with_sizes(self, sizes: Shape) -> TensorType:
        """The same axes with other sizes."""
        # `dataclasses.replace` takes several times as long.
        return TensorType(self.axes, sizes, self.vocabulary)

    def with_channels(self, count: int) -> TensorType:
        """The same with another number of channels or features, or of ids that there are."""
        if self.vocabulary is not None:
            return TensorType(self.axes, self.sizes, count)
        axis = _channels_or_last(self.axes)
        return self.with_sizes((*self.sizes[:axis], count, *self.sizes[axis + 1 :]))

    def with_places(self, sizes: Sequence[int]) -> TensorType:
        """The same channels or features at other places."""
        axis = _channels_or_last(self.axes)
        return self.with_sizes((*sizes[:axis], self.sizes[axis], *sizes[axis:]))


@record
class Accepted:
    """The tensors that an op takes, by their axes and their dtype."""

    axes: frozenset[Axes]
    unnamed: bool = False
    """It also takes tensors with axes whose meaning is not known."""
    dtype: DType = "float"

    def __contains__(self, type: TensorType) -> bool:
        if (type.vocabulary is None) is not (self.dtype == "float"):
            return False
        return type.axes in self.axes or (self.unnamed and "_" in type.axes)

    @property
    def words(self) -> str:
        """What the op needs, for messages."""
        short = self.axes.issuperset(SPATIAL)
        known = [
            words.partition(" (")[0] if short and axes in SPATIAL else words
            for axes, words in _WORDS.items()
            if axes in self.axes
        ]
        others = [f"a tensor of axes {', '.join(axes)}" for axes in sorted(self.axes - _WORDS.keys())]
        *first, last = (*known, *others) or ("a tensor",)
        return f"{', '.join(first)} or {last}" if first else last


_FLOATS: Final = frozenset(_WORDS) - {IDS}
ANY: Final = Accepted(_FLOATS, unnamed=True)
"""For an op that treats all numbers of a tensor alike, or says itself which axis it means."""
FEATURED: Final = Accepted(_FLOATS)
"""For an op that speaks of channels or features, which these tensors have."""
IMAGES: Final = Accepted(frozenset({IMAGE}))
FEATURE_MAPS: Final = Accepted(frozenset(SPATIAL))
"""For an op that works along any number of spatial axes: on signals, images and volumes."""
SEQUENCES: Final = Accepted(frozenset({TOKENS}))
ID_SEQUENCES: Final = Accepted(frozenset({IDS}), dtype="int64")
"""For an op that looks ids up. No other op takes them: numbers that name things have no sum and no product."""


def features(count: int) -> TensorType:
    """The type of so many features."""
    return TensorType(FEATURES, (count,))


def tokens(count: int, width: int) -> TensorType:
    """The type of so many tokens of `width` features."""
    return TensorType(TOKENS, (count, width))


def ids(count: int, vocabulary: int) -> TensorType:
    """The type of so many tokens given as ids: whole numbers from 0, all less than `vocabulary`."""
    return TensorType(IDS, (count,), vocabulary)


def signal(channels: int, length: int) -> TensorType:
    """The type of a signal of this length."""
    return TensorType(SIGNAL, (channels, length))


def image(channels: int, *size: int) -> TensorType:
    """The type of an image of this height and width."""
    return TensorType(IMAGE, (channels, *size))


def volume(channels: int, *size: int) -> TensorType:
    """The type of a volume of this depth, height and width."""
    return TensorType(VOLUME, (channels, *size))


def spatial_rank(axes: Axes) -> int:
    """How many spatial axes there are beside the channels; 0 where the axes are no channels and places in space."""
    return len(axes) - 1 if axes in SPATIAL else 0


@cache
def place_names(axes: Axes) -> tuple[str, ...]:
    """What the axes are called that are not channels or features."""
    left_out = _channels_or_last(axes)
    return tuple(AXIS_NAMES[axis] for index, axis in enumerate(axes) if index != left_out)


@cache
def channel_axis(axes: Axes) -> int | None:
    """Where channels or features are among these axes; None where none of them is known to be that."""
    return next((index for index, axis in enumerate(axes) if axis in _CHANNELS), None)


@cache
def _channels_or_last(axes: Axes) -> int:
    """Where channels or features are; the last of unnamed axes; behind all axes where none is for features."""
    found = channel_axis(axes)
    return len(axes) - ("_" in axes) if found is None else found


def misfit_help(type: TensorType) -> str:
    """What to do about a tensor that few ops take: ids, or one whose axes are not named."""
    if type.is_ids:
        return "ids name things and are not computed with: put `embedding: {features: ...}` before it"
    if "_" not in type.axes:
        return ""
    return f"what {type.rank} axes mean is not known; `reshape` makes a volume, an image, tokens or features of it"


def shape_text(shape: Sequence[int]) -> str:
    """Sizes as people write them: 64x56x56."""
    return "x".join(str(int(size)) for size in shape)
