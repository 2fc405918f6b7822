"""Reading the HDF5 files of Keras without Keras: `.weights.h5`, the file inside a `.keras`, and the `.h5` before them.

Tensors get the names `layer/variable`: `conv1_conv/kernel`. A `.weights.h5` numbers a layer's variables, in the order
in which the layer has made them: `conv1_conv/0`.

HDF5's own library, in C, can be made to crash by a damaged file. pyfive reads the format in Python.

Source: keras/src/saving/saving_lib.py, keras/src/legacy/saving/legacy_h5_format.py.
"""

from __future__ import annotations

import io
import math
import re
import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from archspec.archives import ContentChecksum, content_start, is_stored, open_archive
from archspec.atomic_files import open_regular
from archspec.weights.portions import checked, lying_at
from archspec.weights.tensors import CODES, MOST_AXES, DamagedError, LazyTensor, no_numbers, widened

if TYPE_CHECKING:
    from archspec.weights.tensors import Array

_OBJECTS: Final = 20_000
_PER_WEIGHT: Final = 16
_DEEPEST: Final = 32
_DIRECTORY: Final = 2**20
_WEIGHTS: Final = "model.weights.h5"
_TRAINING: Final = ("optimizer", "optimizer_weights", "loss_tracker", "_loss_tracker", "metrics", "compile_metrics")
"""Groups that a training has put beside the layers."""
_VARIABLES: Final = "vars"
_EXPANSION: Final = 1000
"""How much larger than the file the numbers of a tensor may be: HDF5 compresses them, or leaves zeros out."""
_CONTIGUOUS: Final = 1
"""The layout of a tensor whose numbers lie one after the other, as HDF5 numbers it."""
_LAYOUTS: Final = (0, _CONTIGUOUS, 2)
"""Those of numbers in the file itself: beside its description, one after the other, or in chunks."""
_NOWHERE: Final = 2**64 - 1
_UNNAMED: Final = re.compile(r"/variable(_\d+)?$")
_BLOCK: Final = 2**13
"""Bytes of a file that are read at once while groups are gone through."""
_LAYERS: Final = ("layers", "_layer_checkpoint_dependencies")
"""Groups in a `.weights.h5` that stand for a list of layers."""


class MissingLibraryError(ValueError):
    """A library that is needed to read a file is not installed; `help` says how to install it."""

    help = "install it with `pip install pyfive`"


def read(path: Path, needed: int) -> dict[str, LazyTensor]:
    """The tensors of a Keras file by Keras's names, in Keras's layout.

    Args:
        path: of a `.weights.h5`, `.h5` or `.keras`.
        needed: how many weights the network has; the time that is spent on a file is bounded by it.

    Raises:
        DamagedError: it is damaged, or asks for more than it may.
        MissingLibraryError: pyfive is not there.
        OSError: it cannot be read.
    """
    most = max(_OBJECTS, _PER_WEIGHT * needed)
    file = _OpenFile(path)
    with file.errors() as root:
        legacy = root.get("model_weights", root)
        names = _names(legacy, "layer_names") if isinstance(legacy, _pyfive().Group) else None
        if names is not None:
            return dict(_legacy(file, legacy, names, most))
        found = dict(_numbered(file, root, most))
    if not found:
        raise DamagedError("an HDF5 file without the layers of a Keras model")
    return found


def _pyfive() -> Any:
    try:
        import pyfive
    except ImportError:
        raise MissingLibraryError("an HDF5 file, and pyfive, which reads it, is not installed") from None
    return pyfive


