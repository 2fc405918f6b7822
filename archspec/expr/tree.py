"""The tree of an expression: frozen, hashable, framework-free.

A `Value` is what an expression gives: a number, a truth value, a string, None, a tuple of values, or values by name.
"""

from __future__ import annotations

import math
from typing import TypeAlias

from archspec.records import record

Value: TypeAlias = "int | float | bool | str | tuple[Value, ...] | NamedValues | None"


@record
class NamedValues:
    """Values by name, in their order: a mapping that is hashable."""

    entries: tuple[tuple[str, Value], ...]

    def get(self, name: str) -> tuple[Value, ...]:
        """The value of a name, alone in a tuple; an empty one where it has none."""
        return tuple(value for key, value in self.entries if key == name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in their order."""
        return tuple(name for name, _ in self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __repr__(self) -> str:
        return repr(dict(self.entries))


@record
class Const:
    """A literal, or something that folded to one. `1`, `1.0` and `true` are three of them."""

    value: Value

    def __eq__(self, other: object) -> bool:
        """The same value of the same type."""
        return isinstance(other, Const) and exactly(self.value, other.value)

    def __hash__(self) -> int:
        return hash(self.value)


def exactly(left: Value, right: Value) -> bool:
    """Whether two values are the same, of the same type: Python's `==` takes `1`, `1.0` and `True` for equal."""
    if left is right:
        return True
    if type(left) is not type(right) or left != right:
        return False
    if isinstance(left, tuple) and isinstance(right, tuple):
        return all(map(exactly, left, right))
    if isinstance(left, NamedValues) and isinstance(right, NamedValues):
        return exactly(left.entries, right.entries)
    return not isinstance(left, float) or not isinstance(right, float) or _sign(left) == _sign(right)


def _sign(value: float) -> float:
    return math.copysign(1.0, value)


@record
class Name:
    """A param, or one of the language's own names: `channels`, `n`, `i`."""

    id: str


@record
class Unary:
    """`-x`, `+x` or `not x`."""

    op: str
    operand: Expr


@record
class Binary:
    """Arithmetic on two operands: `+ - * / // % **`. On lists, `+` joins and `*` repeats."""

    op: str
    left: Expr
    right: Expr


@record
class Compare:
    """A chain of comparisons, as in Python: `a < b <= c`."""

    first: Expr
    ops: tuple[str, ...]
    rest: tuple[Expr, ...]


@record
class Bool:
    """`a and b and c`, or the same with `or`."""

    op: str
    operands: tuple[Expr, ...]


@record
class IfElse:
    """`then if test else other`."""

    test: Expr
    then: Expr
    other: Expr


@record
class FunctionCall:
    """A call of one of the known functions."""

    function: str
    args: tuple[Expr, ...]


@record
class Items:
    """A list or tuple; the language makes no difference between the two."""

    items: tuple[Expr, ...]


@record
class Index:
    """`values[index]`."""

    value: Expr
    index: Expr


@record
class Slice:
    """`values[start:stop]`, either of which may be left out."""

    value: Expr
    start: Expr | None
    stop: Expr | None


@record
class Comprehension:
    """`[item for variables in values if test]`; several variables take each of the values apart.

    The variables have names that no spec can contain (see `bound_name`), so that nothing which is put in for another
    name can be meant by them.
    """

    item: Expr
    variables: tuple[str, ...]
    values: Expr
    test: Expr | None


@record
class JoinedText:
    """A name that is put together of whole numbers and words: what a pattern such as `conv_{number}_bn` gives."""

    parts: tuple[Expr, ...]


Expr: TypeAlias = (
    Const
    | Name
    | Unary
    | Binary
    | Compare
    | Bool
    | IfElse
    | FunctionCall
    | Items
    | Index
    | Slice
    | Comprehension
    | JoinedText
)


def bound_name(written: str, depth: int) -> str:
    """The name of a variable of a comprehension inside of `depth` others."""
    return f"{written}'{depth}"


def is_bound(name: str) -> bool:
    """Whether a name is that of a comprehension's variable."""
    return "'" in name


def children(expr: Expr) -> tuple[Expr, ...]:
    """The direct parts of an expression, in the order they are written."""
    match expr:
        case Const() | Name():
            return ()
        case Unary(_, operand):
            return (operand,)
        case Binary(_, left, right):
            return (left, right)
        case Compare(first, _, rest):
            return (first, *rest)
        case Bool(_, operands):
            return operands
        case IfElse(test, then, other):
            return (then, test, other)
        case FunctionCall(_, args):
            return args
        case Items(items):
            return items
        case Index(value, index):
            return (value, index)
        case Slice(value, start, stop):
            return (value, *(end for end in (start, stop) if end is not None))
        case Comprehension(item, _, values, test):
            return (item, values) if test is None else (item, values, test)
        case JoinedText(parts):
            return parts
