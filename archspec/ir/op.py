"""What an op is: a frozen dataclass of attributes that knows shapes, weights and cost. ONNX says what it computes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self, TypeAlias

from archspec.ir.attributes import Kind
from archspec.ir.initializers import Distribution, Fans, Initializer, fans_of
from archspec.ir.reach import Reach

Shape: TypeAlias = tuple[int, ...]
"""A tensor's shape without the batch: (channels, height, width) for images, (tokens, features) for sequences,
(features,) after flatten."""


@dataclass(frozen=True, slots=True)
class Ranks:
    """The numbers of axes, without the batch, that an op's inputs may have.

    One axis is features, two are tokens, three an image; what the axes of a tensor of four or more mean is not known,
    so that an op that speaks of channels, features or places cannot take it.
    """

    known: frozenset[int]
    """Those of features, tokens and images that it takes."""
    more: bool = False
    """It also takes tensors of four axes and more."""

    def __contains__(self, rank: int) -> bool:
        return rank in self.known or (self.more and rank > max(_AXES))

    @property
    def words(self) -> str:
        """What the op needs, for messages."""
        *first, last = (_AXES[rank] for rank in sorted(self.known, reverse=True))
        return f"{', '.join(first)} or {last}" if first else last


_AXES: Final[Mapping[int, str]] = {
    1: "features",
    2: "tokens (tokens, features)",
    3: "an image (channels, height, width)",
}

ANY: Final = Ranks(frozenset(_AXES), more=True)
"""An op that treats all numbers of a tensor alike, or says itself which axis it means."""
FEATURED: Final = Ranks(frozenset(_AXES))
"""An op that speaks of channels or features, which these tensors have."""
IMAGES: Final = Ranks(frozenset({3}))
TOKENS: Final = Ranks(frozenset({2}))


class ShapeError(Exception):
    """An op does not accept the shapes it is given. `code` is the diagnostic's.

    The message goes on from the layer's path: "needs an image".
    """

    def __init__(self, message: str, code: str = "E0501", help: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.help = help


@dataclass(frozen=True, slots=True)
class Weight:
    """One tensor that a layer owns, in PyTorch's layout (conv OIHW, dense (out, in))."""

    name: str
    shape: Shape
    initializer: Initializer
    trainable: bool = True
    fan_shape: Shape | None = None
    """The shape that its fans are counted on, where that is not its own: a bias has those of the weight beside it."""
    decay: float = 0.0
    """Weight decay: `decay` times the weight is added to its gradient, `decay / 2` times its squares to the loss."""

    @property
    def fans(self) -> Fans | None:
        """What it joins; None for a vector that is no bias."""
        return fans_of(self.fan_shape or self.shape)

    @property
    def distribution(self) -> Distribution:
        """What its numbers are drawn from."""
        return self.initializer.drawn_from(self.fans)

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class AttributeInfo:
    """One attribute of an op class, as the language sees it."""

    name: str
    kind: Kind
    doc: str
    default: Any
    required: bool
    spatial: bool


@dataclass(frozen=True, slots=True)
class Op:
    """Base of all ops. Subclasses are frozen dataclasses whose fields are made with `attribute`."""

    name: ClassVar[str]
    least_inputs: ClassVar[int] = 1
    most_inputs: ClassVar[int | None] = 1
    weighted: ClassVar[bool] = False
    """Counts as a layer when the depth of a network is stated."""
    view: ClassVar[bool] = False
    """Gives numbers of its input, all or some, in whatever shape: nothing is computed, and nothing new is stored."""
    sized: ClassVar[bool] = False
    """Its weights depend on more than the channels that arrive, so generated code fixes the whole input shape."""
    ranks: ClassVar[Ranks]
    """How many axes its inputs may have; see `taken_ranks`, too."""
    rank_help: ClassVar[Mapping[int, str]] = {}
    """What to do about an input with a number of axes that it does not take, by that number."""
    two_meanings: ClassVar[Mapping[str, str]] = {}
    """Words that other libraries use for this op's attributes, each with what to write instead."""

    @classmethod
    def attributes(cls) -> Mapping[str, AttributeInfo]:
        """The op's attributes by name, in order."""
        return _attributes(cls)

    def taken_ranks(self) -> Ranks:
        """How many axes its inputs may have, with these attributes."""
        return self.ranks

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The output's shape, for inputs of any number of axes.

        Raises:
            ShapeError: the inputs do not fit the op.
        """
        ranks = self.taken_ranks()
        for index, shape in enumerate(inputs, start=1):
            if len(shape) not in ranks:
                which = "its input" if len(inputs) == 1 else f"branch {index}"
                message = f"needs {ranks.words}; {which} has shape {shape_text(shape)}"
                raise ShapeError(message, help=self.rank_help.get(len(shape), "") or _rank_help(shape))
        return self.infer_shape(inputs)

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The output's shape, for inputs whose numbers of axes the op takes.

        Raises:
            ShapeError: the inputs do not fit the op.
        """
        raise NotImplementedError

    def weights(self, inputs: Sequence[Shape]) -> tuple[Weight, ...]:
        """The tensors the layer owns, for inputs of these shapes."""
        return ()

    def resolved(self, inputs: Sequence[Shape]) -> Self:
        """The op with everything explicit that follows from the size of its input, such as the sides of `same`."""
        return self

    def reach(self, inputs: Sequence[Shape]) -> tuple[Reach, ...]:
        """Which places of each input a place of the output is computed from, in inference."""
        raise NotImplementedError

    def macs(self, inputs: Sequence[Shape], output: Shape) -> int:
        """Multiply-adds for one example; zero for everything but products with learned matrices and attention."""
        return 0

    def activations(self, inputs: Sequence[Shape], output: Shape) -> int:
        """Numbers that the layer computes for one example: its output's, unless they are its input's own."""
        return 0 if self.view else math.prod(output)

    def given(self) -> Iterator[tuple[str, Any]]:
        """The attributes that differ from their defaults."""
        for info in self.attributes().values():
            value = getattr(self, info.name)
            if info.required or value != info.default:
                yield info.name, value


_CACHE: dict[type[Op], dict[str, AttributeInfo]] = {}


def _attributes(cls: type[Op]) -> dict[str, AttributeInfo]:
    found = _CACHE.get(cls)
    if found is None:
        found = _CACHE[cls] = {
            field.name: AttributeInfo(
                field.name,
                field.metadata["kind"],
                field.metadata["doc"],
                None if field.default is dataclasses.MISSING else field.default,
                field.default is dataclasses.MISSING,
                field.metadata["spatial"],
            )
            for field in dataclasses.fields(cls)
        }
    return found


def _rank_help(shape: Shape) -> str:
    if len(shape) <= max(_AXES):
        return ""
    return f"what {len(shape)} axes mean is not known; `reshape` makes an image, tokens or features of the tensor"


def channel_axis(shape: Shape) -> int:
    """The axis that holds channels or features: the first of an image, the last of anything else."""
    return 0 if len(shape) == 3 else len(shape) - 1


def channels(shape: Shape) -> int:
    """How many channels or features a tensor of this shape has."""
    return shape[channel_axis(shape)]


def without_channels(shape: Shape) -> Shape:
    """Height and width, or the number of tokens."""
    axis = channel_axis(shape)
    return (*shape[:axis], *shape[axis + 1 :])


def shape_text(shape: Shape) -> str:
    """A shape as people write it: 64x56x56."""
    return "x".join(str(int(size)) for size in shape)