class _OpenFile:
    """An HDF5 file, or the one in a `.keras`, that stays open as long as tensors of it are there.

    To open it for each tensor would go through its groups each time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._parts = ExitStack()
        self._root: Any = None
        self._window: _Window | None = None
        self._one_by_one = Lock()
        weakref.finalize(self, self._parts.close)

    @contextmanager
    def errors(self) -> Iterator[Any]:
        """The root; what the library says of a file that is damaged is an error of ours."""
        library = _pyfive()
        try:
            if self._root is None:
                self._window = self._parts.enter_context(_part(self._parts.enter_context(open_regular(self.path))))
                self._root = self._parts.enter_context(library.File(self._window))
            yield self._root
        except (DamagedError, MemoryError, OSError):
            raise
        except Exception as error:  # the library looks at structures only when it comes to them
            raise DamagedError("an HDF5 file that is damaged, or not whole: was it downloaded to the end?") from error

    def place(self, dataset: Any, length: int, name: str) -> int | None:
        """Where so many bytes of a tensor lie in the file, one after the other; None where they do not.

        Raises:
            DamagedError: it ends before they do.
        """
        if dataset.id.layout_class != _CONTIGUOUS or not length or self._window is None:
            return None
        lacking = dataset.id.data_offset + length - self._window.size
        if lacking > 0:
            raise DamagedError(
                f"an HDF5 file that ends {lacking:,} bytes or more too early, before the end of {name[:80]!r}: "
                "was it downloaded to the end?"
            )
        return self._window.start + int(dataset.id.data_offset)

    @property
    def in_archive(self) -> bool:
        """Whether this is a part of an archive, which has a checksum of it."""
        return self._window is not None and self._window.checksum is not None

    def check(self) -> None:
        """Hold the part of an archive that this is against its checksum, the first time that numbers are read.

        Raises:
            ArchiveError: it is damaged.
        """
        if self._window is not None and self._window.checksum is not None:
            with open_regular(self.path) as file:
                self._window.checksum.finish(file)

    def numbers(self, dataset: Any) -> Array:
        """Those of a tensor that do not lie one after the other."""
        import numpy as np

        self.check()
        with self._one_by_one, self.errors():
            array: Array = np.asarray(dataset[()])
        return array


@contextmanager
def _part(file: io.BufferedReader) -> Iterator[_Window]:
    """The file itself, or the part of an archive that holds the weights."""
    head = file.read(4)
    size = file.seek(0, io.SEEK_END)
    if head != b"PK\x03\x04":
        yield _Window(file, 0, size)  # not the file itself, which the library would open once more, by its name
        return
    with open_archive(file, _DIRECTORY) as archive:
        entry = next((one for one in archive.infolist() if one.filename == _WEIGHTS), None)
    if entry is None:
        raise DamagedError(f"a .keras file without {_WEIGHTS}")
    if not is_stored(entry):
        raise DamagedError(f"a .keras file whose parts are compressed: unpack it, and give {_WEIGHTS}")
    yield _Window(file, content_start(file, entry), entry.file_size, ContentChecksum(entry))


class _Window(io.RawIOBase):
    """A part of a file as a file of its own."""

    def __init__(self, file: io.BufferedReader, start: int, size: int, checksum: ContentChecksum | None = None) -> None:
        super().__init__()
        self.checksum = checksum
        self._file, self.start, self.size, self._place = file, start, size, 0
        self._block, self._block_start = b"", 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.size}[whence])
        return self._place

    def tell(self) -> int:
        return self._place

    def read(self, size: int = -1, /) -> bytes:
        """What comes next; no more is made room for than is there, whatever a damaged file asks for.

        The method of `RawIOBase` would make room for all, and CPython says on the standard error stream, with no
        exception, that it has failed to: "deallocated bytearray object has exported buffers".
        """
        left = max(0, self.size - self._place)
        wanted = left if size < 0 else min(size, left)
        offset = self._place - self._block_start
        if not 0 <= offset <= len(self._block) - wanted:
            # The library asks for some bytes at a time, of what lies near each other.
            self._file.seek(self.start + self._place)
            self._block, self._block_start = self._file.read(max(wanted, min(left, _BLOCK))), self._place
            offset = 0
        data = self._block[offset : offset + wanted]
        self._place += len(data)
        return data


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
    return [str(_text(name)) for part in parts for name in part]


def _text(value: object) -> object:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _legacy(file: _OpenFile, root: Any, layers: list[str], most: int) -> Iterator[tuple[str, LazyTensor]]:
    count, owners = 0, Counter[str]()
    if _text(root.attrs.get("backend")) == "theano":
        raise DamagedError("weights of Keras on Theano, whose convolutions are flipped: load and save them with Keras")
    for layer in layers:
        group = _member(root, layer)
        for position, name in enumerate(_names(group, "weight_names") or []):
            count += 1
            if count > most:
                raise DamagedError(f"an HDF5 file with more than {most:,} tensors")
            dataset = group
            for part in name.split("/"):
                dataset = _member(dataset, part)
            # Before Keras 2 a variable's name was not its layer's with a word behind it.
            own = name.removesuffix(":0") if "/" in name else f"{layer}/{position}"
            owner = own.rpartition("/")[0]
            if _UNNAMED.search(own):  # Keras numbers such variables through the whole process
                own = f"{owner}/{owners[owner]}"
            owners[owner] += 1
            yield own, _tensor(file, dataset, own)


def _numbered(file: _OpenFile, root: Any, most: int) -> Iterator[tuple[str, LazyTensor]]:
    """The variables of all layers: each layer is a group whose group `vars` holds them, and the layer's name."""
    library = _pyfive()
    left: list[tuple[Any, Any, str, int]] = [(root, None, "", 0)]
    count = 0
    while left:
        group, variables, prefix, depth = left.pop()
        if depth > _DEEPEST:
            raise DamagedError(f"an HDF5 file of groups in groups, more than {_DEEPEST}")
        inside: list[tuple[Any, Any, str, int]] = []
        for key in group:
            count += 1
            if count > most:
                raise DamagedError(f"an HDF5 file of more than {most:,} parts")
            if depth == 0 and key in _TRAINING:
                continue
            member = variables if key == _VARIABLES and variables is not None else _member(group, key)
            if not isinstance(member, library.Group):
                continue
            if key == _VARIABLES:
                for number in sorted(member, key=lambda each: (len(each), each)):
                    count += 1
                    name = f"{prefix}/{number}".lstrip("/")
                    yield name, _tensor(file, _member(member, number), name)
                continue
            inner = _variables(member) if key not in _LAYERS else None
            own = prefix if key in _LAYERS else f"{prefix}/{_layer_name(inner, key)}".lstrip("/")
            inside.append((member, inner, own, depth + 1))
        left += reversed(inside)


