"""Python code as a small tree, laid out the way `ruff format` and `black` lay it out.

Generated source must be formatted without a formatter at hand, and be the same bytes whatever its version, so the
few shapes that backends print are broken here by the formatters' rules. CI holds the result against `ruff format`.
Code may be marked with the paths of the layers that it is there for; the lines that it becomes have these marks, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from archspec.codegen.marked_text import Paths, as_marked, marks_of, whole

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
    marks: tuple[Paths, ...] = ()


@dataclass(frozen=True, slots=True)
class Keyword:
    """`name=value` among arguments, or `name: type = value` among parameters."""

    name: str
    value: Code
    equals: str = "="


@dataclass(frozen=True, slots=True)
class Infix:
    """`a + b + c`."""

    operator: str
    operands: tuple[Code, ...]
    marks: tuple[Paths, ...] = ()


@dataclass(frozen=True, slots=True)
class MethodChain:
    """`x.first(a).second(b)`: calls of methods, each of what the one before gives; the first has its object."""

    calls: tuple[Code, ...]
    marks: tuple[Paths, ...] = ()


@dataclass(frozen=True, slots=True)
class Ternary:
    """`then if test else other`; it stands between brackets."""

    then: Code
    test: Code
    other: Code
    marks: tuple[Paths, ...] = ()


Code: TypeAlias = str | Bracket | Keyword | Infix | MethodChain | Ternary


def call(head: Code, *args: Code, **keywords: Code) -> Bracket:
    """A call with positional and keyword arguments."""
    return Bracket(head, (*args, *(Keyword(name, value) for name, value in keywords.items())))


def conditional(then: Code, test: str, other: Code) -> Ternary:
    """`then if test else other`, the other way round where the test is `not` what could as well be asked."""
    opposite = test.removeprefix("not ")
    if opposite != test and opposite.replace(".", "_").isidentifier() and not isinstance(other, Ternary):
        return Ternary(other, as_marked(opposite, test), then)
    return Ternary(then, test, other)


def flat(code: Code) -> str:
    """The code on one line."""
    match code:
        case str():
            return code
        case Bracket():
            return f"{flat(code.head)}{code.open}{', '.join(map(flat, code.args))}{code.close}"
        case Keyword(name, value, equals):
            return f"{name}{equals}{flat(value)}"
        case Infix(operator, operands):
            return f" {operator} ".join(map(flat, operands))
        case MethodChain(calls):
            return ".".join(map(flat, calls))
        case Ternary(then, test, other):
            return f"{flat(then)} if {flat(test)} else {flat(other)}"


def marked(code: Code, *paths: Paths) -> Code:
    """The code, which is there for the layers and scopes of these paths."""
    match code:
        case str():
            return whole(code, *paths)
        case Keyword(_, value):
            return replace(code, value=marked(value, *paths))
        case _:
            return replace(code, marks=(*code.marks, *paths))


def marks(code: Code) -> list[Paths]:
    """The marks of the code and of its parts."""
    match code:
        case str():
            return [paths for _, _, paths in marks_of(code)]
        case Keyword():
            return marks(code.value)
        case _:
            return [*code.marks, *(paths for part in _parts(code) for paths in marks(part))]


def heads(code: Code) -> Iterator[str]:
    """What stands before the code's brackets: the names of what is called."""
    if isinstance(code, Bracket) and isinstance(code.head, str):
        yield code.head
    if isinstance(code, Keyword):
        yield from heads(code.value)
    elif not isinstance(code, str):
        for part in _parts(code):
            yield from heads(part)


def _parts(code: Bracket | Infix | MethodChain | Ternary) -> tuple[Code, ...]:
    match code:
        case MethodChain():
            return code.calls
        case Bracket():
            return (code.head, *code.args)
        case Infix():
            return code.operands
        case Ternary():
            return (code.then, code.test, code.other)


def one_line(code: Code) -> str:
    """The code on one line, with its marks."""
    return whole(flat(code), *marks(code))


def lay_out(code: Code, depth: int, prefix: str = "", suffix: str = "") -> list[str]:
    """The code as lines, `depth` levels in, between a prefix and a suffix such as `x = ` and `,`."""
    line = f"{INDENT * depth}{prefix}{flat(code)}{suffix}"
    if len(line) <= WIDTH or isinstance(code, str):
        return [whole(line, *marks(code))]
    lines = _broken(code, depth, prefix, suffix)
    if isinstance(code, Keyword) or not code.marks:
        return lines
    return [whole(line, *code.marks) for line in lines]


