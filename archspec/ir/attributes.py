"""The kinds of attribute that ops have: how a spec's value becomes the one value the graph holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Literal, TypeAlias

from archspec.expr import Value, describe
from archspec.ir.initializers import Initializer, InitializerError, parse_initializer
from archspec.records import record

PerAxis: TypeAlias = tuple[int, ...]
"""One number for each spatial axis of the input: (vertical, horizontal) for images."""
Factors: TypeAlias = tuple[int | float, ...]
"""The same of numbers that need not be whole."""
Sides: TypeAlias = tuple[tuple[int, int], ...]
"""How much there is before and after, for each spatial axis: ((top, bottom), (left, right)) for images."""


MOST_SIZES: Final = 4
"""How many sizes a tensor has at most whose axes have a meaning, the batch left out."""
MOST_PARTS: Final = 8
"""Into how many parts all axes of a tensor may be taken apart."""


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


class LengthError(Exception):
    """A list of `count` numbers where the input has another number of spatial axes."""

    def __init__(self, count: int) -> None:
        super().__init__(f"a list of {count}")
        self.count = count


@record
class Padding:
    """Padding of a window: explicit sides, or a rule: `same` (TensorFlow's and ONNX's SAME_UPPER), `same_lower`.

    `sides` are in elements, a pair (before, after) for each spatial axis. By a rule they are None until the input's
    size is known; the pass `resolve_padding` fills them in, and `mode` still says where they came from.
    """

    mode: Literal["explicit", "same", "same_lower"]
    sides: Sides | None

    @property
    def is_same(self) -> bool:
        """It goes by a rule, so that its sides depend on the input's size."""
        return self.mode != "explicit"

    @property
    def lower(self) -> bool:
        """An odd element of padding goes before the input, not after it."""
        return self.mode == "same_lower"

    @property
    def symmetric(self) -> PerAxis | None:
        """One number for each axis if opposite sides are equal, else None."""
        if self.sides is None or any(before != after for before, after in self.sides):
            return None
        return tuple(before for before, _ in self.sides)

    @property
    def is_nothing(self) -> bool:
        """No side has an element; false where the sides are not known."""
        return self.sides is not None and not any(side for pair in self.sides for side in pair)

    def plus(self, other: Padding) -> Padding:
        """This one with the elements of another on each side as well; the sides of both are known."""
        assert self.sides is not None and other.sides is not None
        pairs = zip(self.sides, other.sides, strict=True)
        return replace(self, sides=tuple((a + c, b + d) for (a, b), (c, d) in pairs))


SAME: Final = Padding("same", None)
SAME_LOWER: Final = Padding("same_lower", None)


@record
class Kind:
    """How one attribute is read. `words` are strings that stand for themselves and are not expressions."""

    words: tuple[str, ...] = ()
    expects: str = ""
    is_text: bool = False
    """Text is no expression here, whatever it says."""

    def read(self, value: Value) -> Any:
        """The attribute's value in the graph, from an evaluated expression or a word."""
        raise NotImplementedError

    def read_mapping(self, value: Mapping[str, object]) -> Any:
        """The same, for the kinds that may be given as a mapping."""
        raise AttributeValueError(f"{self.expects} is expected, this is a mapping")

    def spread(self, value: Any, axes: int) -> Any:
        """The attribute of an op whose input has so many spatial axes; what goes by axis has a number for each then.

        Raises:
            LengthError: it has another number of them.
        """
        return value

    def means(self, given: Any, value: Any) -> bool:
        """Whether what was read from a spec is this value of an op whose input is known."""
        return bool(given == value)

    def _refuse(self, value: Value) -> AttributeValueError:
        return AttributeValueError(f"{self.expects} is expected, this is {describe(value)}")


@record
class IntKind(Kind):
    """A whole number, `least` or more."""

    least: int = 0
    expects: str = "a whole number"

    def read(self, value: Value) -> int:
        return _whole(self, value, self.least)


@record
class IndexKind(IntKind):
    """A whole number that counts from the end where it is negative."""

    least: int = -(2**31 - 1)


@record
class FloatKind(Kind):
    """A number between `least` and `most`, both included, and less than `below`."""

    least: float = 0.0
    most: float = float("inf")
    below: float = float("inf")
    expects: str = "a number"

    def read(self, value: Value) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._refuse(value)
        if not self.takes(value):
            raise AttributeValueError(f"it must be {self.range}, this is {value}")
        return float(value)

    def takes(self, value: float) -> bool:
        """Whether a number is in the range."""
        return self.least <= value <= self.most and value < self.below

    @property
    def range(self) -> str:
        """The range in words, as they follow `it must be`."""
        if self.below != float("inf"):
            return f"from {self.least:g} to less than {self.below:g}"
        return f"{self.least:g} or more" if self.most == float("inf") else f"from {self.least:g} to {self.most:g}"


@record
class BoolKind(Kind):
    """true or false."""

    expects: str = "true or false"

    def read(self, value: Value) -> bool:
        if not isinstance(value, bool):
            raise self._refuse(value)
        return value


@record
class WordKind(Kind):
    """One of a few words. `meanings` are what each means, in their order, where an attribute's own words cannot say."""

    meanings: tuple[str, ...] = ()
    expects: str = "one of the known words"

    def read(self, value: Value) -> str:
        if value not in self.words:
            raise AttributeValueError(f"one of {', '.join(self.words)} is expected, this is {describe(value)}")
        return str(value)


