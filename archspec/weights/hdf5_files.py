"""Reading the HDF5 files of Keras without Keras: `.weights.h5`, the file inside a `.keras`, and the `.h5` before them.

Tensors get the names `layer/variable`: `conv1_conv/kernel`. A `.weights.h5` numbers a layer's variables, in the order in
which the layer has made them: `conv1_conv/0`.

Source: keras/src/saving/saving_lib.py, keras/src/legacy/saving/legacy_h5_format.py.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import SEEK_CUR, SEEK_END, SEEK_SET
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from archspec.archives import open_archive
from archspec.atomic_files import open_regular
from archspec.weights.tensors import MOST_AXES, DamagedError, LazyTensor, no_numbers, widened

if TYPE_CHECKING:
    from archspec.weights.tensors import Array

MAGIC: Final = b"\x89HDF\r\n\x1a\n"
_OBJECTS: Final = 20_000
_PER_WEIGHT: Final = 16
_DEEPEST: Final = 32
_DIRECTORY: Final = 2**20
_WEIGHTS: Final = "model.weights.h5"
_TRAINING: Final = ("optimizer", "optimizer_weights", "loss_tracker", "_loss_tracker", "metrics", "compile_metrics")
"""Groups that a training has put beside the layers."""
_VARIABLES: Final = "vars"
_EXPANSION: Final = 1000
"""How much larger than what is stored the numbers of a tensor may be: HDF5 compresses them, or leaves zeros out."""
_LAYERS: Final = ("layers", "_layer_checkpoint_dependencies")
"""Groups in a `.weights.h5` that stand for a list of layers."""


class MissingLibraryError(ValueError):
    """A library that is needed to read a file is not installed; `help` says how to install it."""

    help = "pip install 'archspec-nn[weights]'"


def read(path: Path, needed: int) -> dict[str, LazyTensor]:
    """The tensors of a Keras file by Keras's names, in Keras's layout.

    Args:
        path: of a `.weights.h5`, `.h5` or `.keras`.
        needed: how many weights the network has; the time that is spent on a file is bounded by it.

    Raises:
        DamagedError: it is damaged, or asks for more than it may.
        MissingLibraryError: h5py is not there.
        OSError: it cannot be read.
    """
    most = max(_OBJECTS, _PER_WEIGHT * needed)
    with _opened(path) as root:
        legacy = root.get("model_weights", root)
        names = _names(legacy, "layer_names") if isinstance(legacy, _h5py().Group) else None
        if names is not None:
            return dict(_legacy(path, legacy, names, most))
        found = dict(_numbered(path, root, most))
    if not found:
        raise DamagedError("an HDF5 file without the layers of a Keras model")
    return found


def _h5py() -> Any:
    try:
        import h5py
    except ImportError:
        raise MissingLibraryError("an HDF5 file, and h5py, which reads it, is not installed") from None
    return h5py


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The root of an HDF5 file, or of the one in a `.keras`."""
    library = _h5py()
    with open_regular(path) as whole, _part(whole) as file:
        try:
            with library.File(file, "r") as root:
                yield root
        except DamagedError:
            raise
        except (OSError, KeyError, RuntimeError, ValueError, TypeError, AttributeError) as error:
            # HDF5 says at which of its functions it stopped, which helps nobody.
            raise DamagedError("an HDF5 file that is damaged, or not whole: was it downloaded to the end?") from error


@contextmanager
def _part(file: BinaryIO) -> Iterator[Any]:
    """The file itself, or the part of an archive that holds the weights."""
    head = file.read(4)
    file.seek(0)
    if head != b"PK\x03\x04":
        yield file
        return
    with open_archive(file, _DIRECTORY) as archive:
        entry = next((one for one in archive.infolist() if one.filename == _WEIGHTS), None)
    if entry is None:
        raise DamagedError(f"a .keras file without {_WEIGHTS}")
    if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
        raise DamagedError(f"a .keras file whose parts are compressed: unpack it, and give {_WEIGHTS}")
    file.seek(entry.header_offset + 26)
    sizes = file.read(4)
    start = entry.header_offset + 30 + int.from_bytes(sizes[:2], "little") + int.from_bytes(sizes[2:], "little")
    yield _Window(file, start, entry.file_size)


