"""Weights at an address of the web, `https://...`: downloaded once, kept in a cache, held against a digest.

The cache is the folder `archspec/weights` of `XDG_CACHE_HOME`, or of `~/.cache`.
"""

from __future__ import annotations

import hashlib
import os
import re
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

from archspec.atomic_files import open_regular, whole_file
from archspec.errors import Diagnostic, WeightsError

SCHEME: Final = "https://"
_TITLES: Final = {"sha256": "SHA-256", "md5": "MD5"}
_BLOCK: Final = 2**20
_SECONDS: Final = 30.0
"""Without a byte, after which the other side is given up."""


def fetched(address: str) -> Path:
    """The file on this machine that an address names, downloaded where it is not there yet.

    Raises:
        WeightsError: it cannot be had.
        OutputError: it cannot be written.
    """
    import urllib.request

    path = _place(address)
    if path.is_file():
        return path
    try:
        request = urllib.request.Request(address, headers={"User-Agent": "archspec"})
        answer = urllib.request.urlopen(request, timeout=_SECONDS)
    except (OSError, HTTPException, ValueError) as error:
        raise _failed(address, _reason(error)) from None
    with answer:
        if not answer.url.startswith(SCHEME):
            raise _failed(address, "it leads to an address that is not https")
        expected = answer.headers.get("Content-Length")
        received = 0
        with whole_file(path) as temporary, temporary.open("wb") as file:
            while block := _block(answer, address):
                file.write(block)
                received += len(block)
            if expected is not None and expected.isdecimal() and received != int(expected):
                raise _failed(address, f"it ended after {received:,} of {int(expected):,} bytes")
    return path


def check_digest(path: Path, digest: str, algorithm: Literal["sha256", "md5"] = "sha256") -> None:
    """See that a file's SHA-256, or its MD5, begins with some digits.

    MD5 tells a damaged file from a sound one; it does not tell a forged one.

    Raises:
        WeightsError: it does not, or the file cannot be read.
    """
    found = hashlib.new(algorithm, usedforsecurity=False)
    try:
        with open_regular(path) as file:
            while block := file.read(_BLOCK):
                found.update(block)
    except OSError as error:
        raise WeightsError(Diagnostic("E0701", f"{path} cannot be read: {error.strerror}")) from None
    if not found.hexdigest().startswith(digest):
        begins = f"its {_TITLES[algorithm]} begins with {found.hexdigest()[:16]}"
        message = f"{path} is not the file that the spec means: {begins}"
        anew = "remove the file, so that it is downloaded anew"
        help = f"the spec says {digest[:16]}; {anew}, or see the spec's `{algorithm}`"
        raise WeightsError(Diagnostic("E0701", message, help=help))


def _block(answer: HTTPResponse, address: str) -> bytes:
    """What comes next. An error of the connection is no error of the file that is written."""
    try:
        return answer.read(_BLOCK)
    except (OSError, HTTPException, ValueError) as error:
        raise _failed(address, _reason(error)) from None


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _place(address: str) -> Path:
    name = re.sub(r"[^\w.-]+", "_", unquote(urlsplit(address).path.rpartition("/")[2]))[-80:].lstrip(".")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    key = hashlib.sha256(address.encode()).hexdigest()[:16]
    return Path(base) / "archspec" / "weights" / key / (name or "weights")


def _failed(address: str, reason: str) -> WeightsError:
    message = f"{address[:200]} cannot be downloaded"
    return WeightsError(
        Diagnostic("E0701", message, label=reason[:300], help="give a file that is here with --weights")
    )
