"""Axes by name: taken apart, put into another order, and joined."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, TypeAlias

from archspec.expr import Value
from archspec.ir.attributes import MOST_PARTS, AttributeValueError, Kind, PartSizesKind, attribute
from archspec.ir.op import Example, OpKind, ShapeError, Sign
from archspec.ir.op_registry import register
from archspec.ir.ops.base import Overall
from archspec.ir.tensor_type import ANY, AXIS_NAMES, Accepted, TensorType
from archspec.records import record

Groups: TypeAlias = tuple[tuple[str, ...], ...]
"""For each axis of a tensor, the names of what it is made of."""

_TOKEN: Final = re.compile(r"[()]|[^\s()]+")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_LONGEST: Final = 200


@record
class AxisPattern:
    """The axes before and after, as `c (h a) (w b) -> (a b c) h w`: parentheses hold what one is made of."""

    before: Groups
    after: Groups

    @classmethod
    def read(cls, text: str) -> AxisPattern:
        """The pattern that a text is.

        Raises:
            ValueError: it is none; says why.
        """
        sides = text.split("->")
        if len(text) > _LONGEST:
            raise ValueError(f"it has {len(text):,} characters, and may have {_LONGEST}")
        if len(sides) != 2:
            raise ValueError(f"`->` stands in it {len(sides) - 1} times: it has one" if sides[1:] else "it has no `->`")
        before, after = map(_groups, sides)
        names = [name for group in before for name in group]
        others = [name for group in after for name in group]
        for found in (names, others):
            if twice := next((name for name in found if found.count(name) > 1), None):
                raise ValueError(f"`{twice}` stands twice on one side")
        if odd := sorted(set(names) ^ set(others)):
            raise ValueError(f"`{odd[0]}` stands on one side alone: no axis is made or left out")
        if len(names) > MOST_PARTS:
            raise ValueError(f"it has {len(names)} names, and may have {MOST_PARTS}")
        return cls(before, after)

    @property
    def text(self) -> str:
        """The pattern as it is written."""
        return " -> ".join(" ".join(map(_joined, side)) for side in (self.before, self.after))

    @property
    def parts(self) -> tuple[str, ...]:
        """The names that stand in parentheses before, whose sizes are given."""
        return tuple(name for group in self.before if len(group) > 1 for name in group)

    def order(self) -> tuple[int, ...]:
        """Of each part of the axes afterwards, its place among those before, all of them apart."""
        names = [name for group in self.before for name in group]
        return tuple(names.index(name) for group in self.after for name in group)


def _groups(side: str) -> Groups:
    """The axes of one side.

    Raises:
        ValueError: it has something else than names, or parentheses that do not fit.
    """
    found: list[tuple[str, ...]] = []
    inside: list[str] | None = None
    for token in _TOKEN.findall(side):
        if token == "(":
            if inside is not None:
                raise ValueError("`(` stands within parentheses: those of an axis hold names alone")
            inside = []
        elif token == ")":
            if not inside:
                raise ValueError("`()` holds no name" if inside is not None else "`)` has no `(` before it")
            found.append(tuple(inside))
            inside = None
        elif not _NAME.fullmatch(token):
            raise ValueError(f"`{token}` is no name of an axis: {_why_no_name(token)}")
        elif inside is None:
            found.append((token,))
        else:
            inside.append(token)
    if inside is not None:
        raise ValueError("`(` has no `)` behind it")
    if not found:
        raise ValueError("a side of `->` names no axis")
    return tuple(found)


def _why_no_name(token: str) -> str:
    if _NAME.fullmatch(token.lower()):
        return f"names are lower case, as `{token.lower()}`"
    return "it begins with a lower-case letter, behind which letters, digits and `_` stand"


def _joined(group: Sequence[str]) -> str:
    return group[0] if len(group) == 1 else f"({' '.join(group)})"


@record
class PatternKind(Kind):
    """Named axes before and after."""

    expects: str = "named axes before and after, as in `c (h a) (w b) -> (a b c) h w`"
    is_text: bool = True

    def read(self, value: Value) -> Any:
        if not isinstance(value, str):
            raise self._refuse(value)
        try:
            return AxisPattern.read(value).text
        except ValueError as error:
            raise AttributeValueError(str(error), help=f"write {self.expects}") from None


@register
@record
class Rearrange(Overall):
    """Named axes taken apart, put into another order, and joined. ONNX Reshape + Transpose + Reshape; einops.

    On the left of `pattern` stand the input's axes without the batch, channels first; parentheses hold the parts of
    one axis, the outer first. On the right stand the same names: one axis makes features, two make tokens (T, F),
    three an image (C, H, W), four a volume.
    """

    pattern: str = attribute(PatternKind(), "the axes before and after")
    sizes: tuple[int, ...] | None = attribute(
        PartSizesKind(),
        "sizes of the parts in parentheses on the left, in their order; -1 is worked out, one in each pair",
        default=None,
        spatial=True,
    )

    name: ClassVar[str] = "rearrange"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example(
        (16, 8, 8), 'rearrange: {pattern: "c (h a) (w b) -> (a b c) h w", sizes: [-1, 2, -1, 2]}'
    )
    sign: ClassVar[Sign] = "kept"
    takes: ClassVar[Accepted] = ANY
    two_meanings: ClassVar[Mapping[str, str]] = {
        "axes_lengths": "write `sizes`: those of the parts in parentheses on the left, in their order",
        "perm": "write `pattern`: names for the axes, in both orders",
        "dims": "write `pattern`: names for the axes, in both orders",
        "axes": "write `pattern`: names for the axes, in both orders",
    }
    view: ClassVar[bool] = True

    @property
    def axes(self) -> AxisPattern:
        """The pattern."""
        return AxisPattern.read(self.pattern)

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        axes, type = self.axes, inputs[0]
        if len(axes.before) != type.rank:
            names = ", ".join(AXIS_NAMES[axis] for axis in type.axes)
            raise ShapeError(
                f"names {len(axes.before)} axes, its input has {type.rank}",
                help=f"name each of {names}; `reshape` makes a volume, an image, tokens or features of it",
                attribute="pattern",
            )
        known = self.extents(type)
        sizes = [_product([known[name] for name in group]) for group in axes.after]
        return TensorType.of_shape(sizes)

    def extents(self, type: TensorType) -> dict[str, int]:
        """The size of each named axis and part.

        Raises:
            ShapeError: they do not fit the input.
        """
        axes = self.axes
        given = self.sizes or ()
        if len(given) != len(axes.parts):
            raise ShapeError(
                f"gives {len(given)} sizes, its pattern has {len(axes.parts)} parts in parentheses on the left",
                "E0411",
                f"write `sizes` for {', '.join(axes.parts)}" if axes.parts else "leave `sizes` out",
                "sizes",
            )
        parts = dict(zip(axes.parts, given, strict=True))
        found: dict[str, int] = {}
        for group, size in zip(axes.before, type.sizes, strict=True):
            if len(group) == 1:
                found[group[0]] = size
                continue
            open_parts = [name for name in group if parts[name] == -1]
            known = math.prod(parts[name] for name in group if parts[name] != -1)
            if len(open_parts) > 1 or size % known or (not open_parts and size != known):
                raise ShapeError(
                    f"takes {int(size)} apart as ({' '.join(f'{name}={parts[name]}' for name in group)})",
                    "E0411",
                    "one part of an axis may be -1, and the others must divide it; `pad_to_multiple` makes images fit",
                    "sizes",
                )
            found |= {name: size // known if parts[name] == -1 else parts[name] for name in group}
        return found

    def detail(self) -> str:
        return f" {self.pattern}"


def _product(sizes: Sequence[int]) -> int:
    """Multiplied one by one, so that a size that carries an expression keeps it."""
    found = sizes[0]
    for size in sizes[1:]:
        found = found * size
    return found