class _Window:
    """A part of a file as a file that h5py reads."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._place = file, start, size, 0

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        self._place = max(0, offset + {SEEK_SET: 0, SEEK_CUR: self._place, SEEK_END: self._size}[whence])
        return self._place

    def tell(self) -> int:
        return self._place

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._size - self._place)
        self._file.seek(self._start + self._place)
        data = self._file.read(left if size < 0 else min(size, left))
        self._place += len(data)
        return data

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _names(group: Any, attribute: str) -> list[str] | None:
    """The names in an attribute, which is written in several where it is long; None if there is none."""
    if attribute in group.attrs:
        parts = [group.attrs[attribute]]
    else:
        parts, number = [], 0
        while f"{attribute}{number}" in group.attrs:
            parts.append(group.attrs[f"{attribute}{number}"])
            number += 1
    if not parts:
        return None
    return [name.decode(errors="replace") if isinstance(name, bytes) else str(name) for part in parts for name in part]


def _legacy(path: Path, root: Any, layers: list[str], most: int) -> Iterator[tuple[str, LazyTensor]]:
    count = 0
    for layer in layers:
        group = _member(root, layer)
        for name in _names(group, "weight_names") or []:
            count += 1
            if count > most:
                raise DamagedError(f"an HDF5 file with more than {most:,} tensors")
            dataset = group
            for part in name.split("/"):
                dataset = _member(dataset, part)
            own = name.removesuffix(":0")
            yield own, _tensor(path, dataset, own)


def _numbered(path: Path, root: Any, most: int) -> Iterator[tuple[str, LazyTensor]]:
    """The variables of all layers: each layer is a group whose group `vars` holds them, and the layer's name."""
    library = _h5py()
    left: list[tuple[Any, str, int]] = [(root, "", 0)]
    count = 0
    while left:
        group, prefix, depth = left.pop()
        if depth > _DEEPEST:
            raise DamagedError(f"an HDF5 file of groups in groups, more than {_DEEPEST}")
        inside: list[tuple[Any, str, int]] = []
        for key in group:
            count += 1
            if count > most:
                raise DamagedError(f"an HDF5 file of more than {most:,} parts")
            if depth == 0 and key in _TRAINING:
                continue
            member = _member(group, key)
            if not isinstance(member, library.Group):
                continue
            if key == _VARIABLES:
                for number in sorted(member, key=lambda each: (len(each), each)):
                    count += 1
                    name = f"{prefix}/{number}".lstrip("/")
                    yield name, _tensor(path, _member(member, number), name)
                continue
            own = prefix if key in _LAYERS else f"{prefix}/{_layer_name(member, key)}".lstrip("/")
            inside.append((member, own, depth + 1))
        left += reversed(inside)


def _layer_name(group: Any, key: str) -> str:
    """A layer's own name, where Keras has noted it beside its variables; the group is named after its class."""
    if _VARIABLES in group:
        name = _member(group, _VARIABLES).attrs.get("name")
        if isinstance(name, str | bytes):
            return name.decode(errors="replace") if isinstance(name, bytes) else name
    return key


def _member(group: Any, name: str) -> Any:
    """What stands under a name in the file itself: links to other places are not followed.

    Raises:
        DamagedError: it is a link, or is not there.
    """
    library = _h5py()
    if not isinstance(group, library.Group) or name not in group:
        raise DamagedError(f"an HDF5 file without its part {name[:80]!r}")
    if group.get(name, getclass=True, getlink=True) is not library.HardLink:
        raise DamagedError(f"an HDF5 file whose part {name[:80]!r} is a link")
    return group[name]


def _tensor(path: Path, dataset: Any, name: str) -> LazyTensor:
    if not isinstance(dataset, _h5py().Dataset):
        raise DamagedError(f"an HDF5 file whose {name[:80]!r} is no tensor")
    shape = tuple(int(size) for size in dataset.shape or ())
    place, kind = str(dataset.name), dataset.dtype.name
    if dataset.external or dataset.is_virtual:
        raise DamagedError(f"an HDF5 file whose {name[:80]!r} lies in another file")
    if len(shape) > MOST_AXES:
        raise DamagedError(f"an HDF5 file whose {name[:80]!r} is damaged")
    if math.prod(shape) * dataset.dtype.itemsize > max(2**20, _EXPANSION * dataset.id.get_storage_size()):
        raise DamagedError(f"{name[:80]!r} is far larger than what is stored of it")
    if dataset.attrs.get("dtype") == "bfloat16" and dataset.dtype.itemsize == 2:
        return LazyTensor(shape, "bfloat16", lambda: widened(_read(path, place).view("<u2").reshape(shape)))
    if dataset.dtype.kind not in "fiub":
        return LazyTensor(shape, "no numbers", no_numbers)
    return LazyTensor(shape, kind, lambda: _read(path, place))


def _read(path: Path, place: str) -> Array:
    import numpy as np

    with _opened(path) as root:
        array: Array = np.asarray(root[place][()])
    return array
