"""Plain scalars as YAML 1.2's core schema reads them: `1e-5` is a number, `no` is a string."""

from __future__ import annotations

import math
import re
from typing import Final, TypeAlias

Scalar: TypeAlias = str | int | float | bool | None

_INFINITIES: Final[dict[str, Scalar]] = {
    sign + word: -math.inf if sign == "-" else math.inf for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")
}
_WORDS: Final[dict[str, Scalar]] = _INFINITIES | {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
    ".nan": math.nan,
    ".NaN": math.nan,
    ".NAN": math.nan,
}
# ASCII digits only: `\d` would also take the digits of other scripts.
_INT: Final = re.compile(r"[-+]?[0-9]+")
_OCTAL: Final = re.compile(r"0o[0-7]+")
_HEX: Final = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


class NumberTooLargeError(ValueError):
    """A number with too many digits, or past the range of floats."""


def resolve(text: str, digits: int) -> Scalar:
    """The value of a plain (unquoted) scalar; a whole number has at most so many `digits`.

    Raises:
        NumberTooLargeError: it is a number, but too large to be read.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    for pattern, base in ((_INT, 10), (_HEX, 16), (_OCTAL, 8)):
        if pattern.fullmatch(text):
            if len(text) > digits:  # it is no size of anything, and to convert it takes quadratic time
                raise NumberTooLargeError(f"a number of {len(text)} digits")
            return int(text if base == 10 else text[2:], base)
    if _FLOAT.fullmatch(text):
        value = float(text)
        if math.isinf(value):
            raise NumberTooLargeError(f"`{text[:40]}` is past the largest number")
        return value
    return text


def describe(value: object) -> str:
    """What a value is, in a few words, for messages."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "`true`" if value else "`false`"
        case str():
            return f'the string "{value if len(value) <= 40 else value[:37] + "..."}"'
        case int() | float():
            return f"the number {value}"
        case dict():
            return "a mapping" if value else "an empty mapping"
        case list() | tuple():
            return "a list" if value else "an empty list"
        case _:
            return f"a Python {type(value).__name__}"
