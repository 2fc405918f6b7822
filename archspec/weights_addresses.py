"""Addresses of weights, and when two of them mean the same: on the hub, on the web, or beside a spec."""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import Final

SCHEME: Final = "hf://"
CONFIG: Final = "config.json"
"""The file of a repository that says what its network is."""
HUB: Final = re.compile(
    r"hf://(?P<repository>[\w.-]+/[\w.-]+)(@(?P<revision>refs/(?:pr|heads|tags|convert)/[\w.-]+|[\w.-]+))?"
    r"(/(?P<file>[\w.-]+(/[\w.-]+)*))?/?"
)
"""`hf://owner/name`, `hf://owner/name@revision`, `hf://owner/name/file`."""
HUB_FILES: Final = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "model.weights.h5",
    "model.keras",
    "tf_model.h5",
)
"""What a repository's weights are called, the file that is safest to read first."""
_BRANCH: Final = "main"
"""What a repository has where no revision is said."""
_HUB_PAGE: Final = re.compile(
    r"https://huggingface\.co/(?P<repository>[\w.-]+/[\w.-]+)"
    r"(/(?:resolve|blob|tree)/(?P<revision>[\w.-]+)(/(?P<file>[\w./-]+?))?)?/?(\?download=true)?"
)


def is_repository(source: object) -> bool:
    """Whether an address is that of a repository, on the hub or in a folder, and not of a spec."""
    if isinstance(source, str) and source.startswith(SCHEME):
        return True
    try:
        return isinstance(source, str | os.PathLike) and (Path(source) / CONFIG).is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def canonical(address: str) -> str:
    """The shortest address of the same weights.

    Of one on the hub it is without a revision, whose images are prepared in the same way, and without a file's name
    that is the usual one; of any, without a slash at the end.
    """
    if (match := _on_hub(address)) is not None:
        file = match["file"]
        return f"hf://{match['repository']}" + (f"/{file}" if file and file not in HUB_FILES else "")
    if "://" in address:
        return address.partition("#")[0].rstrip("/")
    return posixpath.normpath(address)


def same_file(address: str, other: str) -> bool:
    """Whether two addresses lead to the same file, however they are written, so that one digest holds for both.

    An address on the hub without a revision means the branch `main`, and one without a file the first of the usual
    ones. Another revision may have another file.
    """
    return canonical(address) == canonical(other) and _version(address) == _version(other)


def _version(address: str) -> tuple[str, str] | None:
    """Of an address on the hub the revision and the file's name; None of any other."""
    if (match := _on_hub(address)) is None:
        return None
    return (match["revision"] or _BRANCH).removeprefix("refs/heads/"), match["file"] or HUB_FILES[0]


def _on_hub(address: str) -> re.Match[str] | None:
    return HUB.fullmatch(address) or _HUB_PAGE.fullmatch(address)
