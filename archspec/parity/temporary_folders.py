"""The temporary folder of a comparison: private, and taken away whatever ends the process that made it.

Whoever makes a folder holds a lock on a file in it, which the system lets go of when the process ends, however it does.
So a folder whose lock can be had belongs to nobody, and the next comparison takes it away. Where the system has no such
locks, as Windows, what a killed process left stays.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archspec.errors import Diagnostic, OutputError
from archspec.parity.measure import part, parts

try:
    import fcntl
except ImportError:  # Windows has none
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    import numpy as np

_PREFIX: Final = "archspec-parity-"
_LOCK: Final = "owner.lock"
_PART: Final = 2**25
"""Bytes; a file of tensors is begun anew where it has more."""
_NEW: Final = 60.0
"""Seconds; a folder without a lock that is younger is about to get one."""


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder for the files of a comparison, until the block ends.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        if fcntl is not None:
            _clear(Path(tempfile.gettempdir()))
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    except OSError as error:
        raise unwritable(error) from None
    try:
        with _locked(folder):
            yield folder
    except OSError as error:
        if not _is_full(error):
            raise
        raise unwritable(error) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder. The file gets its name once it is locked: nobody sees it without the lock."""
    if fcntl is None:
        yield
        return
    with (folder / f"{_LOCK}.new").open("wb") as file:
        _lock(file.fileno())
        os.rename(file.name, folder / _LOCK)
        yield


def _lock(file: int) -> bool:
    """Lock an open file, if nobody else has it locked; a file system without locks lets nothing go."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _clear(parent: Path) -> None:
    """Take away the folders whose owners are gone; those of other users, and what only has such a name, stay."""
    for entry in os.scandir(parent):
        if entry.name.startswith(_PREFIX):
            with suppress(OSError):  # another process may clear up, too
                if _is_abandoned(Path(entry.path)):
                    shutil.rmtree(entry.path, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or stat.S_IMODE(found.st_mode) != 0o700 or found.st_uid != os.geteuid():
        return False
    try:
        file = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:  # killed before it had its lock; or no folder of ours
        return not set(os.listdir(folder)) - {f"{_LOCK}.new"} and time.time() - found.st_mtime > _NEW
    try:
        return _lock(file)
    finally:
        os.close(file)


def save(folder: Path, what: str, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Write tensors of a kind, in parts: each file is put together in memory before it is written.

    Raises:
        OutputError: there is no room for it.
    """
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    gathered: list[dict[str, np.ndarray[Any, Any]]] = [{}]
    for name, array in arrays.items():
        if sum(one.nbytes for one in gathered[-1].values()) > _PART:
            gathered.append({})
        gathered[-1][name] = array
    try:
        for number, some in enumerate(gathered):
            contiguous = {name: np.ascontiguousarray(array) for name, array in some.items()}
            save_file(contiguous, part(folder, what, number))
    except (OSError, SafetensorError) as error:
        raise unwritable(error) from None


def load(folder: Path, what: str) -> dict[str, np.ndarray[Any, Any]]:
    """All the tensors of a kind."""
    from safetensors.numpy import load_file

    return {name: array for path in parts(folder, what) for name, array in load_file(path).items()}


def _is_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def unwritable(error: Exception) -> OutputError:
    """The error for temporary files that cannot be written."""
    reason = getattr(error, "strerror", None) or str(error)
    if any(sign in str(error) for sign in ("StorageFull", "No space left")):
        reason = "no space is left there"
    message = f"the temporary files of the comparison cannot be written into {tempfile.gettempdir()}: {reason}"
    help = "make room there, or name a folder with more room by the environment variable TMPDIR"
    return OutputError(Diagnostic("E0605", message, help=help))
