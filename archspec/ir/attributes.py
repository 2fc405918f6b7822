"""The kinds of attribute that ops have: how a spec's value becomes the one value the graph holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from archspec.expr import Value, describe
from archspec.ir.initializers import Initializer, InitializerError, read_initializer

Pair: TypeAlias = tuple[int, int]
Sides: TypeAlias = tuple[int, int, int, int]


class AttributeValueError(Exception):
    """A value that an attribute does not take; the message says what it would take, `help` what to write.

    `code` is the diagnostic's.
    """

    def __init__(self, message: str, code: str = "E0411", help: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.help = help


class NotWholeError(AttributeValueError):
    """A float where a whole number must stand. `4.0` is none: generated source would make a size of it."""


@dataclass(frozen=True, slots=True)
class Padding:
    """Padding of a 2-D window: explicit sides, or the rule `same` (TensorFlow's and ONNX's SAME_UPPER).

    `sides` are (top, bottom, left, right) in elements. Under `same` they are None until the input's size is
    known; the pass `resolve_padding` fills them in, and `mode` still says where they came from.
    """

    mode: Literal["explicit", "same"]
    sides: Sides | None

    @property
    def symmetric(self) -> Pair | None:
        """(vertical, horizontal) if opposite sides are equal, else None."""
        if self.sides is None:
            return None
        top, bottom, left, right = self.sides
        return (top, left) if top == bottom and left == right else None


NO_PADDING = Padding("explicit", (0, 0, 0, 0))


@dataclass(frozen=True, slots=True)
class Kind:
    """How one attribute is read. `words` are strings that stand for themselves and are not expressions.

    `no_fraction` says what else to do where a whole number must stand and a fraction is given.
    """

    words: tuple[str, ...] = ()
    expects: str = ""
    no_fraction: str = ""

    def read(self, value: Value) -> Any:
        """The attribute's value in the graph, from an evaluated expression or a word."""
        raise NotImplementedError

    def read_mapping(self, value: Mapping[str, object]) -> Any:
        """The same, for the kinds that may be given as a mapping."""
        raise AttributeValueError(f"{self.expects} is expected, this is a mapping")

    def _refuse(self, value: Value) -> AttributeValueError:
        return AttributeValueError(f"{self.expects} is expected, this is {describe(value)}")


@dataclass(frozen=True, slots=True)
class IntKind(Kind):
    """A whole number, `least` or more."""

    least: int = 0
    expects: str = "a whole number"

    def read(self, value: Value) -> int:
        return _whole(self, value, self.least)


@dataclass(frozen=True, slots=True)
class IndexKind(IntKind):
    """A whole number that counts from the end where it is negative."""

    least: int = -(2**31 - 1)


@dataclass(frozen=True, slots=True)
class FloatKind(Kind):
    """A number between `least` and `most`, both included, and less than `below`."""

    least: float = 0.0
    most: float = float("inf")
    below: float = float("inf")
    expects: str = "a number"

    def read(self, value: Value) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._refuse(value)
        if not self.least <= value <= self.most or value >= self.below:
            raise AttributeValueError(f"it must be {self._range}, this is {value}")
        return float(value)

    @property
    def _range(self) -> str:
        if self.below != float("inf"):
            return f"from {self.least:g} to less than {self.below:g}"
        return f"{self.least:g} or more" if self.most == float("inf") else f"from {self.least:g} to {self.most:g}"


@dataclass(frozen=True, slots=True)
class BoolKind(Kind):
    """true or false."""

    expects: str = "true or false"

    def read(self, value: Value) -> bool:
        if not isinstance(value, bool):
            raise self._refuse(value)
        return value


@dataclass(frozen=True, slots=True)
class WordKind(Kind):
    """One of a few words."""

    expects: str = "one of the known words"

    def read(self, value: Value) -> str:
        if value not in self.words:
            raise AttributeValueError(f"one of {', '.join(self.words)} is expected, this is {describe(value)}")
        return str(value)


@dataclass(frozen=True, slots=True)
class PairKind(Kind):
    """A whole number for both axes, or a pair (vertical, horizontal)."""

    least: int = 1
    expects: str = "a whole number or a pair of them"

    def read(self, value: Value) -> Pair:
        if isinstance(value, tuple):
            if len(value) != 2:
                raise self._refuse(value)
            return _whole(self, value[0], self.least), _whole(self, value[1], self.least)
        both = _whole(self, value, self.least)
        return both, both


