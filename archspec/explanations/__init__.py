"""What each error code means: the texts that `archspec explain` shows and of which docs/errors.md is made.

They are the files `E01.yaml` to `E09.yaml` beside this module, one for each group of codes, read when one is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Final

import yaml

from archspec.errors import CODES, did_you_mean

GROUPS: Final[Mapping[str, str]] = {
    "E01": "Reading files",
    "E02": "The form of a spec",
    "E03": "Expressions",
    "E04": "Names, params, attributes, blocks",
    "E05": "Shapes",
    "E06": "Generating",
    "E07": "Weights",
    "E08": "Running",
    "E09": "Recipes",
    "E10": "Data for training",
}
"""The groups of codes, by what their codes begin with."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a code means. It has a spec or recipe that fails and one that is right, or a command that may lead to it."""

    code: str
    title: str
    means: str
    fix: str
    wrong: str = ""
    right: str = ""
    command: str = ""
    network: str = ""
    """The network that both recipes are for, where it matters; one that ships."""
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    """Other files that both specs name, by their paths."""

    @property
    def of_recipes(self) -> bool:
        """What fails and what is right are recipes, not networks."""
        return self.code.startswith("E09")


@cache
def _group(name: str) -> Mapping[str, Explanation]:
    found = yaml.safe_load((files(__name__) / f"{name}.yaml").read_text(encoding="utf-8"))
    return {code: Explanation(code, CODES[code], **entry) for code, entry in found.items()}


def explanation(text: str) -> Explanation:
    """The explanation of a code, which may be written as `E0502`, `e502` or `502`.

    Raises:
        ValueError: there is no such code.
    """
    digits = re.fullmatch(r"[eE]?(\d{1,4})", text.strip())
    code = f"E{int(digits[1]):04}" if digits else text.strip().upper()
    if code not in CODES:
        help = did_you_mean(code, CODES, known=()) or "`archspec explain` without a code lists them"
        raise ValueError(f"there is no error code {text[:40]!r}; {help}")
    return _group(code[:3])[code]


def all_explanations() -> dict[str, Explanation]:
    """The explanations of all codes, in the order of the codes."""
    return {code: found for name in GROUPS for code, found in _group(name).items()}
