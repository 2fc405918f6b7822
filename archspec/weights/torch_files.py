"""Reading what `torch.save` writes, without PyTorch: tensors and the mappings around them."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from archspec.archives import ContentChecksum, content_start, is_stored, open_archive, stored_content
from archspec.atomic_files import open_regular
from archspec.ir.tensor_type import Shape
from archspec.weights.portions import fill_next
from archspec.weights.tensors import CODES, FLOATS, INTEGERS, DamagedError, LazyTensor, no_numbers, widened
from archspec.weights.unpickling import OddTensor, PickledObject, Storage, StoredTensor, unpickle

if TYPE_CHECKING:
    import zipfile

    from archspec.weights.tensors import Array

_MAGIC: Final = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
"""The number in the first pickle of a file of PyTorch before 1.6."""
_PICKLE: Final = 2**26
"""Bytes of a pickle, the numbers of tensors not counted."""
_DIRECTORY: Final = 2**20
"""Bytes of an archive's directory, where each part takes 46 and its name."""
_PER_WEIGHT: Final = 1024
STATE_DICT: Final = "with the code that made it, in Python: `torch.save(model.state_dict(), 'weights.pth')`"
"""What to do with a file that holds none."""
_DEEPEST: Final = 8
"""Mappings within mappings; what lies deeper is no state dict."""

Tree: TypeAlias = dict[str, Any]
"""Tensors by name, and mappings of them by their keys; values of all other kinds are `PickledObject` or left out."""


class _Storages(Protocol):
    """The numbers that the tensors of a file lie in."""

    def numbers(self, wanted: Storage, width: int, start: int, count: int) -> Array:
        """Of a storage whose numbers have so many bytes each, so many from this one on; fewer where it ends before."""
        ...

    def check(self, wanted: Storage) -> None:
        """Hold a storage that has been read, or a part of it, against its checksum, if it has one."""
        ...


def read(path: Path, needed: int) -> Tree:
    """What a file holds that `torch.save` wrote: its mappings, with a `LazyTensor` for each tensor.

    Args:
        path: the file.
        needed: how many weights the network has; the time that is spent on a file is bounded by it.

    Raises:
        DamagedError: it is damaged, compressed, holds no mapping, or asks for more than it may.
        OSError: it cannot be read.
    """
    with open_regular(path) as file:
        legacy = is_legacy(file.read(64))
    root, storages = _legacy(path, needed) if legacy else _archive(path, needed)
    if isinstance(root, PickledObject):
        raise DamagedError(whole_object(root.name), STATE_DICT)
    if isinstance(root, list | tuple):  # of state dicts: of a model and of what trains it
        root = {str(number): each for number, each in enumerate(root) if isinstance(each, dict)}
    if not isinstance(root, dict) or not root:
        raise DamagedError("it holds no state dict, that is, no mapping of names to tensors", STATE_DICT)
    return _tree(root, storages, {}, 0)


def is_legacy(head: bytes) -> bool:
    """Whether a file that begins so is of PyTorch before 1.6, or was saved in its form."""
    return head.startswith(b"\x80") and _MAGIC in head[:64]


def whole_object(name: str) -> str:
    """What is to be said of a model that was pickled with its class."""
    return f"it holds a whole pickled object of the class {name[:120] or '(unknown)'}, which is not executed"


def _tree(values: Mapping[Any, Any], storages: _Storages, seen: dict[int, Tree], depth: int) -> Tree:
    """The tree of a mapping; one that stands in several places is gone through once."""
    found = seen.setdefault(id(values), {})
    for key, value in values.items():
        if not isinstance(key, str):
            continue  # an optimizer numbers its parameters
        if isinstance(value, StoredTensor):
            found[key] = _tensor(key, value, storages)
        elif isinstance(value, OddTensor):
            found[key] = LazyTensor((), value.kind, no_numbers)
        elif isinstance(value, dict) and depth < _DEEPEST:
            found[key] = seen[id(value)] if id(value) in seen else _tree(value, storages, seen, depth + 1)
        elif isinstance(value, PickledObject):
            found[key] = value
    return found