@dataclass(frozen=True, slots=True)
class ShapeKind(Kind):
    """The sizes of a tensor without the batch; one of them may be -1, which stands for what is left."""

    expects: str = "a list of one to three whole numbers"

    def read(self, value: Value) -> tuple[int, ...]:
        if not isinstance(value, tuple) or not 1 <= len(value) <= 3:
            raise self._refuse(value)
        sizes = tuple(_whole(self, size, -1) for size in value)
        if 0 in sizes:
            raise AttributeValueError("a size must be 1 or more, or -1, this is 0")
        if sizes.count(-1) > 1:
            raise AttributeValueError("one size may be -1, here it is more than one")
        return sizes


@dataclass(frozen=True, slots=True)
class PaddingKind(Kind):
    """A whole number, a pair (vertical, horizontal), four sides (top, bottom, left, right), `valid` or `same`."""

    words: tuple[str, ...] = ("valid", "same")
    expects: str = "a whole number, a pair, four sides (top, bottom, left, right), `valid` or `same`"

    def read(self, value: Value) -> Padding:
        if isinstance(value, str) and value in self.words:
            return Padding("same", None) if value == "same" else NO_PADDING
        numbers = value if isinstance(value, tuple) else (value, value)
        if len(numbers) not in (2, 4):
            raise self._refuse(value)
        sides = [_whole(self, number, 0) for number in numbers]
        if len(sides) == 2:
            return Padding("explicit", (sides[0], sides[0], sides[1], sides[1]))
        return Padding("explicit", (sides[0], sides[1], sides[2], sides[3]))


@dataclass(frozen=True, slots=True)
class SidesKind(PaddingKind):
    """Four sides, with numbers alone."""

    words: tuple[str, ...] = ()
    expects: str = "a whole number, a pair (vertical, horizontal) or four sides (top, bottom, left, right)"


@dataclass(frozen=True, slots=True)
class InitKind(Kind):
    """An initializer: a name, or a name with its option. Without `by_fan`, none that is scaled by fan_in or fan_out.

    A bias takes those alone that say what they mean for one; its fans are those of the weight beside it.
    """

    expects: str = "an initializer"
    by_fan: bool = True
    of_bias: bool = False

    def read(self, value: Value) -> Initializer:
        if not isinstance(value, str):
            raise self._refuse(value)
        return self.read_mapping({value: None})

    def read_mapping(self, value: Mapping[str, object]) -> Initializer:
        try:
            found = read_initializer(value)
        except InitializerError as error:
            raise AttributeValueError(str(error), help=error.help) from None
        if self.of_bias and not found.fits_bias:
            help = "write `zeros`, `fan_in_uniform` (PyTorch's default), or `normal` or `uniform` with a number"
            raise AttributeValueError(
                f"`{found.name}` is for a weight that joins inputs and outputs, not a bias", help=help
            )
        if found.by_fan and not self.by_fan:
            raise AttributeValueError(f"`{found.name}` goes by the inputs of one output, and this weight has no inputs")
        return found


def _whole(kind: Kind, value: Value, least: int) -> int:
    if isinstance(value, float):
        raise NotWholeError(f"{kind.expects} is expected, this is {describe(value)}", help=kind.no_fraction)
    if isinstance(value, bool) or not isinstance(value, int):
        raise AttributeValueError(f"{kind.expects} is expected, this is {describe(value)}")
    if value < least:
        raise AttributeValueError(f"it must be {least} or more, this is {value}")
    return value


def attribute(kind: Kind, doc: str, *, default: Any = dataclasses.MISSING, spatial: bool = False) -> Any:
    """A dataclass field that is an attribute of an op.

    Args:
        kind: how it is read from a spec.
        doc: what it means, with units; the documentation's table of ops shows it.
        default: its value when a spec does not give it; without one it is required.
        spatial: it changes the tensor's height and width, not its channels.
    """
    return dataclasses.field(default=default, metadata={"kind": kind, "doc": doc, "spatial": spatial})
