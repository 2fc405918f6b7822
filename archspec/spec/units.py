"""The units of a stage, in each of the notations, and the patterns for their names."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import field
from typing import Annotated, Final, TypeAlias

from pydantic import ValidationInfo

from archspec.errors import Span
from archspec.expr import names, parse, split_pattern
from archspec.records import record
from archspec.spec.base import (
    Attribute,
    Reads,
    attribute,
    attributes,
)
from archspec.spec.checks import parses, usable_name
from archspec.spec.located_data import LoadContext, LocatedDict, LocatedList
from archspec.spec.problems import load_context_of, reported, wrong
from archspec.spec.scalar_positions import span_within
from archspec.spec.scalars import describe

_COUNT: Final = re.compile(r"\s*[x×*]\s*")
_ROW: Final = re.compile(r"\s*[x×]\s*(\w+)")
_PAIRS: Final = {"(": ")", "[": "]"}


@record
class Unit:
    """One entry of a list of units: its fields in order, or by name; `count` of them in a row."""

    fields: Attribute | None = None
    mapping: dict[str, Attribute] | None = None
    count: Attribute | None = None
    span: Span | None = field(default=None, compare=False)


@record
class Units:
    """The units of a stage: one expression that gives a list of tuples, or a list of entries."""

    expression: Attribute | None = None
    entries: tuple[Unit, ...] = ()
    span: Span | None = field(default=None, compare=False)


def read_units(raw: object, span: Span | None, load_context: LoadContext) -> Units:
    """Units in any notation.

    Raises:
        PydanticCustomError: the form is wrong, or the error is already noted.
    """
    if isinstance(raw, str):
        _check_row(raw, span, load_context)
        if not parses(raw, span, load_context):
            raise reported()
        _check_list(raw, span, load_context)
        return Units(expression=Attribute(raw, span), span=span)
    if not isinstance(raw, LocatedList):
        raise wrong("a list of units, or an expression that gives one")
    if not raw:
        raise wrong("at least one unit")
    _check_quotes(raw, load_context)
    pairs = zip(raw, raw.item_spans, strict=True)
    entries = [_unit(entry, place, load_context) for entry, place in pairs]
    return Units(entries=tuple(entry for entry in entries if entry is not None), span=span)


def _check_row(text: str, span: Span | None, load_context: LoadContext) -> None:
    """Refuse `(64, 1) x 3` where an expression must stand: `x` is a sign in lists alone.

    Raises:
        PydanticCustomError: the error is already noted.
    """
    text = text.strip()
    end = _closing(text, 0)
    match = _ROW.fullmatch(text, end) if end is not None else None
    if match is None:
        return
    fields, count = text[:end], match[1]
    fields = fields if "," in fields or fields[0] == "[" else f"{fields[:-1]},)"
    shown, joined = (
        (f"{fields} x {count}", f"[{fields}] * {count}") if len(text) <= 60 else ("(...) x 3", "[(...)] * 3")
    )
    help = f'put it in a list: `["{shown}"]`, or write `"{joined}"`'
    load_context.error("E0202", "a row of units, `x` and a count, stands in a list", span, help=help)
    raise reported()


def _check_quotes(raw: LocatedList, load_context: LoadContext) -> None:
    """Refuse `[(8, 1), (8, 1)]`: YAML has no tuples, and reads strings such as `(8`.

    Raises:
        PydanticCustomError: the error is already noted.
    """
    for start, item in enumerate(raw):
        if not isinstance(item, str) or not item.lstrip().startswith("(") or item.count("(") <= item.count(")"):
            continue
        for end in range(start + 1, min(len(raw), start + 20)):
            last = raw[end]
            if not isinstance(last, str) or ")" not in last:
                continue
            whole = ", ".join(map(str, raw[start : end + 1]))
            whole = whole if len(whole) <= 60 else "(...)"
            fields = whole[1 : whole.index(")")]
            help = f'quote each tuple, `"{whole}"`' + (f", or write `[{fields}]`" if whole[-1] == ")" else "")
            first = raw.item_spans[start]
            place = raw.item_spans[end]
            span = Span(first.source, first.line, first.column, place.end_line, place.end_column)
            message = f'YAML cuts a tuple without quotes at its commas, and reads "{item[:40]}"'
            load_context.error("E0202", message, span, help=help)
            raise reported()


def _check_list(text: str, span: Span | None, load_context: LoadContext) -> None:
    """Refuse `64, 1` and `(64, 1)`: as a list of units they are two units of one number, which nobody means.

    Raises:
        PydanticCustomError: the error is already noted.
    """
    text = text.strip()
    if "," not in text or not _may_be_tuple(text):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as `parse` does, which has read it before
        tree = ast.parse(text, mode="eval").body
    if not isinstance(tree, ast.Tuple) or all(isinstance(item, ast.Tuple | ast.List) for item in tree.elts):
        return
    shown = text[1:-1].strip() if text[0] == "(" and _closing(text, 0) == len(text) else text
    shown = shown if len(shown) <= 60 else "..."
    message = f"the units are one tuple, ({shown}), not a list of tuples"
    help = f"write `[({shown})]` for one unit, or `[{shown}]` for units of one number each"
    load_context.error("E0202", message, span, help=help)
    raise reported()


def _may_be_tuple(text: str) -> bool:
    """Whether Python may read an expression as a tuple: it has commas outside of brackets, or begins with one."""
    if text[0] == "(" or "'" in text or '"' in text:  # where brackets may stand for themselves
        return True
    depth = 0
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 0:
            return True
    return False


def _unit(raw: object, span: Span, load_context: LoadContext) -> Unit | None:
    if isinstance(raw, LocatedList):
        return Unit(fields=Attribute(raw, span), span=span)
    if isinstance(raw, str):
        return _from_string(raw, span, load_context)
    if isinstance(raw, LocatedDict):
        names = [key for key in raw if key != "times"]
        checks = [usable_name(key, raw.key_spans[key], load_context, "a field") for key in names]
        if not all(checks):
            return None
        count = attribute(raw, "times") if "times" in raw else None
        return Unit(mapping=attributes(raw, without=("times",)), count=count, span=span)
    help = ""
    if isinstance(raw, int | float):
        help = f"write [{raw}] for a unit of one field, or [[...]] for a list of one unit"
    load_context.error("E0202", f"a unit must be a tuple, found {describe(raw)}", span, help=help)
    return None


def _from_string(text: str, span: Span, load_context: LoadContext) -> Unit | None:
    """`(256, 64, 1)`, `(256, 64, 1) x 3`, `(256, 64, 1) × n`, `(256, 64, 1) * 3`."""
    start = len(text) - len(text.lstrip())
    end = _closing(text, start)
    if end is None:
        load_context.error(
            "E0202",
            f"a unit must be a tuple, found {describe(text)}",
            span,
            help="write `(256, 64, 1)` or `(256, 64, 1) x 3`",
        )
        return None
    fields, place = text[start:end], span_within(span, text, start, end)
    if not parses(fields, place, load_context):
        return None
    if not text[end:].strip():
        return Unit(fields=Attribute(fields, place), span=span)
    match = _COUNT.match(text, end)
    if match is None or match.end() == len(text):
        load_context.error(
            "E0202",
            f"after the tuple must come `x` and a count, found `{text[end:].strip()[:40]}`",
            span_within(span, text, end, len(text)),
            help="write `(256, 64, 1) x 3`; joined lists stand in one string, not in a list",
        )
        return None
    count = text[match.end() :].rstrip()
    count_place = span_within(span, text, match.end(), match.end() + len(count))
    if not parses(count, count_place, load_context):
        return None
    return Unit(fields=Attribute(fields, place), count=Attribute(count, count_place), span=span)


def _closing(text: str, start: int) -> int | None:
    """Where the bracket that opens at `start` is closed: the index after it."""
    if start >= len(text) or text[start] not in _PAIRS:
        return None
    expected: list[str] = []
    for index in range(start, len(text)):
        char = text[index]
        if char in _PAIRS:
            expected.append(_PAIRS[char])
        elif char in ")]":
            if char != expected.pop():
                return None
            if not expected:
                return index + 1
    return None


def _check_pattern(raw: object, info: ValidationInfo) -> object:
    pattern = _check_parts(raw, info)
    if isinstance(raw, Attribute) and isinstance(pattern, str):
        only_index(pattern, raw.span, load_context_of(info))
    return pattern


def only_index(pattern: str, span: Span | None, load_context: LoadContext) -> None:
    """Note the names in a pattern that are not `i`."""
    position = 0
    for text, is_expression in split_pattern(pattern):
        if is_expression:
            place = span_within(span, pattern, position + 1, position + 1 + len(text))
            for name in sorted(names(parse(text, load_context.budget), load_context.budget) - {"i"}):
                help = "a pattern's only name is `i`, the unit's index from 0"
                load_context.error("E0302", f"`{name}` is not defined in a pattern", place, help=help)
        position += len(text) + 2 * is_expression


def _check_name(raw: object, info: ValidationInfo) -> object:
    return _check_parts(raw, info, is_fixed=True)


def _check_parts(raw: object, info: ValidationInfo, *, is_fixed: bool = False) -> object:
    if not isinstance(raw, str | Attribute):
        raise wrong("a pattern such as `unit_{i+1}`")
    if isinstance(raw, str):
        return raw
    load_context, span, pattern = load_context_of(info), raw.span, raw.raw
    if not isinstance(pattern, str):
        raise wrong("a pattern such as `unit_{i+1}`")
    try:
        parts = split_pattern(pattern)
    except ValueError:
        raise wrong("a pattern whose braces match, such as `unit_{i+1}`") from None
    if not is_fixed and not any(is_expression for _, is_expression in parts):
        raise wrong("a pattern with the unit's index, such as `unit_{i+1}`")
    position, sound = 0, True
    for text, is_expression in parts:
        if is_expression:
            place = span_within(span, pattern, position + 1, position + 1 + len(text))
            sound = parses(text, place, load_context) and sound
        elif re.fullmatch(r"[A-Za-z0-9_-]+", text) is None:
            message = f"`{text[:40]}` cannot stand in a name"
            place = span_within(span, pattern, position, position + len(text))
            plain = re.sub(r"[^A-Za-z0-9_-]", "_", text)
            help = f"a name has letters, digits, `_` and `-`: write `{plain[:40]}`"
            load_context.error("E0404", message, place, help=help)
            sound = False
        position += len(text) + 2 * is_expression
    if not sound:
        raise reported()
    return pattern


# A string may begin with digits: the default names of units are 0, 1, 2.
Pattern: TypeAlias = Annotated[str, Reads(_check_pattern, {"type": "string"})]
NestedPattern: TypeAlias = Annotated[str, Reads(_check_parts, {"type": "string"})]
"""The same, where expressions may know the indices of the loops around; which they know is not checked here."""
NamePattern: TypeAlias = Annotated[str, Reads(_check_name, {"type": "string", "minLength": 1})]
"""A name, with expressions in braces or without; what these may know is not checked here."""


def _as_units(value: object, info: ValidationInfo) -> Units:
    if isinstance(value, Units):
        return value
    if isinstance(value, Attribute):
        return read_units(value.raw, value.span, load_context_of(info))
    return read_units(value, None, load_context_of(info))


UnitsField: TypeAlias = Annotated[
    Units,
    Reads(
        _as_units,
        {
            "anyOf": [
                {"type": "string", "description": "an expression that gives a list of tuples"},
                {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "anyOf": [
                            {"type": "array", "description": "the fields in order"},
                            {"type": "string", "description": "`(256, 64, 1) x 3`"},
                            {"type": "object", "description": "the fields by name, and `times`"},
                        ]
                    },
                },
            ]
        },
    ),
]
