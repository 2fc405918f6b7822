"""Seeing that files have changed.

They are asked for their times, again and again, instead of being announced by the operating system. A spec is a few
files, so this costs nothing; and a file that replaces another one, a folder that comes and goes, a link, and another
machine's file system are no cases of their own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Event
from typing import Final, TypeAlias

Stamp: TypeAlias = tuple[int, int, int] | None
"""The time of the last change, the size and the number of a file; None where there is none."""

POLL: Final = 0.03
"""Seconds between two looks at the files."""
DEBOUNCE: Final = 0.02
"""Seconds that files must stay as they are: an editor empties a file before it writes it."""
_UNSETTLED: Final = 10
"""How often this is waited for; a file that is always written to is read as it is."""


def stamp(path: Path) -> Stamp:
    """What distinguishes a file from the one that it was."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):  # ValueError: a name that no file can have
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def changed(seen: Mapping[Path, Stamp], stop: Event) -> bool:
    """Wait until one of these files is not what was seen of it; False where `stop` was set before."""
    while not stop.wait(POLL):
        now = _stamps(seen)
        if now == seen:
            continue
        for _ in range(_UNSETTLED):
            if stop.wait(DEBOUNCE):
                return False
            before, now = now, _stamps(seen)
            if now == before:
                break
        return True
    return False


def _stamps(paths: Iterable[Path]) -> dict[Path, Stamp]:
    return {path: stamp(path) for path in paths}
