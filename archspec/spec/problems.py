"""Pydantic's errors in our own words.

A validator notes what is wrong in the `LoadContext` that comes with it as the context, where it knows the place, and
raises `reported()`; or it raises `wrong(...)`, and what pydantic says of the model around it gives the place. `note`
makes diagnostics of all that pydantic says of one model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pydantic import ValidationInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from archspec.errors import InternalError, Span, did_you_mean, nearest
from archspec.spec.form_suggestions import comma_help, cut_off, cut_texts
from archspec.spec.located_data import LoadContext, LocatedDict, LocatedList
from archspec.spec.scalars import describe

# What pydantic's error types mean, as the end of "must be ...".
_EXPECTED: Final[dict[str, str]] = {
    "string_type": "a string",
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
}


def reported() -> PydanticCustomError:
    """The exception for a value whose error is already noted."""
    return PydanticCustomError("reported", "already reported")


def wrong(expected: str, help: str = "") -> PydanticCustomError:
    """The exception for a value of the wrong form; `expected` ends the sentence "must be ...".

    The model around it knows the key and the place, and makes the diagnostic.
    """
    return PydanticCustomError("wrong_form", "must be {expected}", {"expected": expected, "help": help})


def load_context_of(info: ValidationInfo) -> LoadContext:
    """The `LoadContext` that a validation notes its errors in."""
    if not isinstance(info.context, LoadContext):
        raise InternalError("a spec is validated without a Reading; use `archspec.spec.load`")
    return info.context


def note(
    errors: Iterable[ErrorDetails],
    data: LocatedDict,
    load_context: LoadContext,
    *,
    noun: str,
    keys: Sequence[str],
    other_words: Mapping[str, str],
) -> None:
    """Note pydantic's errors about one model.

    Args:
        errors: what pydantic says.
        data: what the model was to be made of.
        reading: where the errors are noted.
        noun: what the model is, as people read it.
        keys: the keys that it has.
        other_words: keys of other libraries, each with what to write instead.
    """
    errors = list(errors)
    unknown = [str(error["loc"][0]) for error in errors if error["type"] == "extra_forbidden"]
    cut = cut_texts(data) if unknown else {}
    forms: dict[tuple[Span, str], tuple[object, list[str], str]] = {}
    for error in errors:
        kind, location, context = error["type"], error["loc"], error.get("ctx", {})
        key = str(location[0]) if location else ""
        if kind == "reported":
            continue
        if kind == "extra_forbidden":
            span = data.key_spans.get(key, data.span)
            if key in other_words:
                load_context.error("E0412", f"`{key}` is not a key of {noun}", span, help=other_words[key])
                continue
            if cut.get(key) == "":  # more of a text, of which the first part is noted
                continue
            help = cut.get(key) or did_you_mean(key, [name for name in keys if _is_free(name, data, span)], keys)
            if cut_off(key):
                hints = (comma_help(data.key_spans[name], data.value_spans[name], data[name]) for name in data)
                help = next(filter(None, hints), help)
            load_context.error("E0201", f"unknown key `{key[:80]}` in {noun}", span, help=help)
        elif kind == "missing":
            other = any(f"`{key}" in other_words.get(word, "") for word in unknown)
            if not other and nearest(key, unknown) is None:  # else it has another name there, and this is no news
                load_context.error("E0205", f"{noun} needs the key `{key}`", data.span)
        else:
            span, value, name = _deepest(data, location)
            expected = context.get("expected") or _EXPECTED.get(kind, "of another form")
            # A union gives one finding for each of its members: one sentence for all of them.
            entry = forms.setdefault((span, name), (value, [], context.get("help", "")))
            if expected not in entry[1]:
                entry[1].append(expected)
    for (span, name), (value, expected_forms, help) in forms.items():
        subject = name or noun
        message = f"{subject} must be {' or '.join(expected_forms)}, found {describe(value)}"
        if not help and expected_forms == ["a string"] and isinstance(value, int | float):
            help = "put it in quotes"
        load_context.error("E0202", message, span, help=help)


def _is_free(key: str, data: LocatedDict, span: Span) -> bool:
    """Whether a key is not there yet: what another file gives, which this one extends, can be given anew."""
    return key not in data or data.key_spans.get(key, span).source != span.source


def _deepest(data: LocatedDict, location: tuple[int | str, ...]) -> tuple[Span, object, str]:
    """The place, value and name that a location means, as far as it can be followed."""
    span, value, name = data.span, data, ""
    here: object = data
    for part in location:
        if isinstance(here, LocatedDict) and part in here:
            span, here = here.value_spans[str(part)], here[str(part)]
            name = f"`{str(part)[:80]}`"
        elif isinstance(here, LocatedList) and isinstance(part, int) and part < len(here):
            span, here = here.item_spans[part], here[part]
            name = f"item {part + 1} of {name}"
        else:
            break
        value = here  # type: ignore[assignment]
    return span, value, name
