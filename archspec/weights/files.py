"""Opening a weights file by what it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from archspec.archives import ArchiveError
from archspec.atomic_files import open_regular
from archspec.digests import FORM, form_at_end
from archspec.errors import Diagnostic, Note, WeightsError
from archspec.weights import (
    hdf5_files,
    network_digest,
    numpy_files,
    onnx_files,
    safetensors_files,
    shards,
    tensorflow_checkpoints,
    torch_files,
)
from archspec.weights.tensors import DamagedError, LazyTensor

if TYPE_CHECKING:
    from archspec.weights.tensors import Array

KINDS: Final = (
    "weights are read from safetensors, PyTorch (.pt, .pth), Keras (.keras, .h5), NumPy (.npz), ONNX, and TensorFlow's "
    "checkpoints"
)
_AT_A_TIME: Final = 2
"""Tensors that are read at a time: each takes memory for what the file has of it."""
_AVERAGE: Final = "/ExponentialMovingAverage"
"""What TensorFlow puts after the name of a variable whose average it keeps."""
_T = TypeVar("_T")


def numbers(path: Path, tensors: dict[str, LazyTensor], *, as_stored: bool = False) -> dict[str, Array]:
    """The tensors' numbers. One is read while another is turned into its layout.

    Args:
        path: the file, for errors.
        tensors: what is read.
        as_stored: turn no axes: arrays are views of what the file has.

    Raises:
        WeightsError: the file is damaged.
    """
    return reading(path, lambda: _loaded(tensors, as_stored))


def _loaded(tensors: dict[str, LazyTensor], as_stored: bool) -> dict[str, Array]:
    loads = [(tensor.load_as_stored if as_stored else None) or tensor.load for tensor in tensors.values()]
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        return dict(zip(tensors, pool.map(lambda load: load(), loads), strict=True))


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """What a file holds before its numbers are read."""

    tree: torch_files.Tree
    """Its tensors, and the mappings that they lie in."""
    format: str
    """As people read it."""
    library: str = ""
    """Whose names and layout it has, where the format says so: `keras` or `tensorflow`."""
    network: str = ""
    """The digest of the network that archspec wrote it for."""
    form: str = ""
    """The form of a network, `inference`, of whose weights archspec has made these."""


def open_weights(path: Path, needed: int) -> WeightsFile:
    """A weights file of any format that is read.

    Args:
        path: the file; of a checkpoint of TensorFlow the prefix, the index or a shard.
        needed: how many weights the network has; the time that is spent is bounded by it.

    Raises:
        WeightsError: it cannot be read, or is another program's.
    """
    return reading(path, lambda: _opened(path, needed))


def _opened(path: Path, needed: int) -> WeightsFile:
    from archspec.file_identification import identify_as_weights

    if (index := tensorflow_checkpoints.index_of(path)) is not None:
        return _checkpoint(index, needed)
    if path.is_dir() and (found := identify_as_weights(path)) is not None:
        raise unreadable(path, f"it is {found.what}", found.help)
    with open_regular(path) as file:
        head = file.read(64)
    if not head:
        raise unreadable(path, "it is empty", "download it again, or save it again")
    # A length stands before the `{` of safetensors: it may look like anything.
    if head[8:9] == b"{" and not head.startswith((b"PK", b"\x80", b"\x89")):
        return _safetensors(path, needed)
    if torch_files.is_legacy(head):
        return WeightsFile(torch_files.read(path, needed), "PyTorch before 1.6")
    found = identify_as_weights(path)
    if found is not None and found.reader:
        return _READERS[found.reader](path, needed)
    if found is not None:
        raise unreadable(path, f"it is {found.what}", found.help)
    if head.startswith(b"PK\x03\x04"):
        return WeightsFile(torch_files.read(path, needed), "PyTorch", form=form_at_end(path))
    if path.suffix == ".safetensors":  # cut within its first bytes, or damaged there
        return _safetensors(path, needed)
    raise unreadable(path, "its first bytes are of no format that is known", KINDS)


def _safetensors(path: Path, needed: int) -> WeightsFile:
    tensors = safetensors_files.read(path, needed)
    said = safetensors_files.metadata(path, needed)
    return WeightsFile(dict(tensors), "safetensors", network=said.get(network_digest.KEY, ""), form=said.get(FORM, ""))


def _keras(path: Path, needed: int) -> WeightsFile:
    return WeightsFile(dict(hdf5_files.read(path, needed)), "Keras", "keras", form=form_at_end(path))


def _onnx(path: Path, needed: int) -> WeightsFile:
    return WeightsFile(dict(onnx_files.read(path, needed)), "ONNX", form=onnx_files.metadata(path, FORM))


def _checkpoint(path: Path, needed: int) -> WeightsFile:
    found = tensorflow_checkpoints.read(path, needed)
    names: dict[str, Any] = {tensorflow_checkpoints.plain_name(name): tensor for name, tensor in found.items()}
    averages = {name.removesuffix(_AVERAGE): tensor for name, tensor in names.items() if name.endswith(_AVERAGE)}
    if averages:  # of the variables that have one; the others are what they are
        plain = {name: tensor for name, tensor in names.items() if not name.endswith(_AVERAGE)}
        names = {**plain, _AVERAGE.strip("/"): {**plain, **averages}}
    version = 2 if path.suffix == ".index" else 1
    return WeightsFile(names, f"a checkpoint of TensorFlow, version {version}", "tensorflow")


_READERS: Final[dict[str, Callable[[Path, int], WeightsFile]]] = {
    "keras": _keras,
    "numpy": lambda path, needed: WeightsFile(dict(numpy_files.read(path, needed)), "NumPy (.npz)"),
    "onnx": _onnx,
    "shards": lambda path, needed: WeightsFile(shards.read(path, needed), "several files by an index"),
    "tensorflow": _checkpoint,
}
"""By what `archspec.file_identification` says of a file."""


def reading(path: Path, work: Callable[[], _T]) -> _T:
    """What a reader gives, its errors as errors of the file."""
    try:
        return work()
    except (OSError, ValueError, MemoryError, OverflowError, RecursionError) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
        known = isinstance(error, DamagedError | ArchiveError)  # of a format that is read
        help = getattr(error, "help", "") or (KINDS if isinstance(error, ValueError) and not known else "")
        raise unreadable(path, reason, help) from None


def unreadable(path: Path, reason: str, help: str = "", notes: Sequence[str] = ()) -> WeightsError:
    """The error of a file that cannot be read."""
    message = f"{path} cannot be read as weights"
    return WeightsError(Diagnostic("E0701", message, label=reason, notes=tuple(map(Note, notes)), help=help))
