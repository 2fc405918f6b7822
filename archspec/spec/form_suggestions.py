"""What was probably meant by items that are written wrongly, for the help texts of their errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from archspec.errors import Span
from archspec.spec.located_data import LoadContext, LocatedDict, LocatedList
from archspec.spec.scalars import describe

_CONDITION: Final = ("when", "else")
_LONGEST: Final = 200
_SPACE: Final = "put a space after the dash: `- {}`"
_NO_SPACE: Final = re.compile(r"(?:^|\s)-([A-Za-z_]\w*)")
_NO_COLON: Final = re.compile(r"([A-Za-z_]\w*)\s*\{")
_CALLED: Final = re.compile(r"(?:[\w.]+\s*=\s*)?([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\(")


def one_item_help(value: object) -> str:
    """What to write where something else than a list of items stands."""
    if isinstance(value, dict) and value and all(str(key).startswith("-") for key in value):
        return _SPACE.format(next(iter(value))[1:41])
    return "put it in a list, after a dash" if isinstance(value, str | dict) else ""


def name_help(name: str, load_context: LoadContext) -> str:
    """What was meant by an op's name that is no name: a space or a colon is missing, or it is a call of Python's."""
    if (found := _NO_SPACE.search(name[:_LONGEST])) is not None:
        return _SPACE.format(found[1])
    if (found := _NO_COLON.match(name[:_LONGEST])) is not None:
        return f"put a colon after the name: `{found[1]}: {{...}}`"
    if (called := _CALLED.match(name[:_LONGEST])) is not None:
        help = load_context.example(name, None, load_context.block_params) if load_context.example is not None else ""
        form = f"`{called[1]}: {{...}}`, or `{called[1]}` without attributes"
        return help or f"a spec has no calls as in Python: write {form}"
    if name == "lambda":
        return "not in the language: it runs no code of one's own"
    return ""


def cut_call(raw: LocatedList, index: int) -> tuple[str, Span, int] | None:
    """A call of Python that commas have cut, as in `[Linear(64, 10), relu]`, and the index of its last part."""
    first, start = raw[index], raw.item_spans[index]
    if not isinstance(first, str) or len(first) > _LONGEST or not _CALLED.match(first) or not unclosed(first):
        return None
    for last in range(index + 1, min(index + 20, len(raw))):
        end = raw.item_spans[last]
        if end.end_line != start.line or end.source is not start.source or end.column - start.column > _LONGEST:
            return None
        text = start.source.line(start.line)[start.column - 1 : end.end_column - 1]
        if not unclosed(text):
            return text, Span(start.source, start.line, start.column, end.end_line, end.end_column), last
    return None


def not_one_kind(kinds: list[str], raw: LocatedDict, span: Span, load_context: LoadContext) -> None:
    """Note that an item is of several kinds, or of none."""
    if kinds:
        span = raw.key_spans[kinds[1]]
        found = ", ".join(f"`{kind[:40]}`" for kind in kinds[:-1][:5]) + f" and `{kinds[-1][:40]}`"
        help = _dedented(raw, load_context) or _beside_from(kinds, raw)
        help = help or "put each in an item of its own, after its own dash"
    else:
        found = "none" if raw else "an empty mapping"
        help = "name an op or a block, or give `layers`"
    load_context.error("E0202", f"an item has one kind, found {found}", span, help=help)


def _dedented(raw: LocatedDict, load_context: LoadContext) -> str:
    """A call's attributes stand beside its name, as they do when they are indented as far as it."""
    first, *others = [key for key in raw if key not in _CONDITION]
    if raw[first] is not None or load_context.example is None:
        return ""
    return load_context.example(first, {key: raw[key] for key in others}, load_context.block_params)


def _beside_from(kinds: list[str], raw: LocatedDict) -> str:
    """`{from: a, relu: {}}`: what starts from a tap is a list of items."""
    if kinds[0] not in ("from", "layers") or len(kinds) != 2:
        return ""
    name = kinds[1][:40]
    item = f"{name}: ..." if raw[kinds[1]] else name
    if kinds[0] == "layers":
        return f"put it into the list, as an item: `layers: [..., {item}]`"
    return f"what starts from a tap is a list of items: `layers: [{item}]`"


