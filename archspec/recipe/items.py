"""Items of a recipe: a word of a registry with its attributes, in each way to write it, with their places.

`adam: {learning_rate: 1e-3}`, `flip: horizontal` and `center_each` are items. In a list an item may have a condition,
as layers have: `{flip: horizontal, when: augment}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from archspec.errors import Span, did_you_mean, nearest
from archspec.recipe.part import Part, Registry
from archspec.spec.base import Attribute, attribute
from archspec.spec.form_suggestions import one_item_help
from archspec.spec.located_data import LoadContext, LocatedDict, LocatedList
from archspec.spec.scalars import describe

CONDITION: Final = ("when", "else")


@dataclass(frozen=True, slots=True)
class Item:
    """A part of a recipe as it is written: its values are not worked out."""

    part: type[Part]
    attributes: Mapping[str, Attribute]
    span: Span | None = field(default=None, compare=False)
    """Where its word is written."""
    when: Attribute | None = None
    otherwise: tuple[Item, ...] = ()


def read_items(
    registry: Registry[Any], raw: object, span: Span | None, reading: LoadContext
) -> tuple[Item, ...] | None:
    """The items of a list; those that are wrong are left out, and their errors are noted. None: it is no list."""
    if not isinstance(raw, LocatedList):
        help = one_item_help(raw)
        message = f"a list of items is expected, found {describe(raw)}"
        reading.error("E0202", message, span, help=help)
        reading.refuse(raw)
        return None
    found: list[Item] = []
    for each, place in zip(raw, raw.item_spans, strict=True):
        item = read_item(registry, each, place, reading, conditional=True)
        if item is not None:
            found.append(item)
    return tuple(found)


def read_item(
    registry: Registry[Any], raw: object, span: Span | None, reading: LoadContext, *, conditional: bool = False
) -> Item | None:
    """One item; None if it is wrong, with the reasons noted."""
    item = _read_item(registry, raw, span, reading, conditional)
    if item is None:
        reading.refuse(raw)
    return item


def _read_item(
    registry: Registry[Any], raw: object, span: Span | None, reading: LoadContext, conditional: bool
) -> Item | None:
    if isinstance(raw, str):
        return _with_word(registry, raw, span, None, span, reading)
    if not isinstance(raw, LocatedDict):
        message = f"{registry.noun} must be a word, or a mapping of a word to attributes, found {describe(raw)}"
        reading.error("E0202", message, span, help=_written(registry))
        return None
    words = [key for key in raw if not (conditional and key in CONDITION)]
    if len(words) != 1:
        _not_one_word(registry, words, raw, reading)
        return None
    word = words[0]
    item = _with_word(registry, word, raw.key_spans[word], raw[word], raw.value_spans[word], reading)
    if item is None or len(raw) == 1:
        return item
    return _on_condition(item, registry, raw, reading)


def _on_condition(item: Item, registry: Registry[Any], raw: LocatedDict, reading: LoadContext) -> Item | None:
    if "when" not in raw:
        help = "give the condition with `when`"
        reading.error("E0202", "an `else` without a `when`", raw.key_spans["else"], help=help)
        return None
    when, otherwise = attribute(raw, "when"), tuple[Item, ...]()
    if when.raw is None or isinstance(when.raw, dict | list):
        message = f"`when` must be a condition, found {describe(when.raw)}"
        reading.error("E0202", message, when.span if when.raw is not None else when.key_span)
        return None
    if "else" in raw:
        other, place = raw["else"], raw.value_spans["else"]
        if isinstance(other, LocatedList):
            otherwise = read_items(registry, other, place, reading) or ()
        else:
            single = read_item(registry, other, place, reading)
            otherwise = () if single is None else (single,)
    return Item(item.part, item.attributes, item.span, when, otherwise)


def _not_one_word(registry: Registry[Any], words: list[str], raw: LocatedDict, reading: LoadContext) -> None:
    if not words:
        found = "none" if raw else "an empty mapping"
        reading.error("E0202", f"{registry.noun} has a word, found {found}", raw.span, help=_written(registry))
        return
    first = words[0]
    if first in registry and raw[first] is None and all(word in registry[first].attributes() for word in words[1:]):
        help = f"indent what follows the word by more than it, or write `{first}: {{{words[1]}: ...}}`"
    elif first not in registry and any(word in part.attributes() for part in registry.values() for word in words[1:]):
        help = _written(registry)
    else:
        help = "put each in an item of its own, after its own dash"
    found = ", ".join(f"`{word[:40]}`" for word in words[:-1][:5]) + f" and `{words[-1][:40]}`"
    reading.error("E0202", f"{registry.noun} has one word, found {found}", raw.key_spans[words[1]], help=help)


def _written(registry: Registry[Any]) -> str:
    example = next((part.example for part in registry.values() if part.example), "")
    return f"as in `{example}`" if example else ""


def _with_word(
    registry: Registry[Any],
    word: str,
    word_span: Span | None,
    body: object,
    body_span: Span | None,
    reading: LoadContext,
) -> Item | None:
    part: type[Part] | None = registry.get(word)
    if part is None:
        reading.error("E0408", f"`{word[:80]}` is not {registry.noun}", word_span, help=registry.help(word))
        return None
    given = _given(part, word_span, body, body_span, reading)
    sound = None if given is None else check_attributes(part, given, word_span, reading)
    return Item(part, sound, word_span) if sound is not None else None


def _given(
    part: type[Part], word_span: Span | None, body: object, body_span: Span | None, reading: LoadContext
) -> dict[str, Attribute] | None:
    """The attributes of a mapping, or the one that a bare value gives; None if it is neither, which is noted."""
    if isinstance(body, LocatedDict):
        return {key: attribute(body, key) for key in body}
    if body is None:
        return {}
    if part.bare:
        return {part.bare: Attribute(body, body_span, word_span)}
    infos = list(part.attributes().values())
    if not infos:
        message, help = f"{part.name} has no attributes, found {describe(body)}", f"write `{part.name}`"
    else:
        message = f"the attributes of {part.name} must be a mapping, found {describe(body)}"
        value = body if isinstance(body, int | float | str) and len(str(body)) <= 40 else "..."
        first = next((info.name for info in infos if info.required), infos[0].name)
        help = f"write `{part.name}: {{{first}: {value}}}`"
    reading.error("E0202", message, body_span, help=help)
    return None


def read_section(part: type[Part], given: Attribute, reading: LoadContext) -> Item | None:
    """A part that stands under a key of its own: a mapping of attributes, or the value of the one that may be bare."""
    raw, span = given.raw, given.span
    where = given.key_span or span
    if not isinstance(raw, LocatedDict) and (not part.bare or isinstance(raw, list)):
        message = f"`{part.name}` must be a mapping, found {describe(raw)}"
        reading.error("E0202", message, span, help=f"as in `{part.example}`")
        reading.refuse(raw)
        return None
    attributes = _given(part, where, raw, span, reading) or {}
    sound = check_attributes(part, attributes, where, reading)
    if sound is None:
        reading.refuse(raw)
        return None
    return Item(part, sound, where)


def check_attributes(
    part: type[Part], given: Mapping[str, Attribute], where: Span | None, reading: LoadContext
) -> Mapping[str, Attribute] | None:
    """The attributes, if the part has each of them and gets all that it needs; if not, None, the reasons noted."""
    infos = part.attributes()
    sound = True
    for name, value in given.items():
        place = value.key_span or value.span
        if name in infos:
            if value.raw is None:
                message = f"`{name}` of {part.name}: {infos[name].kind.expects} is expected, found nothing"
                reading.error("E0411", message, place, help="leave the key out for its default")
            elif isinstance(value.raw, dict):
                message = f"`{name}` of {part.name}: {infos[name].kind.expects} is expected, this is a mapping"
                reading.error("E0411", message, value.span)
            else:
                continue
        elif name in part.two_meanings:
            reading.error("E0412", f"`{name}` is not a word of {part.name}", place, help=part.two_meanings[name])
        else:
            help = did_you_mean(name, [word for word in infos if word not in given], infos)
            reading.error("E0409", f"{part.name} has no attribute `{name[:80]}`", place, help=help)
        sound = False
    for name, info in infos.items():
        if not info.required or name in given:
            continue
        sound = False
        meant = any(f"`{name}" in part.two_meanings.get(word, "") for word in given)
        if not meant and not any(word not in infos and nearest(word, (name,)) is not None for word in given):
            example = f"as in `{part.example}`" if part.example else ""
            reading.error("E0410", f"{part.name} needs `{name}`: {info.doc}", where, help=example)
    return given if sound else None
