"""What each of the values is for that a call is given by place, as calls of Python are."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from archspec.ir.attributes import AttributeValueError
from archspec.ir.op import AttributeInfo, Op
from archspec.suggestions.vocabulary import vocabulary

LEFT_OUT: Final = "..."
"""Stands for a value that cannot be said in a line."""
_LONGEST_CALL: Final = 1000
_LONGEST_VALUE: Final = 40
_TENSORS: Final = frozenset({"x", "y", "z", "h", "net", "out", "input", "inputs", "output", "tensor"})
_PLACE: Final = re.compile(r"<([\w ]+)=([^<>]*)>")


def python_call(text: str) -> tuple[str, list[object], dict[str, object]] | None:
    """The name, the values by place and those by name of a call of Python; None if it is none.

    `self.fc = nn.Linear(64, 10)` is the call on its right, with the name `fc`, and `Add()([x, y])` the first of the
    two: on which tensors it is called is no attribute.
    """
    if len(text) > _LONGEST_CALL:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip())
        return _call(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _call(tree: ast.Module) -> tuple[str, list[object], dict[str, object]] | None:
    """The call that a text is; see `python_call`.

    Raises:
        RecursionError: it is nested too deeply.
    """
    call: object = tree.body[0] if len(tree.body) == 1 else None
    named: dict[str, object] = {}
    if isinstance(call, ast.Assign) and isinstance(call.targets[0], ast.Name | ast.Attribute):
        label = ast.unparse(call.targets[0]).rpartition(".")[2]
        named = {} if label in _TENSORS else {"name": label}
    call = getattr(call, "value", None)
    while isinstance(call, ast.Call) and isinstance(call.func, ast.Call):
        call = call.func
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name | ast.Attribute):
        return None
    named |= {word.arg: _raw(word.value) for word in call.keywords if word.arg is not None}
    values = call.args[1:] if call.args and _is_tensor(call.args[0]) else call.args
    return ast.unparse(call.func), [_raw(value) for value in values], named


def tuple_of(text: object) -> list[object] | None:
    """The values of `(64, 1000)`, which YAML reads as a text; None if it is no such text."""
    found = python_call(f"f{text}") if isinstance(text, str) and text.startswith("(") else None
    return found[1] if found is not None and not found[2] else None


def _is_tensor(value: ast.expr) -> bool:
    return (isinstance(value, ast.Name) and value.id in _TENSORS) or isinstance(value, ast.Call)


def _raw(value: ast.expr) -> object:
    """A value of Python as YAML would give it: an expression is a text."""
    if isinstance(value, ast.Constant):
        return value.value if value.value is None or isinstance(value.value, int | float | str) else LEFT_OUT
    if isinstance(value, ast.List | ast.Tuple):
        return [_raw(item) for item in value.elts]
    if isinstance(value, ast.Call):  # `activation=nn.ReLU()`
        value = value.func
    if isinstance(value, ast.UnaryOp) and isinstance(value.operand, ast.Constant):
        number = value.operand.value
        if isinstance(number, bool) or not isinstance(number, int | float):
            return LEFT_OUT
        return -number if isinstance(value.op, ast.USub) else number if isinstance(value.op, ast.UAdd) else LEFT_OUT
    text = ast.unparse(value)
    return text if len(text) <= _LONGEST_VALUE else LEFT_OUT


def by_place(name: str, op: type[Op], values: Sequence[object]) -> dict[str, object] | None:
    """What the values are for: the arguments of another library's layer, or the op's own attributes in order.

    None where they are more than these, or do not suit them.
    """
    words = _arguments().get(name.rpartition(".")[2])
    if words is not None:
        return dict(zip(words, values, strict=False)) if len(values) <= len(words) else None
    infos = list(op.attributes().values())
    if len(values) <= len(infos) and all(map(_suits, infos, values)):
        return {info.name: value for info, value in zip(infos, values, strict=False)}
    whole = list(values)
    return {infos[0].name: whole} if infos and _suits(infos[0], whole) else None


def _suits(info: AttributeInfo, value: object) -> bool:
    """Whether an attribute takes a value; an expression may be anything but a word or a switch."""
    items: list[Any] = value if isinstance(value, list) else [value]
    if any(isinstance(item, list) for item in items):
        return False
    if any(isinstance(item, str) and item not in info.kind.words for item in items):
        return not info.kind.words or info.name == "padding"
    try:
        info.kind.read(tuple(items) if isinstance(value, list) else items[0])
    except AttributeValueError:
        return False
    return True


def filled(form: str, given: Mapping[str, object], values: Sequence[object]) -> str:
    """A form of the vocabulary with the values that are given in their places."""

    def value(place: re.Match[str]) -> str:
        for word in place[1].split():
            if word.isdecimal() and int(word) <= len(values):
                return shown(values[int(word) - 1])
            if word in given:
                return shown(given[word])
        return place[2]

    return _PLACE.sub(value, form)


def shown(raw: object) -> str:
    """A value as it is written in YAML's braces; `...` for what is long or has parts of its own."""
    if isinstance(raw, list):
        text = f"[{', '.join(map(str, raw))}]" if all(_plain(item) for item in raw) else LEFT_OUT
    elif isinstance(raw, bool) or raw is None:
        text = "null" if raw is None else str(raw).lower()
    else:
        text = str(raw) if isinstance(raw, int | float | str) else LEFT_OUT
    if isinstance(raw, str) and (not raw.isprintable() or re.search(r"[A-Za-z_]\w*\.\w", raw)):
        return LEFT_OUT  # such as an attribute of Python's
    if isinstance(raw, str) and re.search(r"[,{}\[\]:#`'\"\n]", raw):
        text = f'"{raw}"' if '"' not in raw and "`" not in raw and "\n" not in raw else LEFT_OUT
    return text if len(text) <= _LONGEST_VALUE else LEFT_OUT


def flow(raw: object, room: int = 120) -> str:
    """Items as YAML writes them in one line; `...` where they take more room."""
    if isinstance(raw, Mapping):
        parts = [f"{key}: {flow(value, room)}" if value is not None else str(key) for key, value in raw.items()]
        text = f"{{{', '.join(parts)}}}"
    elif isinstance(raw, list):
        parts = [flow(item, room) for item in raw]
        one = [isinstance(item, Mapping) and len(item) == 1 for item in raw]  # `conv: {...}` needs no braces there
        text = f"[{', '.join(part[1:-1] if alone else part for part, alone in zip(parts, one, strict=True))}]"
    else:
        text = shown(raw)
    return text if len(text) <= room and LEFT_OUT not in text else LEFT_OUT


def _plain(value: object) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool) and len(str(value)) <= _LONGEST_VALUE


@cache
def _arguments() -> Mapping[str, Sequence[str]]:
    return {name: words.split() for words, names in vocabulary()["arguments"].items() for name in names.split()}
