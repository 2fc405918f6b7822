"""Weights on the Hugging Face hub: `hf://owner/name`, a file in it or a revision named where it is not the usual one.

Files come through `huggingface_hub`, with its cache, its tokens and its settings: `HF_ENDPOINT`, `HF_HUB_OFFLINE`,
`HF_TOKEN`. Nothing of a repository is executed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from archspec.atomic_files import open_regular
from archspec.errors import Diagnostic, WeightsError
from archspec.weights import downloads
from archspec.weights.onnx_files import files_beside
from archspec.weights.tensorflow_checkpoints import index_of
from archspec.weights_addresses import HUB, HUB_FILES, SCHEME

_SNAPSHOTS: Final = "snapshots"
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_LATEST: Final = re.compile(rb'model_checkpoint_path: "([^"\\\n]{1,255})"')
"""The first line of the file `checkpoint`, which `tf.train.Saver` and `tf.train.Checkpoint` write beside theirs."""
_LATEST_BYTES: Final = 512


def local(weights: str | os.PathLike[str]) -> Path:
    """The path of a weights file, which is downloaded where its address on the hub or on the web is given.

    Of a folder with a model of the hub, as a clone or the cache of huggingface_hub has it, it is that of its weights.

    Raises:
        WeightsError: it cannot be downloaded.
    """
    if isinstance(weights, str) and weights.startswith(SCHEME):
        return download(weights)
    if isinstance(weights, str) and weights.startswith(downloads.SCHEME):
        return downloads.fetched(weights)
    path = Path(weights)
    return _in_folder(path) if path.is_dir() else path


def _in_folder(folder: Path) -> Path:
    """The weights of a model in a folder, or a training's last; the folder itself where none have a usual name."""
    if (folder / _SNAPSHOTS).is_dir() and (folder / "refs" / "main").is_file():  # a repository in the hub's cache
        commit = (folder / "refs" / "main").read_text(encoding="utf-8", errors="replace").strip()[:64]
        if commit == Path(commit).name:
            folder = folder / _SNAPSHOTS / commit
    found = next((folder / name for name in HUB_FILES if (folder / name).is_file()), None)
    return found or _latest_checkpoint(folder) or folder


def _latest_checkpoint(folder: Path) -> Path | None:
    """The prefix of the checkpoint that TensorFlow wrote last to a folder, as its file `checkpoint` says."""
    try:
        with open_regular(folder / "checkpoint") as file:
            match = _LATEST.match(file.read(_LATEST_BYTES))
    except OSError:
        return None
    name = match[1].decode(errors="replace") if match is not None else ""
    found = folder / name
    # Another folder is not asked for: the file may be of another machine.
    return found if name and name == found.name and (found.is_file() or index_of(found) is not None) else None


def download(address: str) -> Path:
    """The file on this machine that an address names, downloaded where it is not there yet.

    Args:
        address: `hf://owner/name`, `hf://owner/name@revision`, `hf://owner/name/file`.

    Raises:
        WeightsError: it is no address, huggingface_hub is not installed, or the file cannot be had.
    """
    match = HUB.fullmatch(address)
    if match is None:
        help = "write hf://owner/name, and behind it @revision or /file where they are not the usual ones"
        raise WeightsError(Diagnostic("E0701", f"`{address[:200]}` is no address on the hub", help=help))
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
    except ImportError:
        help = "install it with `pip install huggingface_hub`"
        message = f"{address} lies on the hub, and huggingface_hub, which gets it, is not installed"
        raise WeightsError(Diagnostic("E0701", message, help=help)) from None

    reached = True

    def got(name: str) -> Path:
        return Path(
            hf_hub_download(
                match["repository"],
                name,
                revision=match["revision"],
                endpoint=os.environ.get("HF_ENDPOINT") or None,
                local_files_only=not reached,
            )
        )

    names = (match["file"],) if match["file"] else HUB_FILES
    refused: Exception | None = None
    try:
        for name in names:
            try:
                path = got(name)
            except LocalEntryNotFoundError as error:
                # The hub's library has tried again and again: of the other names only the cache is asked.
                refused, reached = refused or error, False
            except EntryNotFoundError:
                continue
            else:
                if name.endswith(".index.json"):
                    _parts(path, name, got)
                elif name.endswith(".onnx"):
                    for part in files_beside(path):
                        got(name.rpartition("/")[0] + "/" * ("/" in name) + part)
                return path
        if refused is not None:
            raise refused
    except Exception as error:  # of the network, of the hub, of the cache: each has its own kind
        raise failed(f"{address} cannot be downloaded", error) from None
    what = f"has no file `{match['file']}`" if match["file"] else f"has none of {', '.join(HUB_FILES)}"
    raise WeightsError(Diagnostic("E0701", f"{address} {what}", help="name its file: hf://owner/name/file"))


def _parts(index: Path, name: str, got: Callable[[str], Path]) -> None:
    """Download the files that an index names, which lie beside it. What it is worth is seen when it is read."""
    try:
        parts = {*json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return
    folder = name.rpartition("/")[0]
    for part in sorted(part for part in parts if isinstance(part, str) and part == Path(part).name):
        got(f"{folder}/{part}" if folder else part)


def commit_of(path: Path) -> str:
    """The commit that a file of the hub's cache is of; empty for any other file."""
    parts = path.parts
    place = parts.index(_SNAPSHOTS) if _SNAPSHOTS in parts else len(parts)
    found = parts[place + 1] if place + 1 < len(parts) else ""
    return found if _COMMIT.fullmatch(found) else ""


def failed(what: str, error: Exception) -> WeightsError:
    """An error of the hub's library as one of ours, with what helps."""
    hidden = error.__cause__ if type(error).__name__ == "LocalEntryNotFoundError" else None
    shown = hidden if isinstance(hidden, Exception) else error
    kind = type(shown).__name__
    reason = " ".join(str(shown).split()) or kind
    if kind in _UNREACHABLE:
        reason = f"{os.environ.get('HF_ENDPOINT') or 'the hub'} cannot be reached: {reason}"
    help = _HELP.get(kind) or _UNREACHABLE.get(kind) or _HELP.get(type(error).__name__, "")
    return WeightsError(Diagnostic("E0701", what, label=reason[:300], help=help))


_CONNECTION: Final = (
    "see the connection, and HF_ENDPOINT where the hub is another; what is in its cache is read without"
)
_UNREACHABLE: Final = dict.fromkeys(
    ("ConnectError", "ConnectTimeout", "ReadTimeout", "ReadError", "ProxyError", "ConnectionError"), _CONNECTION
)
"""What helps where there is no connection, by the name of the exception of the library below."""
_HELP: Final = {
    "RepositoryNotFoundError": "see its name; a private one needs `HF_TOKEN`, or `hf auth login`",
    "GatedRepoError": "ask for access on its page, and log in with `hf auth login`",
    "RevisionNotFoundError": "see the revision after `@`",
    "LocalEntryNotFoundError": "it is not in the cache, and the hub cannot be reached: see the connection",
    "OfflineModeIsEnabled": "unset HF_HUB_OFFLINE to reach the hub: offline only its cache is read",
    "LocalTokenNotFoundError": "log in with `hf auth login`, or set `HF_TOKEN`",
}
"""By the name of the library's exception."""
