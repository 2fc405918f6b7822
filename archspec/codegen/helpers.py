"""The helpers that generated source may bring along: one file each, printed after those they need.

Those of `archspec.codegen` are plain Python, and any backend's; the others are of a backend's own package.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from importlib.resources import files
from typing import Final, NamedTuple

from archspec.codegen.render import render
from archspec.errors import BackendError, Diagnostic

_PLAIN: Final = ".py.txt"
_TEMPLATE: Final = ".py.j2"
_RANKS: Final = (1, 2, 3)
_RANK: Final = re.compile(r"(?<=_)n(?=d$)|N(?=[dD])")
"""Where the name of a template has the number of spatial axes: `SameConvNd`, `same_sides_nd`."""


class _File(NamedTuple):
    """Where the text of a helper comes from; `rank` is 0 where it is for any number of axes, or for one alone."""

    package: str
    name: str
    rank: int
    options: Mapping[str, object] | None = None
    """Of a variant, what its template asks."""


class Helpers:
    """The helpers of a package: its files `templates/helpers/NAME.py.txt`, each of which defines NAME.

    A template `NAMENd.py.j2` is three of them, for signals, images and volumes: NAME1d, NAME2d and NAME3d. Where one
    has a file of its own, that is meant. In the template, `rank` is the number of spatial axes, `name` what is defined,
    and `helper("same_sides_nd")` another template's name for as many axes. `names` has those that are called otherwise,
    by template and rank. Another template is as many helpers as `variants` names: each with the options by which the
    template prints only what it needs. `added` are the texts of rows of other packages.
    """

    def __init__(
        self,
        package: str,
        names: Mapping[str, Mapping[int, str]] | None = None,
        added: Mapping[str, str] | None = None,
        variants: Mapping[str, Mapping[str, Mapping[str, object]]] | None = None,
    ) -> None:
        self.package = package
        self._names = names or {}
        self._variants = variants or {}
        self._added = added or {}
        self._texts: dict[str, str] = {}

    def adding(self, texts: Mapping[str, str]) -> Helpers:
        """These and others.

        Raises:
            BackendError: a name stands for two texts.
        """
        for name, text in texts.items():
            if name in self.names and self.text(name) != text:
                message = f"a row of another package brings the helper {name} along, and {self.package} has another"
                raise BackendError(Diagnostic("E0602", message, help="its package can give it another name"))
        return Helpers(self.package, self._names, {**self._added, **texts}, self._variants) if texts else self

    @cached_property
    def names(self) -> frozenset[str]:
        """What they define."""
        return frozenset({*self._files, *self._added})

    @property
    def ranks(self) -> Mapping[str, int]:
        """The number of spatial axes of each that comes of a template."""
        return {name: file.rank for name, file in self._files.items() if file.rank}

    @property
    def templates(self) -> frozenset[str]:
        """The names of the templates."""
        return frozenset(file.name.removesuffix(_TEMPLATE) for file in self._files.values() if file.rank)

    def text(self, name: str) -> str:
        """A helper's source."""
        if name not in self._texts:
            self._texts[name] = self._added[name] if name in self._added else self._read(name, self._files[name])
        return self._texts[name]

    def needed(self, used: Iterable[str]) -> list[str]:
        """These helpers and all that they mention, in an order in which each stands after those it needs."""
        found: list[str] = []
        for name in sorted(used):
            self._need(name, found)
        return found

    def _need(self, name: str, found: list[str]) -> None:
        if name in found:
            return
        mentioned = set(re.findall(r"\w+", self.text(name))) & self.names
        for other in sorted(mentioned - {name}):
            self._need(other, found)
        found.append(name)

    @cached_property
    def _files(self) -> Mapping[str, _File]:
        plain: dict[str, _File] = {}
        ranked: dict[str, _File] = {}
        for package in ("archspec.codegen", self.package):
            for item in (files(package) / "templates" / "helpers").iterdir():
                if item.name.endswith(_PLAIN):
                    plain[item.name.removesuffix(_PLAIN)] = _File(package, item.name, 0)
                elif (template := item.name.removesuffix(_TEMPLATE)) in self._variants:
                    for name, options in self._variants[template].items():
                        plain[name] = _File(package, item.name, 0, options)
                elif item.name.endswith(_TEMPLATE):
                    ranked |= {self.of_rank(template, rank): _File(package, item.name, rank) for rank in _RANKS}
        return {**ranked, **plain}

    def of_rank(self, template: str, rank: int) -> str:
        """What a template defines for so many spatial axes."""
        return self._names.get(template, {}).get(rank) or _RANK.sub(str(rank), template)

    def _read(self, name: str, file: _File) -> str:
        if file.options is not None:
            return render(file.package, f"helpers/{file.name}", name=name, **file.options)
        if not file.rank:
            path = files(file.package) / "templates" / "helpers" / file.name
            return path.read_text(encoding="utf-8")
        rank = file.rank

        def helper(template: str) -> str:
            found = self.of_rank(template, rank)
            if found not in self.names:
                raise LookupError(f"{file.name} mentions {template}, of which there is none for {rank} axes")
            return found

        return render(
            file.package,
            f"helpers/{file.name}",
            name=name,
            rank=rank,
            element="pixel" if rank == 2 else "element",
            places=range(2, rank + 2),
            each=lambda text: f"({text}, {text})" if rank == 2 else f"({text},)" + (f" * {rank}" if rank > 1 else ""),
            by_rank=lambda *texts: texts[rank - 1],
            helper=helper,
            repeated=_repeated,
            tuple_of=lambda value, count: f"({_repeated(value, count)}{',' * (count == 1)})",
        )


def _repeated(value: object, count: int) -> str:
    """The value so many times, with commas between."""
    return ", ".join([str(value)] * count)
