"""The words of other libraries, from `vocabulary.yaml`, which is read when the first of them is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from archspec.ir.ops import OPS

_FILE: Final = Path(__file__).with_name("vocabulary.yaml")
_INPUTS: Final[Mapping[str, str]] = {
    "1": "a signal, as `input: {channels: 1, length: 16000}`",
    "3": "a volume, as `input: {channels: 3, depth: 16, height: 112, width: 112}`",
}
_LONGEST: Final = 80
_DIMENSIONS: Final = re.compile(r"([123])d(?=transpose$|inplane$|withindices$|$)")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a name of another library means here.

    Either an op with what makes it the same, a form that is written instead, or the reason why there is nothing.
    """

    op: str = ""
    given: Mapping[str, object] = field(default_factory=dict[str, object])
    """Attributes without which the op would mean something else."""
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """Attributes of the other library, each with those that follow from it; `{}` is its value."""
    then: str = ""
    say: str = ""
    form: str = ""
    not_here: str = ""
    branch: bool = False
    """Whether a list of items under it is one branch, beside which what arrives is another."""
    of: str = ""
    """For a 1-D or 3-D layer the input that makes the op one."""


def meaning(name: str) -> Meaning | None:
    """What a name of another library means; None if no library is known that has it.

    `torch.nn.Conv2d`, `Conv2D`, `conv_2d` and `slim.conv2d` are one name, and `LazyConv2d` means the same.
    Whatever ends in `Loss` is one.
    """
    if len(name) > _LONGEST:
        return None
    letters = _letters(name)
    for key in (letters, letters.removeprefix("lazy"), letters.removeprefix("legacy")):
        if (found := _meaning(key)) is not None:
            return found
    return _table()["loss"] if letters.endswith(("loss", "withlogits")) else None


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.rpartition(".")[2].lower())


def _meaning(key: str) -> Meaning | None:
    table = _table()
    if key in table:
        return table[key]
    dimensions = _DIMENSIONS.search(key)
    if dimensions is None:
        return None
    plain = key[: dimensions.start()] + key[dimensions.end() :]
    found = table.get(plain)
    if found is None or found.not_here or dimensions[1] == "2":
        return found
    return replace(found, of=_INPUTS[dimensions[1]] if found.op else "")


@cache
def _table() -> dict[str, Meaning]:
    data = vocabulary()
    table = {op.replace("_", ""): Meaning(op) for op in OPS}
    for op in OPS.sound():
        table |= {_letters(name): Meaning(op.name, say=say) for name, say in op.known_as.items()}
    for name, entry in data["ops"].items():
        if isinstance(entry, str):
            table[name] = Meaning(entry)
            continue
        table[name] = Meaning(
            entry.get("write", ""),
            entry.get("with", {}),
            entry.get("words", {}),
            entry.get("then", ""),
            entry.get("say", ""),
            entry.get("form", ""),
            branch=entry.get("branch", False),
        )
    for reason in data["not_here"].values():
        table |= {name: Meaning(not_here=reason["say"]) for name in reason["names"].split()}
    return table


@cache
def vocabulary() -> Mapping[str, Any]:
    """The file's content."""
    import yaml  # only needed on the way to an error

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return dict(yaml.load(_FILE.read_text(encoding="utf-8"), loader))


def attribute_words() -> Mapping[str, str]:
    """Words of attributes that mean the same whatever the op is, each with what to write instead."""
    found: Mapping[str, str] = vocabulary()["attributes"]
    return found


def other_word(attribute: str, word: str) -> str:
    """The word that means the same for an attribute; empty if there is none."""
    return str(vocabulary()["words"].get(attribute, {}).get(word.lower(), ""))


def word_not_here(attribute: str, word: str) -> str:
    """Why an attribute has no such word, where other libraries have it; empty if none is known to."""
    return str(vocabulary()["words_not_here"].get(attribute, {}).get(word.lower(), ""))
