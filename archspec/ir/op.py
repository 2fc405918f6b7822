"""What an op is: a frozen dataclass of attributes that knows shapes, weights and cost. ONNX says what it computes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeAlias

from archspec.ir.attributes import Kind
from archspec.ir.initializers import Distribution, Fans, Initializer, fans_of
from archspec.ir.reach import Reach

Shape: TypeAlias = tuple[int, ...]
"""A tensor's shape without the batch: (channels, height, width) for images, (tokens, features) for sequences,
(features,) after flatten."""


class ShapeError(Exception):
    """An op does not accept the shapes it is given. `code` is the diagnostic's."""

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
    two_meanings: ClassVar[Mapping[str, str]] = {}
    """Words that other libraries use for this op's attributes, each with what to write instead."""

    @classmethod
    def attributes(cls) -> Mapping[str, AttributeInfo]:
        """The op's attributes by name, in order."""
        return _attributes(cls)

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The output's shape.

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


def image(op: str, shape: Shape) -> tuple[int, int, int]:
    """The shape as (channels, height, width), or a ShapeError that names the op."""
    if len(shape) != 3:
        raise ShapeError(
            f"{op} needs an image (channels, height, width); its input has shape {shape_text(shape)}",
        )
    return shape[0], shape[1], shape[2]


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
