"""Opening a weights file by what it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from archspec.atomic_files import open_regular
from archspec.errors import Diagnostic, WeightsError
from archspec.weights import safetensors_files, torch_files
from archspec.weights.tensors import LazyTensor

if TYPE_CHECKING:
    from archspec.weights.tensors import Array

KINDS: Final = "weights are read from .safetensors files and from PyTorch state dicts (.pt, .pth)"
_T = TypeVar("_T")


def numbers(path: Path, tensors: dict[str, LazyTensor]) -> dict[str, Array]:
    """The tensors' numbers.

    Raises:
        WeightsError: the file is damaged.
    """
    return reading(path, lambda: {name: tensor.load() for name, tensor in tensors.items()})


def tree(path: Path, needed: int) -> torch_files.Tree:
    """The tensors of a file before their numbers are read, and the mappings that they lie in.

    Args:
        path: the file.
        needed: how many weights the network has; the time that is spent is bounded by it.

    Raises:
        WeightsError: it cannot be read, or is another program's.
    """
    return reading(path, lambda: _tree(path, needed))


def _tree(path: Path, needed: int) -> torch_files.Tree:
    from archspec.file_identification import identify_as_weights

    if path.is_dir() and (found := identify_as_weights(path)) is not None:
        raise unreadable(path, f"it is {found.what}", found.help)
    with open_regular(path) as file:
        head = file.read(64)
    if not head:
        raise unreadable(path, "it is empty")
    # A length stands before the `{` of safetensors: it may look like anything.
    if head[8:9] == b"{" and not head.startswith((b"PK", b"\x80", b"\x89")):
        return dict(safetensors_files.read(path, needed))
    if not torch_files.is_legacy(head) and (found := identify_as_weights(path)) is not None:
        raise unreadable(path, f"it is {found.what}", found.help)
    if torch_files.is_legacy(head) or head.startswith(b"PK\x03\x04"):
        return torch_files.read(path, needed)
    return dict(safetensors_files.read(path, needed))


def reading(path: Path, work: Callable[[], _T]) -> _T:
    """What a reader gives, its errors as errors of the file."""
    try:
        return work()
    except (OSError, ValueError, MemoryError, OverflowError, RecursionError) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
        help = getattr(error, "help", "") or (KINDS if isinstance(error, ValueError) else "")
        raise unreadable(path, reason, help) from None


def unreadable(path: Path, reason: str, help: str = "") -> WeightsError:
    """The error of a file that cannot be read."""
    return WeightsError(Diagnostic("E0701", f"{path} cannot be read as weights", label=reason, help=help))
