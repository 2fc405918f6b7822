"""The specs that ship with archspec, and their libraries of blocks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).resolve().parents[1]
FOLDERS: Final = ("", "examples")
"""The folders of specs, under that of all that ships; `blocks` has libraries."""
_NAMED: Final = re.compile(r"^name:", re.MULTILINE)
_BLOCK: Final = re.compile(r"^  (\w+):", re.MULTILINE)


def shipped() -> list[str]:
    """The names of the specs that ship, sorted; the examples after the others."""
    folder = shipped_folder()
    if folder is None:
        return []
    paths = [path for inside in FOLDERS for path in sorted((folder / inside).glob("*.yaml"))]
    return [path.stem for path in paths if _NAMED.search(path.read_text(encoding="utf-8"))]


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