def _tensor(name: str, found: StoredTensor, storages: _Storages) -> LazyTensor:
    def load() -> Array:
        import numpy as np

        width = _WIDTHS[found.kind]
        code = "u2" if found.kind == "bfloat16" else f"{found.kind[0]}{width}"
        reach = 1 + sum((size - 1) * stride for size, stride in zip(found.shape, found.strides, strict=True))
        count = reach if math.prod(found.shape) else 0
        # No more than the tensor's own part: all weights may lie in one storage.
        flat = storages.numbers(found.storage, width, found.offset, count).view(np.dtype(code).newbyteorder("<"))
        if flat.size < count:
            raise DamagedError(f"{name[:80]!r} reaches past the end of its numbers")
        storages.check(found.storage)
        strides = [stride * width for stride in found.strides]
        view = np.lib.stride_tricks.as_strided(flat, found.shape, strides)
        array: Array = np.ascontiguousarray(view).reshape(found.shape)
        return widened(array) if found.kind == "bfloat16" else array

    def fill(target: Array) -> None:
        done, width = found.offset, _WIDTHS[found.kind]

        def read(length: int) -> Array:
            nonlocal done
            data = storages.numbers(found.storage, width, done, length // width)
            if len(data) < length:
                raise DamagedError(f"{name[:80]!r} reaches past the end of its numbers")
            done += length // width
            return data

        fill_next(target, found.kind, read)
        storages.check(found.storage)

    one_by_one = found.kind in CODES and found.strides == _strides(found.shape)
    return LazyTensor(found.shape, found.kind, load, fill if one_by_one else None)


def _strides(shape: Shape) -> tuple[int, ...]:
    """Of a tensor whose numbers lie one after the other in the order of its axes."""
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


_WIDTHS: Final = {
    **{kind: int(kind[-2:]) // 8 for kind in (*FLOATS, *INTEGERS)},
    **dict.fromkeys(("int8", "uint8", "bool", "qint8", "quint8"), 1),
    "qint32": 4,
    "complex64": 8,
    "complex128": 16,
}


def _archive(path: Path, needed: int) -> tuple[Any, _Storages]:
    """The pickle of a zip archive, and its storages, which are parts of their own: `archive/data/0`."""
    size = path.stat().st_size
    with open_regular(path) as file, open_archive(file, max(_DIRECTORY, _PER_WEIGHT * needed)) as archive:
        parts = {entry.filename: entry for entry in archive.infolist()}
        pickles = [name for name in parts if name == "data.pkl" or name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise DamagedError("an archive, but none that `torch.save` wrote")
        folder = pickles[0].removesuffix("data.pkl")
        order = f"{folder}byteorder"
        held = sum(entry.file_size for entry in parts.values())
        if held > size:
            raise DamagedError(f"an archive of {size:,} bytes that holds {held:,}")
        if (length := parts[pickles[0]].file_size) > _PICKLE:
            raise DamagedError(f"a pickle of {length:,} bytes; at most {_PICKLE:,} are read")
        if not all(is_stored(parts[name]) for name in (pickles[0], order) if name in parts):
            raise DamagedError("an archive whose parts are compressed or encrypted: `torch.save` writes none")
        try:
            root = unpickle(io.BytesIO(stored_content(file, parts[pickles[0]])), needed)
        except EOFError:
            raise DamagedError("an archive whose parts are damaged") from None
        swapped = order in parts and stored_content(file, parts[order]).strip() == b"big"
    return root, _ArchiveStorages(path, f"{folder}data/", parts, swapped)


class _ArchiveStorages:
    """Storages that are parts of a zip archive, which has a checksum of each.

    A tensor that is read takes its whole storage through the checksum, but each storage once.
    """

    def __init__(self, path: Path, folder: str, parts: Mapping[str, zipfile.ZipInfo], swapped: bool) -> None:
        self._path, self._folder, self._parts, self._swapped = path, folder, parts, swapped
        self._checksums: dict[str, ContentChecksum] = {}

    def numbers(self, wanted: Storage, width: int, start: int, count: int) -> Array:
        entry = self._parts.get(f"{self._folder}{wanted.key}")
        if entry is None or not is_stored(entry):
            raise DamagedError(f"an archive whose part {wanted.key[:80]!r} is missing, or compressed")
        with open_regular(self._path) as file:
            file.seek(content_start(file, entry))
            data = _numbers(file, entry.file_size, width, start, count)
        # A dictionary's `setdefault` is one step, also for threads.
        self._checksums.setdefault(wanted.key, ContentChecksum(entry)).follow(start * width, data.data)
        if self._swapped:
            data.view(f"u{width}").byteswap(inplace=True)
        return data

    def check(self, wanted: Storage) -> None:
        checksum = self._checksums.get(wanted.key)
        if checksum is not None:  # not that of a tensor without numbers
            with open_regular(self._path) as file:
                checksum.finish(file)


def _numbers(file: io.BufferedIOBase, length: int, width: int, start: int, count: int) -> Array:
    """So many numbers, from this one on, of a storage of so many bytes that begins here; fewer where it ends before."""
    import numpy as np

    there = max(0, min(count, length // width - start))
    file.seek(start * width if there else 0, io.SEEK_CUR)
    data = np.empty(there * width, np.uint8)
    return data[: file.readinto(data.data) // width * width]


def _legacy(path: Path, needed: int) -> tuple[Any, _Storages]:
    """Five pickles, one after the other, and then the storages in the order that the fifth gives."""
    with open_regular(path) as file:
        stream = io.BytesIO(file.read(min(_PICKLE, path.stat().st_size)))
        for _ in range(2):  # the magic number, the version
            unpickle(stream, 0)
        system = unpickle(stream, 0)
        root, keys = unpickle(stream, needed), unpickle(stream, needed)
        if not isinstance(system, dict) or not system.get("little_endian", True) or not isinstance(keys, list):
            raise DamagedError("a file of PyTorch before 1.6 that is damaged, or of another kind of machine")
        kinds = dict(_storages(root))
        places: dict[str, tuple[int, int]] = {}
        place = stream.tell()
        for key in keys:
            file.seek(place)
            numbers = int.from_bytes(file.read(8), "little")
            kind = kinds.get(key) if isinstance(key, str) else None
            if kind is None:
                break  # where the others lie cannot be known
            length = numbers * _WIDTHS.get(kind, 0)
            places[key] = (place + 8, length)
            place += 8 + length
            if place > path.stat().st_size:
                early = f"{place - path.stat().st_size:,} bytes or more too early"
                raise DamagedError(f"a file that ends {early}: was it downloaded to the end?")

    return root, _LegacyStorages(path, places)


class _LegacyStorages:
    """Storages that lie one after the other in a file of PyTorch before 1.6, which has no checksums."""

    def __init__(self, path: Path, places: Mapping[str, tuple[int, int]]) -> None:
        self._path, self._places = path, places

    def numbers(self, wanted: Storage, width: int, start: int, count: int) -> Array:
        if wanted.key not in self._places:
            raise DamagedError("a file of PyTorch before 1.6 whose numbers cannot be found")
        first, length = self._places[wanted.key]
        with open_regular(self._path) as file:
            file.seek(first)
            return _numbers(file, length, width, start, count)

    def check(self, wanted: Storage) -> None:
        pass


def _storages(root: Any) -> Iterator[tuple[str, str]]:
    """The storages of a value, by key, with the types of their numbers."""
    left, seen = [root], set[int]()
    while left:
        value = left.pop()
        if isinstance(value, StoredTensor) and value.storage.kind is not None:
            yield value.storage.key, value.storage.kind
        elif isinstance(value, dict | list | tuple) and id(value) not in seen:
            seen.add(id(value))
            left += value.values() if isinstance(value, dict) else value
