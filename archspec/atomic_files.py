"""Writing files whole or not at all, and opening only what is a file."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import Final

from archspec.errors import Diagnostic, OutputError

_STALE: Final = 3600.0
"""Seconds; a file that is still written to is younger."""
_STEM: Final = 100
_SUFFIX: Final = 40
"""Bytes of a temporary file's name, which may have 255 in most file systems."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary file beside `path`, put in its place in one step when the block ends without an error.

    Whoever reads `path` sees the old file or the new one, never half of one; after an error only the old one is
    there. Folders on the way are made. Where `path` is a link, the file that it leads to is written, and the link
    stays. A process that is killed leaves its temporary file, whose name begins with a dot and says `archspec-tmp`; the
    next that writes the same file takes it away, once it is an hour old.

    Raises:
        OutputError: the file cannot be written.
    """
    import secrets  # only where something is written

    try:
        real = _behind_links(path)
        real.parent.mkdir(parents=True, exist_ok=True)
        prefix = f".{_shortened(real.stem)}.archspec-tmp-"
        _clear(real.parent, prefix)
        suffix = real.suffix if len(os.fsencode(real.suffix)) <= _SUFFIX else ""
        temporary = real.parent / f"{prefix}{secrets.token_hex(8)}{suffix}"
        # Not by `tempfile`: its files are private, and which mode a file has otherwise is for the system to say.
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        raise OutputError(system_error(path, error)) from None
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(real)
    except OSError as error:
        raise OutputError(system_error(path, error)) from None
    finally:
        with suppress(OSError):  # the folder may have gone, too
            temporary.unlink()


def _behind_links(path: Path) -> Path:
    """The file that a path leads to, whether or not it is there.

    Raises:
        OSError: it leads to itself.
    """
    if not path.is_symlink():
        return path
    real = resolved(path)
    if real.is_symlink():  # it could not be followed to its end
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return real


def _shortened(stem: str) -> str:
    """The beginning of a name, so that the name with what is added is no longer than a file's may be."""
    return os.fsencode(stem)[:_STEM].decode(errors="ignore")


def _clear(folder: Path, prefix: str) -> None:
    """Take away what processes that were killed have left of the same file."""
    for entry in os.scandir(folder):
        if entry.name.startswith(prefix):
            with suppress(OSError):  # another process may clear up, too
                if entry.stat(follow_symlinks=False).st_mtime < time.time() - _STALE:
                    os.unlink(entry.path)


def resolved(path: Path) -> Path:
    """The path without links. One that cannot be followed stays: where it is opened, the system says why."""
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError):  # the current folder has gone; a NUL character
        return path


def is_folder(path: Path) -> bool:
    """Whether there is a folder at a path, links followed.

    Raises:
        OutputError: the system does not say, as where a name is too long or a folder on the way may not be entered.
    """
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        raise OutputError(system_error(path, error)) from None


def check_folder_of(path: Path) -> None:
    """See that a file's folder takes files, or can be made; whoever computes for minutes asks before.

    Raises:
        OutputError: a file lies in its place or above it, or this process may not write there.
    """
    for folder in path.parents:
        try:
            mode = os.stat(folder).st_mode
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, ValueError) as error:
            raise OutputError(system_error(path, error)) from None
        if not stat.S_ISDIR(mode):
            raise OutputError(system_error(path, NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))))
        if not os.access(folder, os.W_OK | os.X_OK):
            raise OutputError(system_error(path, PermissionError(errno.EACCES, os.strerror(errno.EACCES))))
        return


def check_room(folder: Path, size: int) -> None:
    """See that so many bytes can be written into a folder, for a library that does not survive it when they cannot.

    Raises:
        OSError: there is less room.
    """
    import shutil

    if shutil.disk_usage(folder).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def open_regular(path: Path) -> BufferedReader:
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


def system_error(path: Path, error: OSError | ValueError) -> Diagnostic:
    """Why the system does not let a file be written, and a way out where there is one."""
    number = error.errno if isinstance(error, OSError) else None
    reason = error.strerror if isinstance(error, OSError) and error.strerror else " ".join(str(error).split())[:200]
    if number == errno.EEXIST:  # a folder was to be made
        number, reason = errno.ENOTDIR, os.strerror(errno.ENOTDIR)
    return Diagnostic("E0605", f"{path} cannot be written: {reason}", help=_HELP.get(number, ""))


_HELP: Final[dict[int | None, str]] = {
    errno.ENAMETOOLONG: "give a shorter name with -o: most systems allow a name 255 bytes",
    errno.EACCES: "write to another place with -o, or see who may write there",
    errno.EPERM: "write to another place with -o, or see who may write there",
    errno.EROFS: "write to another place with -o: nothing can be written there",
    errno.ENOTDIR: "a part of the path is a file, not a folder: write to another place with -o",
    errno.ELOOP: "a link on the way leads to itself: write to another place with -o",
    errno.ENOSPC: "make room, or write to another place with -o",
    errno.EDQUOT: "make room, or write to another place with -o",
}
"""What a user can do, by the system's error."""
