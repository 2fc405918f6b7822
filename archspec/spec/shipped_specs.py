"""The specs and recipes that ship with archspec, and their libraries of blocks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

_PACKAGE: Final = Path(__file__).resolve().parents[1]
_BLOCK: Final = re.compile(r"^  (\w+):", re.MULTILINE)


class Shipped(NamedTuple):
    """Files of one kind that ship."""

    noun: str
    module: str
    """Where in Python they are read."""
    folders: tuple[str, ...]
    """Where they are, under the folder of all that ships."""
    key: str
    """What says them from the other files there."""

    def names(self) -> list[str]:
        """Their names, sorted in each folder."""
        folder, named = shipped_folder(), re.compile(rf"^{self.key}:", re.MULTILINE)
        if folder is None:
            return []
        paths = [path for inside in self.folders for path in sorted((folder / inside).glob("*.yaml"))]
        return [path.stem for path in paths if named.search(path.read_text(encoding="utf-8"))]

    def path(self, name: str) -> Path | None:
        """Where the one of this name is; None if there is none.

        Raises:
            OSError: no file can have that name.
        """
        folder = shipped_folder()
        paths = (folder / inside / f"{name}.yaml" for inside in self.folders) if folder is not None else ()
        return next((path for path in paths if path.is_file()), None)


NETWORKS: Final = Shipped("spec", "archspec.spec", ("", "examples"), "name")
"""Networks, the examples after the others; `blocks` has libraries."""
RECIPES: Final = Shipped("recipe", "archspec.recipe", ("recipes",), "recipe")


def shipped() -> list[str]:
    """The names of the specs of networks that ship, sorted; the examples after the others."""
    return NETWORKS.names()


def shipped_blocks() -> dict[str, list[str]]:
    """The blocks of the libraries that ship, each with the libraries that have it, as a spec includes them."""
    found: dict[str, list[str]] = {}
    folder = shipped_folder()
    for path in sorted((folder / "blocks").glob("*.yaml")) if folder is not None else ():
        _, _, blocks = path.read_text(encoding="utf-8").partition("\nblocks:\n")
        for name in _BLOCK.findall(blocks):
            found.setdefault(name, []).append(f"blocks/{path.name}")
    return found


def shipped_folder() -> Path | None:
    """Where the specs that ship are, with their libraries and their schema; None if this copy has none."""
    # The first is where a wheel has them, the second where a checkout does.
    for folder in (_PACKAGE / "_specs", _PACKAGE.parent / "specs"):
        if folder.is_dir():
            return folder
    return None