def no_repeat(body: object, span: Span, load_context: LoadContext) -> None:
    """Note that `repeat` has no mapping."""
    times = body if isinstance(body, int | str) and len(str(body)) <= 40 else 3
    help = f"write `repeat: {{times: {times}, layers: [...]}}`"
    load_context.error("E0202", f"`repeat` must be a mapping, found {describe(body)}", span, help=help)


def example(name: str, body: object, load_context: LoadContext) -> str:
    """How a call is written whose attributes are given as a bare value."""
    if load_context.example is None:
        return f"write `{name}: {{attribute: value}}`"
    return load_context.example(name, body, load_context.block_params)


def input_help(value: object) -> str:
    """How an input is written whose sizes stand in a list."""
    if isinstance(value, int | str) and not isinstance(value, bool) and len(str(value)) <= 40:
        return f"write `{{shape: [{value}]}}`"
    if not isinstance(value, LocatedList) or not value or len(value) > 4 or any(len(str(v)) > 40 for v in value):
        return ""
    shape = f"`{{shape: [{', '.join(map(str, value))}]}}`"
    if len(value) != 3:
        return f"write {shape}, without the batch"
    # Keras and TensorFlow put the channels last.
    channels, height, width = value if value[2] not in (1, 3) or value[0] in (1, 3) else [value[2], *value[:2]]
    return f"write `{{channels: {channels}, height: {height}, width: {width}}}`, or {shape} if it is no image"


def unclosed(text: object) -> bool:
    """Whether a text ends inside a bracket: a comma has cut it off, if it stands in a flow mapping without quotes."""
    if isinstance(text, list):
        return any(isinstance(item, str) and unclosed(item) for item in text[:20])
    if not isinstance(text, str):
        return False
    return text.count("(") > text.count(")") or text.count("[") > text.count("]")


def cut_off(key: str) -> bool:
    """Whether a key is the rest of an expression that a comma has cut in two: `8)`."""
    return key.count(")") > key.count("(") or key.count("]") > key.count("[")


def comma_help(key_span: Span | None, span: Span | None, text: object) -> str:
    """How an expression is written that YAML has cut off at a comma; empty if that is not what happened."""
    if span is None or not unclosed(text) or span.line != span.end_line:
        return ""
    line = span.source.line(span.line)
    rest = line[span.column - 1 :]
    if isinstance(text, list):
        whole = line[span.column - 1 : span.end_column - 1]
    elif rest[:1] in ("'", '"') or not line[span.end_column - 1 :].lstrip().startswith(","):
        return ""
    else:
        whole = _closed(rest[:200]) or f"{text}, ..."
    if '"' in whole:
        return ""
    key = ""
    if key_span is not None and key_span.line == span.line and key_span.source is span.source:
        key = line[key_span.column - 1 : key_span.end_column - 1] + ": "
    return f'an expression with a comma stands in quotes: `{key}"{whole}"`'


def cut_texts(data: LocatedDict) -> dict[str, str]:
    """The keys that are the rest of a text, which a comma has cut off in a flow mapping; and how it is written.

    `{doc: the inner features, as a multiple}` has the key `as a multiple`, without a value. Where commas have cut
    off more than one, the help of all but the first is empty: they are of the same text.
    """
    parts: dict[str, list[str]] = {}
    begun, last = "", None
    for key, value in data.items():
        span = data.key_spans.get(key)
        cut = value is None and span is not None and last is not None and _only_comma(last, span)
        if cut and (isinstance(data[begun], str) or " " in key):
            parts.setdefault(begun, []).append(key)
            last = span
        else:
            begun, last = key, data.value_spans.get(key) if isinstance(value, str | int | float) else None
    return {
        key: "" if index else _in_quotes(data, begun, rest)
        for begun, rest in parts.items()
        for index, key in enumerate(rest)
    }


