"""The kinds of attribute that recipes have beside those of ops: lists of numbers, ranges, names."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

from archspec.expr import Value, describe
from archspec.ir.attributes import AttributeValueError, FloatKind, IntKind, Kind

Range: TypeAlias = tuple[float, float]
Number: TypeAlias = int | float
Numbers: TypeAlias = tuple[float, ...]
MOST_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True)
class PositiveKind(FloatKind):
    """A number greater than 0, and `most` at most."""

    expects: str = "a number greater than 0"

    def takes(self, value: float) -> bool:
        """Whether a number is in the range."""
        return value > 0.0 and FloatKind.takes(self, value)

    @property
    def range(self) -> str:
        """The range in words, as they follow `it must be`."""
        if self.below != math.inf:
            return f"greater than 0 and less than {self.below:g}"
        return "greater than 0" if self.most == math.inf else f"greater than 0, and {self.most:g} or less"


@dataclass(frozen=True, slots=True)
class NumbersKind(Kind):
    """A list of numbers, each `least` or more; `whole` ones rise from each to the next."""

    least: float = -math.inf
    whole: bool = False
    single: bool = False
    """A number alone is a list of one."""
    expects: str = "a list of numbers"

    def read(self, value: Value) -> tuple[Number, ...] | str:
        """The numbers of a list, or a word."""
        if isinstance(value, str) and value in self.words:
            return value
        if self.single and not isinstance(value, tuple):
            value = (value,)
        if not isinstance(value, tuple) or not value:
            raise self._refuse(value)
        found = tuple(self._number(item) for item in value)
        if self.whole and any(after <= before for before, after in pairwise(found)):
            raise AttributeValueError("each number must be greater than the one before it")
        return found

    def _number(self, item: Value) -> Number:
        if isinstance(item, bool) or not isinstance(item, int | float):
            raise AttributeValueError(f"{self.expects} is expected, one of it is {describe(item)}")
        if self.whole and not isinstance(item, int):
            raise AttributeValueError(f"{self.expects} is expected, one of it is {item}")
        if item < self.least:
            raise AttributeValueError(f"each number must be {self.least:g} or more, one is {item}")
        return item if self.whole else float(item)


@dataclass(frozen=True, slots=True)
class SizesKind(Kind):
    """A whole number, 1 or more, or a pair of them."""

    expects: str = "a whole number or a pair (height, width)"

    def read(self, value: Value) -> tuple[int, ...]:
        """One number or two."""
        sizes = value if isinstance(value, tuple) else (value,)
        if len(sizes) not in (1, 2):
            raise self._refuse(value)
        return tuple(IntKind(least=1, expects=self.expects).read(size) for size in sizes)


@dataclass(frozen=True, slots=True)
class HeightWidthKind(SizesKind):
    """A height and a width, 1 or more; one number is both."""

    def read(self, value: Value) -> tuple[int, ...]:
        """The height and the width."""
        found = SizesKind.read(self, value)
        return found if len(found) == 2 else (found[0], found[0])


@dataclass(frozen=True, slots=True)
class RangeKind(Kind):
    """Two numbers, the smaller first, that one is drawn between; a number r alone is from middle - r to middle + r."""

    middle: float | None = 0.0
    """What a number alone is around; None: a number alone does not do."""
    least: float = -math.inf
    most: float = math.inf
    expects: str = "a number or a pair (least, most)"

    def read(self, value: Value) -> Range:
        """The ends of the range."""
        if isinstance(value, tuple) and len(value) == 2:
            low, high = (self._number(item) for item in value)
        elif self.middle is not None and not isinstance(value, tuple):
            around = self._number(value)
            if around < 0:
                raise AttributeValueError(f"a number alone must be 0 or more, this is {value}")
            low, high = max(self.middle - around, self.least), self.middle + around
        else:
            raise self._refuse(value)
        if low > high:
            raise AttributeValueError(f"the smaller number comes first: [{high:g}, {low:g}]")
        if low < self.least or high > self.most:
            most = "" if self.most == math.inf else f", and {self.most:g} or less"
            raise AttributeValueError(f"both ends must be {self.least:g} or more{most}; they are {low:g} and {high:g}")
        return low, high

    def _number(self, item: Value) -> float:
        if isinstance(item, bool) or not isinstance(item, int | float):
            raise self._refuse(item)
        return float(item)


@dataclass(frozen=True, slots=True)
class ShiftKind(Kind):
    """How far an image is shifted: a number, or a list to choose from; see `RandomAffine`."""

    expects: str = "a number or a list of numbers, 0 or more"

    def read(self, value: Value) -> float | int | Numbers:
        """A float is drawn evenly, of an int a whole number is drawn, of a tuple one."""
        if isinstance(value, tuple) and value:
            return tuple(float(self._number(item)) for item in value)
        number = self._number(value)
        return float(number) if number < 1 else number

    def _number(self, value: Value) -> Number:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._refuse(value)
        if value < 0:
            raise AttributeValueError(f"it must be 0 or more, this is {value}")
        return value


@dataclass(frozen=True, slots=True)
class BoundedIntKind(IntKind):
    """A whole number between `least` and `most`, both included."""

    most: int = 0

    def read(self, value: Value) -> int:
        """The number."""
        found = IntKind.read(self, value)
        if found > self.most:
            raise AttributeValueError(f"it must be {self.most} or less, this is {found}")
        return found


@dataclass(frozen=True, slots=True)
class TextKind(Kind):
    """A text that stands for itself, such as the name of a column: no expression.

    A recipe is untrusted, and its texts get into programs: they can be printed in a line.
    """

    expects: str = "a name"
    pattern: str = ""
    """What all of it must match."""

    def read(self, value: Value) -> str:
        """The text."""
        if not isinstance(value, str):
            raise self._refuse(value)
        return self.checked(value)

    def checked(self, text: str) -> str:
        """The text, if it is one that may stand here.

        Raises:
            AttributeValueError: it is not.
        """
        if not text or len(text) > MOST_CHARACTERS or not text.isprintable():
            raise AttributeValueError(f"1 to {MOST_CHARACTERS} characters in one line are expected")
        if self.pattern and not re.fullmatch(self.pattern, text):
            raise AttributeValueError(f"{self.expects} is expected, this is `{text}`")
        return text


@dataclass(frozen=True, slots=True)
class TextsKind(Kind):
    """A list of texts that stand for themselves: no expressions."""

    expects: str = "a list of names"

    def read(self, value: Value) -> tuple[str, ...]:
        """The texts."""
        if not isinstance(value, tuple | list) or not all(isinstance(item, str) for item in value):
            raise self._refuse(value)
        return tuple(TextKind(expects=self.expects).checked(str(item)) for item in value)


SPLIT: Final = TextKind(
    expects="a split's name, of letters, digits, `_`, `-` and `.`,", pattern=r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
)
"""It gets into the names of files and folders."""
FILE: Final = TextKind(
    expects="a file's name, in which `{split}` may stand for the split,",
    pattern=r"(?:[A-Za-z0-9_.-]|\{split\})*[A-Za-z0-9_-]",
)
"""It is put together with a folder, and is no path that leaves it."""
ARRAY: Final = TextKind(
    expects="an array's name, in which `{split}` may stand for the split,", pattern=r"(?:[^{}]|\{split\})+"
)
