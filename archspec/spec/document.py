"""A file that stands by itself, a network or a recipe: what was read for it, and under which limits."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import PrivateAttr

from archspec.errors import Source
from archspec.limits import DEFAULT, Limits
from archspec.spec.base import Attribute, Model

if TYPE_CHECKING:
    from archspec.spec.params import Param


class Document(Model):
    """Base of the models of whole files."""

    if TYPE_CHECKING:  # keys of both, each of which has them in an order of its own

        @property
        def name(self) -> str:
            """The document's."""
            ...

        @property
        def params(self) -> Mapping[str, Param]:
            """What a user may choose."""
            ...

    _overrides: dict[str, Attribute] = PrivateAttr(default_factory=dict)
    _path: Path | None = PrivateAttr(default=None)
    _sources: list[Path] = PrivateAttr(default_factory=list)
    _texts: list[Source] = PrivateAttr(default_factory=list)
    _limits: Limits = PrivateAttr(default=DEFAULT)
    _refused: frozenset[str] = PrivateAttr(default_factory=frozenset)

    @property
    def overrides(self) -> dict[str, Attribute]:
        """Values given to params from outside: by `--set` or by keyword."""
        return self._overrides

    @property
    def path(self) -> Path | None:
        """The file it was read from."""
        return self._path

    @property
    def sources(self) -> list[Path]:
        """All files that were read for it: its own, its parents', the libraries."""
        return self._sources

    @property
    def texts(self) -> list[Source]:
        """All texts that were read for it, in the same order."""
        return self._texts

    @property
    def limits(self) -> Limits:
        """Those that it was read with; they hold for what is made of it, too."""
        return self._limits

    @property
    def refused(self) -> frozenset[str]:
        """The words in those of its parts that were refused; empty unless it is checked in spite of them."""
        refused: frozenset[str] = self._private("_refused")  # it is asked for each name that an expression has
        return refused
