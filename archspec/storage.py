"""Writing files whole or not at all, and opening only what is a file."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from archspec.errors import Diagnostic, OutputError

_STALE: Final = 3600.0
"""Seconds; a file that is still written to is younger."""


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


_UMASK: Final = _umask()
"""The umask of the process as it began.

It can only be asked for by setting it, for all threads: were that done where a file is written, another thread's
new file could have the wrong mode.
"""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary file beside `path`, put in its place in one step when the block ends without an error.

    Whoever reads `path` sees the old file or the new one, never half of one; after an error only the old one is
    there. Folders on the way are made. A process that is killed leaves its temporary file, whose name begins with a
    dot and says `archspec-tmp`; the next that writes the same file takes it away, once it is an hour old.

    Raises:
        OutputError: the file cannot be written.
    """
    import tempfile  # only where something is written: to import it takes longer than to read a spec

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        prefix = f".{path.stem[:100]}.archspec-tmp-"
        _clear(path.parent, prefix)
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=path.suffix, dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise _unwritable(path, error) from None
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_UMASK)  # mkstemp's files are private
        temporary.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        temporary.unlink(missing_ok=True)


def _clear(folder: Path, prefix: str) -> None:
    """Take away what processes that were killed have left of the same file."""
    for entry in os.scandir(folder):
        if entry.name.startswith(prefix):
            with suppress(OSError):  # another process may clear up, too
                if entry.stat(follow_symlinks=False).st_mtime < time.time() - _STALE:
                    os.unlink(entry.path)


def open_regular(path: Path) -> BinaryIO:
    """A file open for reading, and nothing else: a pipe would block, and a device never ends.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    mode = path.stat().st_mode  # asked before opening: to open a device may already do something
    if stat.S_ISREG(mode):
        # Not blocking: by now another file may have its name, and some files of /proc wait for news.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        mode = os.fstat(handle).st_mode
        if stat.S_ISREG(mode):
            return os.fdopen(handle, "rb")
        os.close(handle)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a directory")
    raise OSError(errno.EINVAL, "it is not a regular file")


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with `\\n` line ends, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    with whole_file(path) as temporary:
        temporary.write_bytes(data)


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(Diagnostic("E0605", f"{path} cannot be written: {error.strerror or error}"))
