"""Python code as a small tree, laid out the way `ruff format` and `black` lay it out.

Generated source must be formatted without a formatter at hand, and be the same bytes whatever its version, so the
few shapes that backends print are broken here by the formatters' rules. CI holds the result against `ruff format`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

WIDTH: Final = 100
"""The longest line of generated source."""
INDENT: Final = "    "


@dataclass(frozen=True, slots=True)
class Bracket:
    """`head(args)`, or with other brackets a list or a tuple."""

    head: Code
    args: tuple[Code, ...]
    open: str = "("
    close: str = ")"


@dataclass(frozen=True, slots=True)
class Keyword:
    """`name=value` among arguments."""

    name: str
    value: Code


@dataclass(frozen=True, slots=True)
class Infix:
    """`a + b + c`."""

    operator: str
    operands: tuple[Code, ...]


@dataclass(frozen=True, slots=True)
class Ternary:
    """`then if test else other`; it stands between brackets."""

    then: Code
    test: Code
    other: Code


Code: TypeAlias = str | Bracket | Keyword | Infix | Ternary


def call(head: Code, *args: Code, **keywords: Code) -> Bracket:
    """A call with positional and keyword arguments."""
    return Bracket(head, (*args, *(Keyword(name, value) for name, value in keywords.items())))


def flat(code: Code) -> str:
    """The code on one line."""
    match code:
        case str():
            return code
        case Bracket():
            return f"{flat(code.head)}{code.open}{', '.join(map(flat, code.args))}{code.close}"
        case Keyword(name, value):
            return f"{name}={flat(value)}"
        case Infix(operator, operands):
            return f" {operator} ".join(map(flat, operands))
        case Ternary(then, test, other):
            return f"{flat(then)} if {flat(test)} else {flat(other)}"


def lay_out(code: Code, depth: int, prefix: str = "", suffix: str = "") -> list[str]:
    """The code as lines, `depth` levels in, between a prefix and a suffix such as `x = ` and `,`."""
    line = f"{INDENT * depth}{prefix}{flat(code)}{suffix}"
    if len(line) <= WIDTH:
        return [line]
    match code:
        case str():
            return [line]
        case Keyword(name, value):
            return lay_out(value, depth, f"{prefix}{name}=", suffix)
        case Bracket(head=Bracket() as head) if code.args and head.args and not _head_fits(code, depth, prefix):
            return lay_out(head, depth, prefix, f"{_brackets(code)}{suffix}")
        case Bracket():
            return _exploded(code, depth, prefix, suffix)
        case Infix():
            return _infix(code, depth, prefix, suffix)
        case Ternary():
            indent = INDENT * depth
            return [f"{indent}{prefix}(", *_ternary(code, depth + 1), f"{indent}){suffix}"]


def _head_fits(code: Bracket, depth: int, prefix: str) -> bool:
    """In `a(...)(x)` the last bracket is broken, unless what stands before it is too long already."""
    return len(f"{INDENT * depth}{prefix}{flat(code.head)}{code.open}") <= WIDTH


def _brackets(code: Bracket) -> str:
    return f"{code.open}{', '.join(map(flat, code.args))}{code.close}"


def _exploded(code: Bracket, depth: int, prefix: str, suffix: str) -> list[str]:
    if not code.args:
        return [f"{INDENT * depth}{prefix}{flat(code)}{suffix}"]
    first = f"{INDENT * depth}{prefix}{flat(code.head)}{code.open}"
    last = f"{INDENT * depth}{code.close}{suffix}"
    together = f"{INDENT * (depth + 1)}{', '.join(map(flat, code.args))}"
    collection = code.head == "" and len(code.args) > 1  # which formatters write with one item in a line
    if len(together) <= WIDTH and not collection:
        return [first, together, last]
    if len(code.args) == 1 and isinstance(code.args[0], Infix):
        return [first, *_operands(code.args[0], depth + 1), last]
    if len(code.args) == 1 and isinstance(code.args[0], Ternary):
        return [first, *_ternary(code.args[0], depth + 1), last]
    lines = [first]
    for arg in code.args:
        if isinstance(arg, Infix) and len(f"{INDENT * (depth + 1)}{flat(arg)},") > WIDTH:
            *before, end = _operands(arg, depth + 1)  # among arguments formatters set no brackets
            lines += [*before, f"{end},"]
        else:
            lines += lay_out(arg, depth + 1, suffix=",")
    return [*lines, last]


def _infix(code: Infix, depth: int, prefix: str, suffix: str) -> list[str]:
    indent = INDENT * depth
    return [f"{indent}{prefix}(", *_operands(code, depth + 1), f"{indent}){suffix}"]


def _operands(code: Infix, depth: int) -> list[str]:
    first, *rest = code.operands
    lines = lay_out(first, depth)
    for operand in rest:
        lines += lay_out(operand, depth, f"{code.operator} ")
    return lines


def _ternary(code: Ternary, depth: int) -> list[str]:
    return [
        *lay_out(code.then, depth),
        *lay_out(code.test, depth, "if "),
        *lay_out(code.other, depth, "else "),
    ]


def block(head: str, body: Sequence[str], depth: int = 0) -> list[str]:
    """A compound statement: `head:` and its body, which is indented already."""
    return [f"{INDENT * depth}{head}:", *body]
