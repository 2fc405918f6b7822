"""The page `docs/reference.md`: every key of the language, made from the models, and the words that it does not use."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from archspec.spec import Block, Depth, Input, Model, Param, Pretrained, Repeat, Reuse, Sequence, Spec, Stage, Tap
from archspec.spec.compose import LIBRARY_KEYS
from archspec.spec.forms import RESERVED
from archspec.spec.key_suggestions import TAKEN_NAMES
from archspec.spec.model import NOT_PARAMS

MODELS: Final[tuple[tuple[str, type[Model], str], ...]] = (
    ("A spec", Spec, "language.md#files"),
    ("A block", Block, "language.md#blocks"),
    ("A param", Param, "language.md#params"),
    ("An input", Input, "language.md#input-and-output"),
    ("A depth", Depth, "language.md#depth"),
    ("Pretrained weights", Pretrained, "language.md#pretrained-weights"),
    ("A stage", Stage, "language.md#stages"),
    ("A sequence", Sequence, "language.md#sequences"),
    ("A repeat", Repeat, "language.md#repeats"),
    ("A tap", Tap, "language.md#taps"),
    ("A reuse", Reuse, "language.md#weights-that-are-used-again"),
)
"""The mappings of the language: heading, model, and where the guide describes it."""

FORMS: Final[Mapping[str, tuple[str, str]]] = {
    "Block": ("a block", "#a-block"),
    "Defaults": ("a mapping of ops to attributes", "ops.md"),
    "Depth": ("a depth", "#a-depth"),
    "Expression": ("an expression", "language.md#expressions"),
    "Input": ("an input", "#an-input"),
    "Item": ("an item", "#items"),
    "Items": ("a list of items", "#items"),
    "Param": ("a param", "#a-param"),
    "Pretrained": ("what is said of existing weights", "#pretrained-weights"),
    "Size": ("a size", "language.md#expressions"),
    "StageOrItem": ("a stage or an item", "#a-stage"),
    "Value": ("a value", "language.md#expressions"),
}
"""What the definitions of the JSON Schema are called here, and where they are described."""

ITEMS: Final = (
    ("relu", "an op or a block, without attributes", "ops.md"),
    ("conv: {filters: 64, kernel: 3}", "an op with attributes; each takes `name`, the layer's own", "ops.md"),
    ("bottleneck: {depth: 256}", "a call of a block with its params, and `name`, the call's own", "#a-block"),
    ("add: [[], [relu]]", "a merge: each branch is a list of items, or one item", "language.md#merges"),
    ("concat: {name: joined, branches: [[], [relu]]}", "a merge with a name or attributes", "language.md#merges"),
    ("{name: features, layers: [relu]}", "a sequence", "#a-sequence"),
    ("{from: early, layers: [relu]}", "a sequence that starts at a tap", "#a-sequence"),
    ("repeat: {times: 3, layers: [relu]}", "items several times over", "#a-repeat"),
    ("reuse: tower", "an item once more, with the same weights", "#a-reuse"),
    ("tap: early", "a mark on the tensor that arrives", "#a-tap"),
    ("stage: {name: layer1, block: bottleneck, units: [[256]]}", "a stage that is no entry of `stages`", "#a-stage"),
    ("{relu: {}, when: wide, else: sigmoid}", "any but a tap and a stage, on a condition", "language.md#conditions"),
)
"""The forms of an item, each with what it is and where it is described."""

_TYPES: Final = {
    "array": "a list",
    "boolean": "true or false",
    "number": "a number",
    "object": "a mapping",
    "string": "a string",
}
_NULL: Final = {"type": "null"}


def page(notice: str) -> Iterator[str]:
    """The lines of the page."""
    yield from ("# Reference", "", notice, "")
    yield "Every key of version 1 of the language: what it takes, and whether it may be left out. There are no others."
    yield "[The guide](language.md) says how they work together, [ops.md](ops.md) has the ops and their attributes."
    yield "`archspec schema` prints the same as a JSON Schema, for editors."
    for heading, model, guide in MODELS:
        yield from ("", f"## {heading}", "", f"{_doc(model)} [The guide]({guide}) says more.", "")
        yield from ("| key | takes | if left out | meaning |", "|---|---|---|---|")
        yield from _keys(model)
        if model is Spec:
            yield from ("", f"A library of blocks, which `include` names, has {_listed(LIBRARY_KEYS, 'and')} alone.")
        if model is Param:
            yield from (
                "",
                f"No param can be called {_listed(TAKEN_NAMES)}, none of a block's `in_channels`, "
                f"and none of a network's {_listed(sorted(NOT_PARAMS))}.",
            )
        if model.other_words:
            yield from ("", "Words of other libraries that are refused (E0412):", "")
            for fix in dict.fromkeys(model.other_words.values()):
                words = (f"`{word}`" for word, other in model.other_words.items() if other == fix)
                yield f"- {', '.join(words)}: {fix}."
    yield from ("", "## Items", "", "What stands in a list of layers has one of these forms:", "")
    yield from ("| written | what it is |", "|---|---|")
    yield from (f"| `{form}` | [{meaning}]({where}) |" for form, meaning, where in ITEMS)
    yield from ("", f"No op and no block is called {_listed(RESERVED)}.")


def _keys(model: type[Model]) -> Iterator[str]:
    properties: Mapping[str, Any] = model.model_json_schema()["properties"]
    for name, info in model.model_fields.items():
        key = info.alias or name
        absent = "required" if info.is_required() else _absent(info.get_default(call_default_factory=True))
        yield f"| `{key}` | {_takes(properties[key])} | {absent} | {info.description} |"


def _absent(default: object) -> str:
    match default:
        case None:
            return "not there"
        case "" | () | {}:
            return "empty"
        case str():
            return f"`{default}`"
        case bool():
            return f"`{str(default).lower()}`"
        case int() | float():
            return f"`{default:g}`"
        case (int() | float() as number,):
            return f"`{number:g}`"
    raise ValueError(f"no words for the default {default!r}")


def _takes(found: Mapping[str, Any]) -> str:
    """What a field takes, in words, from its JSON Schema.

    Raises:
        ValueError: it has a form that this page has no words for.
    """
    match found:
        case {"$ref": str(where)}:
            words, link = FORMS[where.rpartition("/")[2]]
            return f"[{words}]({link})"
        case {"anyOf": list(forms)}:
            name = {"pattern": found["pattern"]} if "pattern" in found else {}
            forms_told = (_takes({**name, **form}) + _told(form) for form in forms if form != _NULL)
            return ", or ".join(dict.fromkeys(forms_told))
        case {"const": value}:
            return f"`{value}`"
        case {"enum": list(values)}:
            return _listed(map(str, values))
        case {"type": "array", "items": items}:
            return f"a list, each {_takes(items)}"
        case {"type": "object", "additionalProperties": items} if isinstance(items, dict):
            return f"a mapping of names, each to {_takes(items)}"
        case {"type": "string", "pattern": str(pattern)} if pattern.startswith("^[A-Za-z_]"):
            return "a name"
        case {"type": "integer", "minimum": least}:
            return f"a whole number, {least} or more"
        case {"type": list(types)}:
            return ", or ".join(_TYPES[name] for name in types if name != "null")
        case {"type": str(name)}:
            return _TYPES[name]
    raise ValueError(f"no words for {found}")


def _told(form: Mapping[str, Any]) -> str:
    """What is said of one form among several."""
    return f" ({form['description']})" if "description" in form else ""


def _doc(kind: type[object]) -> str:
    return " ".join((inspect.getdoc(kind) or "").split())


def _listed(words: Iterable[str], joined: str = "or") -> str:
    *others, last = (f"`{word}`" for word in words)
    return f"{', '.join(others)} {joined} {last}"