@record
class PerAxisKind(Kind):
    """A whole number for all spatial axes, or a list with one for each: (vertical, horizontal) for images.

    How many axes there are is known with the op's input; `spread` gives each its number then.
    """

    least: int = 1
    expects: str = "a whole number or a list with one for each spatial axis"

    def read(self, value: Value) -> int | PerAxis:
        if isinstance(value, tuple):
            if not value:
                raise self._refuse(value)
            return tuple(_whole(self, number, self.least) for number in value)
        return _whole(self, value, self.least)

    def spread(self, value: Any, axes: int) -> Any:
        if isinstance(value, int):
            return (value,) * axes
        if value is not None and len(value) != axes:
            raise LengthError(len(value))
        return value

    def means(self, given: Any, value: Any) -> bool:
        return bool(given == value or (isinstance(value, tuple) and value == (given,) * len(value)))


@record
class FactorsKind(PerAxisKind):
    """The same with numbers above 0 that need not be whole; `2.0` is the whole number 2."""

    expects: str = "a number or a list with one for each spatial axis"

    def read(self, value: Value) -> Any:
        numbers = value if isinstance(value, tuple) else (value,)
        if not numbers:
            raise self._refuse(value)
        found = tuple(map(self._factor, numbers))
        return found if isinstance(value, tuple) else found[0]

    def _factor(self, number: Any) -> int | float:
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise AttributeValueError(f"{self.expects} is expected, this is {describe(number)}")
        if not 0 < number < float("inf"):
            raise AttributeValueError(f"it must be more than 0, this is {number}")
        return int(number) if number == int(number) else number

    def spread(self, value: Any, axes: int) -> Any:
        return (value,) * axes if isinstance(value, float) else PerAxisKind.spread(self, value, axes)


@record
class ShapeKind(Kind):
    """The sizes of a tensor without the batch; one of them may be -1, which stands for what is left."""

    expects: str = "a list of one to four whole numbers"

    def read(self, value: Value) -> tuple[int, ...]:
        if not isinstance(value, tuple) or not 1 <= len(value) <= MOST_SIZES:
            raise self._refuse(value)
        sizes = tuple(_whole(self, size, -1) for size in value)
        if 0 in sizes:
            raise AttributeValueError("a size must be 1 or more, or -1, this is 0")
        if sizes.count(-1) > 1:
            raise AttributeValueError("one size may be -1, here it is more than one")
        return sizes


@record
class PartSizesKind(Kind):
    """Sizes of parts of axes; any of them may be -1, which stands for what is left."""

    expects: str = "a list of one to eight whole numbers"

    def read(self, value: Value) -> tuple[int, ...]:
        if not isinstance(value, tuple) or not 1 <= len(value) <= MOST_PARTS:
            raise self._refuse(value)
        sizes = tuple(_whole(self, size, -1) for size in value)
        if 0 in sizes:
            raise AttributeValueError("a size must be 1 or more, or -1, this is 0")
        return sizes


@record
class PaddingKind(Kind):
    """A whole number, a list with one for each spatial axis or with both sides of each, `valid`, or a rule.

    The sides of an image are [top, bottom, left, right]. Numbers are kept as they are given until `spread`.
    """

    words: tuple[str, ...] = ("valid", "same", "same_lower")
    expects: str = (
        "a whole number, a list with one for each spatial axis, or with two (before and after) for each, "
        "`valid`, `same` or `same_lower`"
    )

    def read(self, value: Value) -> Padding | int | PerAxis:
        if isinstance(value, str) and value in self.words:
            return 0 if value == "valid" else SAME if value == "same" else SAME_LOWER
        if isinstance(value, tuple):
            if not value:
                raise self._refuse(value)
            return tuple(_whole(self, number, 0) for number in value)
        return _whole(self, value, 0)

    def spread(self, value: Any, axes: int) -> Any:
        if isinstance(value, Padding):
            if value.sides is not None and len(value.sides) != axes:
                raise LengthError(len(value.sides))
            return value
        if isinstance(value, int):
            return Padding("explicit", ((value, value),) * axes)
        if len(value) == axes:
            return Padding("explicit", tuple((number, number) for number in value))
        if len(value) == 2 * axes:
            return Padding("explicit", tuple(zip(value[::2], value[1::2], strict=True)))
        raise LengthError(len(value))

    def means(self, given: Any, value: Any) -> bool:
        if not isinstance(value, Padding) or value.sides is None or value.is_same:
            return bool(given == value)
        try:
            return bool(self.spread(given, len(value.sides)) == value)
        except LengthError:
            return False


@record
class SidesKind(PaddingKind):
    """The same with numbers alone."""

    words: tuple[str, ...] = ()
    expects: str = "a whole number, a list with one for each spatial axis, or with two (before and after) for each"


@record
class InitKind(Kind):
    """An initializer: a name, or a name with its option. Without `by_fan`, none that is scaled by fan_in or fan_out.

    A bias takes those alone that say what they mean for one; its fans are those of the weight beside it.
    """

    expects: str = "an initializer"
    is_text: bool = True
    by_fan: bool = True
    of_bias: bool = False

    def read(self, value: Value) -> Initializer:
        if not isinstance(value, str):
            raise self._refuse(value)
        return self.read_mapping({value: None})

    def read_mapping(self, value: Mapping[str, object]) -> Initializer:
        try:
            found = parse_initializer(value)
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
        raise NotWholeError(f"{kind.expects} is expected, this is {describe(value)}")
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
        spatial: it changes the tensor's spatial sizes, not its channels.
    """
    return dataclasses.field(default=default, metadata={"kind": kind, "doc": doc, "spatial": spatial})
