"""An expression as Python source, with no more brackets than it needs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from archspec.expr.evaluate import LISTS
from archspec.expr.tree import (
    Binary,
    Bool,
    Compare,
    Comprehension,
    Const,
    Expr,
    FunctionCall,
    IfElse,
    Index,
    Items,
    JoinedText,
    Name,
    NamedValues,
    Slice,
    Unary,
    Value,
    children,
)

_BINARY = {"+": 6, "-": 6, "*": 7, "/": 7, "//": 7, "%": 7, "**": 9}
_IF, _OR, _AND, _NOT, _COMPARE, _UNARY, _ATOM = 1, 2, 3, 4, 5, 8, 10


def source(expr: Expr, names: Mapping[str, str] | None = None) -> str:
    """Python source for `expr`; `names` renames names on the way (`channels` to `in_channels`, say)."""
    return _print(expr, names or {})[0]


def _literal(value: Value) -> str:
    """A value as Python source, text in double quotes as formatters write it."""
    if isinstance(value, str) and '"' not in value and "\\" not in repr(value):
        return f'"{value}"'
    if isinstance(value, NamedValues):
        return f"{{{', '.join(f'{_literal(name)}: {_literal(item)}' for name, item in value.entries)}}}"
    if isinstance(value, tuple):
        inner = ", ".join(map(_literal, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return repr(value).replace("e-0", "e-") if isinstance(value, float) else repr(value)  # 1e-5, as people write it


def _simple(expr: Expr) -> bool:
    """A name, or a number with a sign or without."""
    if isinstance(expr, Unary):
        return isinstance(expr.operand, Const) and expr.op != "not"
    return isinstance(expr, Name) or (isinstance(expr, Const) and isinstance(expr.value, int | float))


def _print(expr: Expr, names: Mapping[str, str]) -> tuple[str, int]:
    def inner(part: Expr, least: int) -> str:
        text, level = _print(part, names)
        return text if level >= least else f"({text})"

    match expr:
        case Const(value):
            negative = isinstance(value, int | float) and not isinstance(value, bool) and value < 0
            return _literal(value), _UNARY if negative else _ATOM
        case Name(name):
            text = names.get(name, name)
            return text, _ATOM
        case Unary("not", operand):
            return f"not {inner(operand, _NOT)}", _NOT
        case Unary(op, operand):
            # Formatters set brackets around a power there.
            return f"{op}{inner(operand, _ATOM if isinstance(operand, Binary) else _UNARY)}", _UNARY
        case Binary("**", left, right):
            # Formatters set no spaces between simple operands.
            sign = "**" if _simple(left) and _simple(right) else " ** "
            return f"{inner(left, _ATOM)}{sign}{inner(right, _UNARY)}", _BINARY["**"]
        case Binary(op, left, right):
            level = _BINARY[op]
            return f"{inner(left, level)} {op} {inner(right, level + 1)}", level
        case Compare(first, ops, rest):
            parts = [inner(first, _COMPARE + 1)]
            for op, item in zip(ops, rest, strict=True):
                parts += [op, inner(item, _COMPARE + 1)]
            return " ".join(parts), _COMPARE
        case Bool(op, operands):
            level = _AND if op == "and" else _OR
            return f" {op} ".join(inner(operand, level + 1) for operand in operands), level
        case IfElse(test, then, other):
            return f"{inner(then, _IF + 1)} if {inner(test, _IF + 1)} else {inner(other, _IF)}", _IF
        case FunctionCall(function, args):
            given = [*(inner(arg, 0) for arg in args), *(["strict=False"] if function == "zip" else [])]
            text = f"{function}({', '.join(given)})"
            return f"tuple({text})" if function in LISTS else text, _ATOM
        case Items(items):
            parts = [inner(item, 0) for item in items]
            return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})", _ATOM
        case Index(value, index) if (letters := _letters(value)) is not None:
            return f"{_literal(letters)}[{inner(index, 0)}]", _ATOM
        case Index(value, index):
            return f"{inner(value, _ATOM)}[{inner(index, 0)}]", _ATOM
        case Slice(value, start, stop):
            ends = ["" if end is None else inner(end, 0) for end in (start, stop)]
            return f"{inner(value, _ATOM)}[{':'.join(ends)}]", _ATOM
        case Comprehension():
            return _comprehension(expr, names), _ATOM
        case JoinedText():
            return text_source(text_parts(expr, names)), _ATOM


def text_parts(expr: JoinedText, names: Mapping[str, str]) -> list[tuple[str, bool]]:
    """The parts of a name that is put together, each with whether it stands in it as it is; others are source."""
    return [
        (str(part.value), True) if isinstance(part, Const) else (_print(part, names)[0], False) for part in expr.parts
    ]


def text_source(parts: Sequence[tuple[str, bool]]) -> str:
    """A name of such parts as Python source: an f-string, where every version of Python can read it as one."""
    if all(_fits_f_string(text, is_plain) for text, is_plain in parts):
        shown = [text if is_plain else "{" + text.replace('"', "'") + "}" for text, is_plain in parts]
        return f'f"{"".join(shown)}"'
    inner = ", ".join(ascii(text) if is_plain else text for text, is_plain in parts)
    return f'"".join(map(str, ({inner},)))'


def _fits_f_string(text: str, is_plain: bool) -> bool:
    if is_plain:
        return re.fullmatch(r"[A-Za-z0-9_.-]*", text) is not None
    return not set(text) & set("\\{}") and not ("'" in text and '"' in text)


def _letters(expr: Expr) -> str | None:
    """The text whose letters a list has: what is looked up there is the same, and sooner read."""
    match expr:
        case Const(tuple() as values):
            letters = [value for value in values if isinstance(value, str) and len(value) == 1]
            return "".join(letters) if len(letters) == len(values) > 1 else None
        case Items(items):
            values = tuple(item.value for item in items if isinstance(item, Const))
            return _letters(Const(values)) if len(values) == len(items) else None
        case _:
            return None


def is_list(expr: Expr) -> bool:
    """Whether an expression is a call whose result Python has to be asked for as a tuple."""
    return isinstance(expr, FunctionCall) and expr.function in LISTS


def comprehension_parts(expr: Comprehension, names: Mapping[str, str]) -> tuple[Expr, str, Expr, dict[str, str]]:
    """What a comprehension gives, its variables as source, what it goes through, and the names within it."""
    taken = {names.get(name, name) for part in (expr.item, expr.values, expr.test) if part for name in _names(part)}
    inner = dict(names)
    for name in expr.variables:
        plain = text = name.partition("'")[0]
        while text in taken:
            text += "_"
            plain = text
        taken.add(plain)
        inner[name] = plain
    return expr.item, ", ".join(inner[name] for name in expr.variables), expr.values, inner


def _comprehension(expr: Comprehension, names: Mapping[str, str]) -> str:
    """A tuple, since Python does not take `[1]` and `(1,)` for equal, as the language does."""
    item, variables, values, inner = comprehension_parts(expr, names)
    through = _print(values, names)[0]
    if is_list(values):
        through = through.removeprefix("tuple(").removesuffix(")")
    text = f"{_print(item, inner)[0]} for {variables} in {through}"
    if expr.test is not None:
        text += f" if {_print(expr.test, inner)[0]}"
    return f"tuple({text})"


def _names(expr: Expr) -> set[str]:
    return {expr.id} if isinstance(expr, Name) else set[str]().union(*map(_names, children(expr)))
