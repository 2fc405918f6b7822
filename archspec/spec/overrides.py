"""The values that params are given from outside: by a variant, on a command line, in Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from archspec.errors import Source, Span, did_you_mean
from archspec.expr import ExprError, names, parse
from archspec.limits import Budget
from archspec.spec.base import Attribute
from archspec.spec.document import Document
from archspec.spec.key_suggestions import CHANNEL_WORDS, PARAM_NAMES
from archspec.spec.located_data import LoadContext
from archspec.spec.model import Spec
from archspec.spec.params import shown
from archspec.spec.scalars import NumberTooLargeError, describe, resolve
from archspec.spec.yaml_reader import read_text


class FromSet(str):
    """A value that was given by `--set`, as errors about it say; others were given in Python."""

    __slots__ = ()


def network_overrides(spec: Spec, overrides: Mapping[str, object], load_context: LoadContext) -> dict[str, Attribute]:
    """The values that are given to params: those of the variant, and over them those from outside."""
    tables = {name: _variant(spec, values, load_context) for name, values in spec.variants.items()}
    chosen = spec.variant
    if tables and "variant" in overrides:
        overrides = dict(overrides)
        given = overrides.pop("variant")
        chosen = str(given)
        if chosen not in tables:
            _, span, _ = _places("variant", given)
            message = f"no variant of {spec.name} is called `{chosen[:80]}`"
            load_context.error("E0411", message, span, help=did_you_mean(chosen, tables, [*tables]))
    spec._chosen_variant = chosen
    return {**tables.get(chosen or "", {}), **read_overrides(spec, overrides, load_context)}


def _variant(spec: Spec, values: Mapping[str, Attribute], load_context: LoadContext) -> dict[str, Attribute]:
    """What a variant gives to params; all of them are looked at, whichever is chosen."""
    found: dict[str, Attribute] = {}
    for name, given in values.items():
        if name in load_context.refused and name not in spec.params:
            continue
        read = _given(spec, name, given, load_context)
        if read is not None:
            found[name] = read
    return found


def read_overrides(spec: Document, overrides: Mapping[str, object], load_context: LoadContext) -> dict[str, Attribute]:
    """The values that are given to params from outside, with their places; what is wrong with them is noted."""
    return {
        name: found
        for name, value in overrides.items()
        if (found := _override(spec, str(name), value, load_context)) is not None
    }


def _places(name: str, value: object) -> tuple[Span, Span, str]:
    """Where a param that is given from outside stands, its name and its value; and what is written before the value."""
    written = value if isinstance(value, str) else _as_yaml(value)
    source = Source("--set" if isinstance(value, FromSet) else "argument", f"{name}={written}")
    start = len(name) + 1
    before = f"--set {name}=" if isinstance(value, FromSet) else f"{name}="
    return Span(source, 1, 1, 1, start), Span(source, 1, start + 1, 1, start + 1 + len(written)), before


def _override(spec: Document, name: str, value: object, load_context: LoadContext) -> Attribute | None:
    name_span, span, before = _places(name, value)
    try:
        # As a plain string: YAML's parser takes any other kind, such as `FromSet`, for a file.
        raw = _from_string(str(value), load_context) if isinstance(value, str) else value
    except NumberTooLargeError as error:
        load_context.error("E0304", str(error), span)
        return None
    return _given(spec, name, Attribute(raw, span, name_span), load_context, before)


def _other_param(spec: Document, name: str) -> str:
    """What another library's word for a param is here; empty where it is none."""
    if (own := PARAM_NAMES.get(name.lower())) in spec.params:
        return f"did you mean `{own}`?"
    if name.lower() in CHANNEL_WORDS and isinstance(spec, Spec):
        if (own := next((word for word in CHANNEL_WORDS if word in spec.params), None)) is not None:
            return f"did you mean `{own}`?"
        return f"it is no param: write a spec of two lines, `extends: {spec.name}` and `input: {{channels: ...}}`"
    return ""


def _given(
    spec: Document, name: str, given: Attribute, load_context: LoadContext, before: str = ""
) -> Attribute | None:
    """A value that a param is given; what is wrong with it is noted. `before` is what is written before the value."""
    raw, span, name_span = given.raw, given.span, given.key_span
    if name not in spec.params:
        help = _other_param(spec, name) or did_you_mean(name, spec.params) or f"{spec.name} has no params"
        load_context.error("E0401", f"unknown param `{name[:80]}`", name_span, help=help)
        return None
    if isinstance(raw, tuple):
        raw = list(raw)
    if not isinstance(raw, int | float | str | list | dict):
        message = f"`{name}` must be a number, a string, a list or a mapping, found {describe(raw)}"
        load_context.error("E0202", message, span)
        return None
    param = spec.params[name]
    if param.choices is not None and not param.allows(raw):
        message = f"`{name}` cannot be {describe(raw)}"
        load_context.error("E0411", message, span, help=shown(param.choices))
        return None
    default = param.default.raw if param.default is not None else None
    if param.choices is None and isinstance(raw, float) and isinstance(default, int) and not isinstance(default, bool):
        if not raw.is_integer():
            message = f"`{name}` is {raw}; a whole number is expected, as its default {default} is"
            load_context.error("E0411", message, span, help="a default such as 2.0 would allow it")
            return None
        raw = int(raw)
    if param.choices is None and not _suits(raw, default, load_context.budget):
        expected = next((words for kind, words in _EXPECTED if isinstance(default, kind)), "a value of another kind")
        message = f"`{name}` is {describe(raw)}; {expected} is expected"
        help = "without `choices` a param takes numbers, `true`, `false`, and lists of them"
        if isinstance(raw, str) and raw.isidentifier() and isinstance(default, str) and default.isidentifier():
            listed = f"{{default: {default}, choices: [{default}, {raw[:40]}]}}"
            help = f"a word is one of the param's choices: `{name}: {listed}`"
        if param.default is not None and not isinstance(default, str):
            message += f", as its default {_as_yaml(default)} is"
            values = ("true", "false") if isinstance(default, bool) else (_as_yaml(default),)
            before = before or f"{name}: "
            help = "write " + " or ".join(f"`{before}{each}`" for each in values)
            help += "" if isinstance(default, bool) else f", or another {expected.split()[-1]}"
        load_context.error("E0411", message, span, help=help)
        return None
    return Attribute(raw, span, name_span)


_EXPECTED: Final = ((bool, "true or false"), (int | float, "a number"), (list, "a list"), (dict, "a mapping"))


def _suits(raw: object, default: object, budget: Budget) -> bool:
    """Whether a value may stand for a param with this default, as far as it is plain to see."""
    if isinstance(raw, str):
        try:
            return not names(parse(raw, budget), budget)  # there is nothing that it could mention
        except ExprError as error:
            return error.too_large  # which is said where it is worked out
    if isinstance(raw, int | float) and isinstance(default, int | float):
        return isinstance(raw, bool) == isinstance(default, bool)
    if isinstance(raw, dict) or isinstance(default, dict):
        return default is None or isinstance(raw, dict) == isinstance(default, dict)
    return True


def _from_string(text: str, load_context: LoadContext) -> object:
    """A value from the command line: a scalar, a list in brackets, or a mapping in braces."""
    if not text.startswith(("[", "{")):
        return resolve(text, load_context.limits.digits)
    trial = LoadContext(load_context.budget)
    value = read_text(text, "--set", trial)
    # What is not a list may still be an expression: `[1, 2] * 2`.
    return text if trial.diagnostics or not isinstance(value, list | dict) else value


def _as_yaml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)[:200]
