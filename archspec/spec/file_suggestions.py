"""What may have been meant by a file, or a block, that is not there."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from typing import Final

from archspec.errors import Span, nearest
from archspec.spec.other_names import network_help
from archspec.spec.shipped_specs import shipped, shipped_blocks, shipped_folder

_SUFFIXES: Final = (".yaml", ".yml")
_SEEN_AT_MOST: Final = 1000
_SHOWN_AT_MOST: Final = 5


def file_help(path: Path, asked_at: Span | None) -> str:
    """A help text that names the nearest file in the same folder, or the nearest of those that ship.

    Args:
        path: the file that is not there.
        asked_at: where a spec names it; its own folder is where paths in it start.
    """
    around = Path(asked_at.source.name).parent if asked_at is not None else None
    beside = {file.stem: file for file in _files(path.parent)}
    if (match := nearest(path.stem, beside)) is not None:
        found = beside[match]
        if around is not None:
            found = Path(os.path.relpath(found, around))
        return f"did you mean `{found.as_posix()}`?"
    if around is None and (meant := network_help(path.as_posix())):
        return meant
    if path.stem in shipped():
        return f"`{path.stem}` ships: name it without its folder" + (f" and `{path.suffix}`" if path.suffix else "")
    ours = shipped_folder()
    if around is not None and ours is not None:  # a library may be one that ships
        relative = path.relative_to(around).as_posix() if path.is_relative_to(around) else path.as_posix()
        libraries = [file.relative_to(ours).as_posix() for file in sorted(ours.glob("*/*.yaml"))]
        if (match := nearest(relative, libraries)) is not None:
            return f"did you mean `{match}`, which ships?"
        by_name = {Path(library).stem: library for library in libraries}
        if (match := nearest(path.stem, by_name)) is not None:
            return f"did you mean `{by_name[match]}`, which ships?"
    return "" if path.parent.is_dir() else f"there is no folder `{path.parent}`"


NO_TEXT: Final = "a spec is a text in YAML: `archspec new NAME` begins one, `archspec list` shows those that ship"


def encoding_help(content: bytes) -> str:
    """What to do about a text that is not UTF-8; empty if it is no text."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "it is UTF-16: save it as UTF-8"
    return "" if b"\0" in content else "save it as UTF-8, as an editor can"


def folder_help(path: Path, asked_at: Span | None) -> str:
    """Which files of a folder may be meant, where the folder is named in place of one.

    Args:
        path: the folder.
        asked_at: where a spec names it; its own folder is where paths in it start.
    """
    found = _files(path)
    if not found:
        return f"there is no YAML in it; {NO_TEXT}"
    if asked_at is not None:
        found = [Path(os.path.relpath(file, Path(asked_at.source.name).parent)) for file in found]
    shown = [f"`{file.as_posix()}`" for file in found[:_SHOWN_AT_MOST]]
    return f"name a file in it: {', '.join(shown)}" + (" and others" if len(found) > len(shown) else "")


def block_help(name: str) -> str:
    """Which shipped libraries have a block of this name, however its words are joined; empty if none has."""
    found = {block: files for block, files in shipped_blocks().items() if _letters(block) == _letters(name)}
    for block, files in found.items():
        also = f" (`{'`, `'.join(files[1:])}` have one, too)" if len(files) > 1 else ""
        return f"a block `{block}` ships: `include: [{files[0]}]`{also}"
    return ""


def _letters(name: str) -> str:
    return name.replace("_", "").lower()


def _files(folder: Path) -> list[Path]:
    try:
        entries = list(islice(folder.iterdir(), _SEEN_AT_MOST))
    except (OSError, ValueError):
        return []
    return sorted(entry for entry in entries if entry.suffix in _SUFFIXES)