def _broken(code: Bracket | Keyword | Infix | MethodChain | Ternary, depth: int, prefix: str, suffix: str) -> list[str]:
    match code:
        case Keyword(name, value, equals):
            return lay_out(value, depth, f"{prefix}{name}{equals}", suffix)
        case Bracket(head=Bracket() as head) if code.args and head.args and not _head_fits(code, depth, prefix):
            *lines, last = lay_out(head, depth, prefix, f"{_brackets(code)}{suffix}")
            return [*lines, whole(last, *(paths for arg in code.args for paths in marks(arg)))]
        case Bracket():
            return _exploded(code, depth, prefix, suffix)
        case Infix() | MethodChain():
            return [f"{INDENT * depth}{prefix}(", *_operands(code, depth + 1), f"{INDENT * depth}){suffix}"]
        case Ternary():
            indent = INDENT * depth
            within = f"{INDENT * (depth + 1)}{flat(code)}"
            lines = [whole(within, *marks(code))] if len(within) <= WIDTH else _ternary(code, depth + 1)
            return [f"{indent}{prefix}(", *lines, f"{indent}){suffix}"]


def _head_fits(code: Bracket, depth: int, prefix: str) -> bool:
    """In `a(...)(x)` the last bracket is broken, unless what stands before it is too long already."""
    return len(f"{INDENT * depth}{prefix}{flat(code.head)}{code.open}") <= WIDTH


def _brackets(code: Bracket) -> str:
    return f"{code.open}{', '.join(map(flat, code.args))}{code.close}"


def _exploded(code: Bracket, depth: int, prefix: str, suffix: str) -> list[str]:
    if not code.args:
        return [f"{INDENT * depth}{prefix}{flat(code)}{suffix}"]
    first = whole(f"{INDENT * depth}{prefix}{flat(code.head)}{code.open}", *marks(code.head))
    last = f"{INDENT * depth}{code.close}{suffix}"
    together = f"{INDENT * (depth + 1)}{', '.join(map(flat, code.args))}"
    collection = (code.head == "" or code.open == "{") and len(
        code.args
    ) > 1  # which formatters write with one item in a line
    if len(together) <= WIDTH and not collection:
        return [first, whole(together, *(paths for arg in code.args for paths in marks(arg))), last]
    if len(code.args) == 1 and isinstance(code.args[0], Infix | MethodChain):
        return [first, *_operands(code.args[0], depth + 1), last]
    if len(code.args) == 1 and isinstance(code.args[0], Ternary):
        return [first, *_ternary(code.args[0], depth + 1), last]
    lines = [first]
    for arg in code.args:
        if isinstance(arg, Infix | MethodChain) and len(f"{INDENT * (depth + 1)}{flat(arg)},") > WIDTH:
            *before, end = _operands(arg, depth + 1)  # among arguments formatters set no brackets
            lines += [*before, as_marked(f"{end},", end)]
        else:
            lines += lay_out(arg, depth + 1, suffix=",")
    return [*lines, last]


def _operands(code: Infix | MethodChain, depth: int) -> list[str]:
    (first, *rest), before = (
        (code.calls, ".") if isinstance(code, MethodChain) else (code.operands, f"{code.operator} ")
    )
    lines = lay_out(first, depth)
    for operand in rest:
        lines += lay_out(operand, depth, before)
    return [whole(line, *code.marks) for line in lines]


def _ternary(code: Ternary, depth: int) -> list[str]:
    lines = lay_out(code.then, depth)
    other: Code = code
    while isinstance(other, Ternary):  # one after the other, without brackets
        test, other = other.test, other.other
        lines += lay_out(test, depth, "if ")
        lines += lay_out(other.then if isinstance(other, Ternary) else other, depth, "else ")
    return [whole(line, *code.marks) for line in lines]


def block(head: str, body: Sequence[str], depth: int = 0) -> list[str]:
    """A compound statement: `head:` and its body, which is indented already."""
    return [f"{INDENT * depth}{head}:", *body]