def _only_comma(before: Span, key: Span) -> bool:
    """Whether just a comma stands between a text without quotes and a key, and no colon after the key."""
    source = before.source
    line, after = source.line(before.end_line), key.source.line(key.line)
    if source is not key.source or source.line(before.line)[before.column - 1 :][:1] in ("'", '"'):
        return False
    if key.source.line(key.end_line)[key.end_column - 1 :].lstrip().startswith(":"):
        return False
    if before.end_line == key.line:
        return line[before.end_column - 1 : key.column - 1].strip() == ","
    between = line[before.end_column - 1 :].strip(), after[: key.column - 1].strip()
    return before.end_line + 1 == key.line and between == (",", "")


def _in_quotes(data: LocatedDict, begun: str, rest: list[str]) -> str:
    """How a text is written that is the value of `begun` and the keys after it."""
    whole = ", ".join([str(data[begun]), *rest])
    if len(whole) > 200 or "\\" in whole or ('"' in whole and "'" in whole):
        return "a comma ends a text without quotes: put the whole of it in quotes"
    quote = "'" if '"' in whole else '"'
    return f"a comma ends a text without quotes; put it in quotes: `{begun[:80]}: {quote}{whole}{quote}`"


def _closed(text: str) -> str:
    """A text up to where its brackets are closed, and what follows before a comma or brace; empty if nowhere."""
    depth, opened = 0, False
    for index, char in enumerate(text):
        depth += (char in "([") - (char in ")]")
        opened = opened or char in "(["
        if opened and depth <= 0 and (index + 1 == len(text) or text[index + 1] in ",}]"):
            return text[: index + 1]
    return ""


_BRACKET: Final = re.compile(r"([A-Za-z_]\w*):\s+(?=[A-Za-z_(][^\"'{},\[]*\[)")
_CALL_WITHOUT_COLON: Final = re.compile(r"\s*-\s+([A-Za-z_]\w*)\s*\{")
_CALL_IN_BRACKETS: Final = re.compile(r"[\[,]\s*((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)\([^\"']*[\"']")
_DASH_WITHOUT_SPACE: Final = re.compile(r"\s*-([A-Za-z_]\w*)")


def yaml_help(line: str) -> str:
    """What may be wrong with a line that is not YAML."""
    line = line[:1000]
    if (found := _CALL_WITHOUT_COLON.match(line)) is not None:
        return f"put a colon after the name: `- {found[1]}: {{...}}`"
    if (found := _DASH_WITHOUT_SPACE.match(line)) is not None:
        return _SPACE.format(found[1])
    if (found := _CALL_IN_BRACKETS.search(line)) is not None:
        return f"a spec has no calls as in Python: write `{found[1]}: {{...}}`"
    for found in _BRACKET.finditer(line):
        if text := _expression(line[found.end() :]):
            return f'an expression with brackets stands in quotes: `{found[1]}: "{text}"`'
    return ""


def _expression(text: str) -> str:
    """A text up to the comma or bracket that ends it in a flow mapping or list; empty where it closes too few."""
    depth = 0
    for index, char in enumerate(text):
        if depth == 0 and char in ",}])":
            return text[:index].strip()
        depth += (char in "([") - (char in ")]")
    return text.strip() if depth == 0 else ""


def expression_help(text: object, key_span: Span | None = None, span: Span | None = None) -> str:
    """What was probably meant by something that is not an expression."""
    if isinstance(text, Mapping):
        key = next(iter(text)) if len(text) == 1 and next(iter(text.values())) is None else ""
        return f"write `{key}`, without braces" if isinstance(key, str) and key.isidentifier() else ""
    if help := comma_help(key_span, span, text):
        return help
    if not isinstance(text, str) or len(text) > 200:
        return ""
    if (found := re.fullmatch(r"\s*([0-9]+)\s*[x×]\s*([0-9]+)\s*", text)) is not None:
        same = found[1] == found[2]
        return f"write `{found[1]}`: one number stands for both" if same else f"write `[{found[1]}, {found[2]}]`"
    if (found := re.fullmatch(r"\s*(?:\$?\{+\s*([A-Za-z_]\w*)\s*\}+|\$([A-Za-z_]\w*))\s*", text)) is not None:
        return f"write `{found[1] or found[2]}`: the whole value is an expression"
    if len(parts := re.split(r"(?<![=!<>])=(?!=)", text)) == 2:
        return f"write `{parts[0].strip()} == {parts[1].strip()}`: two signs compare"
    return ""
