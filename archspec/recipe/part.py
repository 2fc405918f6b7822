"""What a recipe names by a word: an optimizer, a loss, a phase of a schedule, an augmentation.

Each is a frozen dataclass whose fields are made with `attribute`: of them come what is read, the schema, the tables of
docs/recipes.md and the messages. A registry holds those of one kind by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Generic, NamedTuple, TypeVar

from archspec.errors import did_you_mean
from archspec.ir.op import Described


class Problem(NamedTuple):
    """What is wrong between the values of a part's attributes, each of which is right by itself."""

    attribute: str
    message: str
    help: str = ""


@dataclass(frozen=True, slots=True)
class Part(Described):
    """Base of all that a recipe names by a word."""

    bare: ClassVar[str] = ""
    """The attribute that a value without a name gives, as in `flip: horizontal`."""
    known_as: ClassVar[Mapping[str, str]] = {}
    """Names of other libraries that mean it, each with what else has to be known of it; case and `_` are no matter."""
    example: ClassVar[str] = ""
    """How it is written, for the documentation; its word alone where this is empty."""

    def problems(self) -> Iterator[Problem]:
        """What does not fit together among the attributes."""
        return iter(())


_WRITTEN: Final = re.compile(r"write `(\w+)")


def words_for(attributes: Iterable[str], words: Mapping[str, str]) -> dict[str, str]:
    """The words of other libraries whose help names one of these attributes, or none."""
    named = {word: _WRITTEN.match(help) for word, help in words.items()}
    return {word: words[word] for word, found in named.items() if found is None or found[1] in attributes}


P = TypeVar("P", bound=Part)


class Registry(Mapping[str, type[P]], Generic[P]):
    """The parts of one kind by name, in the order of their registration."""

    def __init__(self, noun: str, doc: str, not_here: Mapping[str, str] | None = None) -> None:
        """A registry without parts.

        Args:
            noun: what one of them is: "an optimizer".
            doc: what is said of all of them, for the documentation.
            not_here: names of other libraries that mean something which is said elsewhere or cannot be said, each with
                what to do.
        """
        self.noun = noun
        self.doc = doc
        self._parts: dict[str, type[P]] = {}
        self._not_here = {_letters(name): help for name, help in (not_here or {}).items()}

    def register(self, part: type[P]) -> type[P]:
        """Let recipes name a part: a decorator of its class."""
        if part.name in self._parts:
            raise ValueError(f"two parts are called {part.name}")
        self._parts[part.name] = part
        return part

    def __getitem__(self, name: str) -> type[P]:
        return self._parts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def help(self, name: str) -> str:
        """What to write instead of a name that is none of these."""
        letters = _letters(name)
        if letters in self._not_here:
            return self._not_here[letters]
        for part in self._parts.values():
            others = {_letters(other): remark for other, remark in part.known_as.items()}
            if letters == _letters(part.name) or letters in others:
                remark = others.get(letters, "")
                if remark.startswith(f"`{part.name}"):
                    return f"write {remark}"
                return f"write `{part.name}`" + (f": {remark}" if remark else "")
        return did_you_mean(name, self._parts)


def _letters(name: str) -> str:
    """`torch.optim.AdamW` and `adam_w` are one name."""
    return "".join(filter(str.isalnum, name.rpartition(".")[2].lower()))