def _variables(group: Any) -> Any:
    """The group of a layer's variables; None if it has none."""
    # Its names alone: to ask the group would read what stands there.
    return _member(group, _VARIABLES) if _VARIABLES in [*group] else None


def _layer_name(variables: Any, key: str) -> str:
    """A layer's own name, which Keras notes beside its variables; the group is named after its class, with a number.

    Raises:
        DamagedError: the name is not there: the numbers of classes say nothing.
    """
    if variables is None:
        return key
    name = variables.attrs.get("name")
    if isinstance(name, str | bytes):
        return str(_text(name))
    if [*variables]:
        raise DamagedError("an HDF5 file of Keras that does not name its layers: save the whole model, as .h5")
    return key


def _member(group: Any, name: str) -> Any:
    """What stands under a name; the numbers of a tensor are not looked for.

    Raises:
        DamagedError: nothing does.
    """
    try:
        found = group.get_lazy_view(name) if isinstance(group, _pyfive().Group) else None
    except KeyError:
        found = None
    if found is None:
        raise DamagedError(f"an HDF5 file without its part {name[:80]!r}")
    return found


def _tensor(file: _OpenFile, dataset: Any, name: str) -> LazyTensor:
    if not isinstance(dataset, _pyfive().Dataset):
        raise DamagedError(f"an HDF5 file whose {name[:80]!r} is no tensor")
    shape = tuple(int(size) for size in dataset.shape or ())
    dtype = dataset.dtype
    if len(shape) > MOST_AXES:
        raise DamagedError(f"an HDF5 file whose {name[:80]!r} is damaged")
    elsewhere = dataset.id.layout_class == _CONTIGUOUS and dataset.id.data_offset == _NOWHERE and math.prod(shape)
    if elsewhere or dataset.id.layout_class not in _LAYOUTS:
        raise DamagedError(f"an HDF5 file without the numbers of {name[:80]!r}: are they in another file?")
    place = file.place(dataset, math.prod(shape) * dtype.itemsize, name)
    if math.prod(shape) * dtype.itemsize > _EXPANSION * file.path.stat().st_size:
        raise DamagedError(f"{name[:80]!r} is far larger than its file")
    kind = dtype.name
    if _text(dataset.attrs.get("dtype")) == "bfloat16" and dtype.itemsize == 2:
        kind = "bfloat16"
    elif dtype.kind not in "fiub":
        return LazyTensor(shape, "no numbers", no_numbers)
    if place is not None and place >= 0 and (kind == "bfloat16" or dtype == CODES.get(kind)):
        plain = lying_at(file.path, place, shape, kind)  # without the copies that the library makes
        return checked(plain, file.check) if file.in_archive else plain

    def load() -> Array:
        array = file.numbers(dataset)
        return widened(array.view("<u2").reshape(shape)) if kind == "bfloat16" else array

    return LazyTensor(shape, kind, load)
