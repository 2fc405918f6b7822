"""The helpers that generated source may bring along: one file each, printed after those they need.

Those of `archspec.codegen` are plain Python, and any backend's; the others are of a backend's own package.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from importlib.resources import files
from typing import Final

from archspec.errors import BackendError, Diagnostic

_SUFFIX: Final = ".py.txt"


class Helpers:
    """The helpers of a package: its files `templates/helpers/NAME.py.txt`, each of which defines NAME.

    `variants` are helpers without a file: the text of another one, in which words stand for others, one pair after the
    other. `added` are the texts of rows of other packages.
    """

    def __init__(
        self,
        package: str,
        variants: Mapping[str, tuple[str, Sequence[tuple[str, str]]]] | None = None,
        added: Mapping[str, str] | None = None,
    ) -> None:
        self.package = package
        self.variants = variants or {}
        self.added = added or {}

    def adding(self, texts: Mapping[str, str]) -> Helpers:
        """These and others.

        Raises:
            BackendError: a name stands for two texts.
        """
        for name in texts:
            if self.texts.get(name, texts[name]) != texts[name]:
                message = f"a row of another package brings the helper {name} along, and {self.package} has another"
                raise BackendError(Diagnostic("E0602", message, help="its package can give it another name"))
        return Helpers(self.package, self.variants, {**self.added, **texts}) if texts else self

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """Every helper's source by its name, in alphabetical order."""
        found = {
            item.name.removesuffix(_SUFFIX): item.read_text(encoding="utf-8")
            for package in ("archspec.codegen", self.package)
            for item in (files(package) / "templates" / "helpers").iterdir()
            if item.name.endswith(_SUFFIX)
        }
        for name, (base, words) in self.variants.items():
            text = found[base]
            for old, new in words:
                text = text.replace(old, new)
            found[name] = text
        return dict(sorted({**found, **self.added}.items()))

    def needed(self, used: Iterable[str]) -> list[str]:
        """These helpers and all that they mention, in an order in which each stands after those it needs."""
        found: list[str] = []
        for name in sorted(used):
            self._need(name, found)
        return found

    def _need(self, name: str, found: list[str]) -> None:
        if name in found:
            return
        mentioned = set(re.findall(r"\w+", self.texts[name])) & self.texts.keys()
        for other in sorted(mentioned - {name}):
            self._need(other, found)
        found.append(name)
