"""Reading TensorFlow's checkpoints without TensorFlow: version 1, one file, and version 2, an index and shards.

TF-slim's models were published as version 1 (`resnet_v1_50.ckpt`); `tf.train.Saver` has written version 2 since
TensorFlow 0.12, and so does `tf.train.Checkpoint`, whose names end in `/.ATTRIBUTES/VARIABLE_VALUE`.

Source: tensorflow/core/util/tensor_bundle/tensor_bundle.h, tensorflow/core/protobuf/tensor_bundle.proto,
tensorflow/core/util/saved_tensor_slice.proto.
"""

from __future__ import annotations

import io
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from archspec.atomic_files import open_regular
from archspec.ir.tensor_type import Shape
from archspec.weights.crc32c import Crc32c, masked, masked_crc32c
from archspec.weights.leveldb_tables import TableBlock, TableEntry, entries
from archspec.weights.portions import fill_next, lying_at, reads_next
from archspec.weights.tensor_slices import Slice, box, joined_slices, slice_key, slice_of
from archspec.weights.tensors import (
    CODES,
    MOST_AXES,
    DamagedError,
    LazyTensor,
    byte_size,
    check_reach,
    no_numbers,
    read_numbers,
    widened,
)
from archspec.wire_format import BYTES, FIXED32, Field, WireError, fields, integers, read_bytes, varint

if TYPE_CHECKING:
    from archspec.weights.tensors import Array

_ENTRIES: Final = 100_000
_DESCRIPTION: Final = 4096
"""Bytes that say what a tensor is, at most."""
_PER_WEIGHT: Final = 8
"""Entries for each weight that a network has: an optimizer keeps some of its own."""
KINDS: Final = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    5: "int16",
    6: "int8",
    9: "int64",
    10: "bool",
    14: "bfloat16",
    17: "uint16",
    19: "float16",
    22: "uint32",
    23: "uint64",
}
"""Numbers of `DataType` in tensorflow/core/framework/types.proto."""
_OTHERS: Final = {8: "complex64", 18: "complex128", 11: "qint8", 12: "quint8", 13: "qint32"}
_STRING: Final = 7
_OBJECTS: Final = "_CHECKPOINTABLE_OBJECT_GRAPH"
_OPTIMIZER: Final = re.compile(r"(^|/)(_variables/\d+|_iterations|_learning_rate)/\.ATTRIBUTES/")
"""Where a checkpoint of objects has what an optimizer of Keras 3 keeps."""
_LONGEST_DESCRIPTION: Final = 2**26
_VARIABLE: Final = "/.ATTRIBUTES/VARIABLE_VALUE"
_SHARD: Final = re.compile(r"\.data-\d{5}-of-\d{5}$")


def index_of(path: Path) -> Path | None:
    """The index of a checkpoint of version 2 that is given by its prefix, its index, or one of its shards."""
    prefix = _SHARD.sub("", path.name).removesuffix(".index")
    if not prefix or (prefix == path.name and path.exists()):
        return None  # another file: what lies beside it is not asked for
    index = path.with_name(f"{prefix}.index")
    return index if index.is_file() else None


def read(path: Path, needed: int) -> dict[str, LazyTensor]:
    """The tensors of a checkpoint by TensorFlow's names, in TensorFlow's layout.

    Args:
        path: of version 1, the file; of version 2, its index.
        needed: how many weights the network has; the time that is spent on a file is bounded by it.

    Raises:
        DamagedError: it is damaged, or asks for more than it may.
        OSError: it cannot be read.
    """
    most = max(_ENTRIES, _PER_WEIGHT * needed)
    try:
        with open_regular(path) as file:
            found = iter(entries(file, most))
            first = next(found, None)
            if first is None or first.key:
                raise DamagedError("a table, but none of a checkpoint")
            if path.suffix == ".index":
                return _version_2(path, file, first, [*found])
            return _version_1(path, file, first, [*found])
    except WireError:
        raise DamagedError("a checkpoint with a damaged entry") from None


def plain_name(name: str) -> str:
    """A variable's name, without what `tf.train.Checkpoint` and TensorFlow 1 put after it."""
    return name.removesuffix(_VARIABLE).removesuffix(":0")


def _version_2(path: Path, file: BinaryIO, header: TableEntry, found: list[TableEntry]) -> dict[str, LazyTensor]:
    shards, little = 1, True
    for field in fields(file, header.start, header.end):
        if field.number == 1:
            shards = field.value
        elif field.number == 2:
            little = field.value == 0
    if not little:
        raise DamagedError("a checkpoint of a machine that writes numbers the other way round (big-endian)")
    tensors: dict[str, LazyTensor] = {}
    parts = {entry.key: entry for entry in found if _text(entry.key) is None}
    named: dict[str, str] = {}
    ends: dict[Path, dict[str, int]] = {}
    """By the shards where the numbers of each tensor end."""
    for entry in found:
        name = _text(entry.key)
        if name is None or _OPTIMIZER.search(name):
            continue  # the key of a part: the tensor that it belongs to has an entry of its own
        if entry.end - entry.start > _DESCRIPTION:
            raise DamagedError(f"a checkpoint whose entry {name[:80]!r} is damaged")
        stored = _entry(path, file, name, entry, shards)
        pieces: list[tuple[Slice, _Stored]] = [((), stored)]
        if stored.kind == _STRING:
            if name == _OBJECTS:
                named = _variable_names(stored)
        elif stored.slices:
            pieces = _pieces(path, file, name, stored, parts, shards)
            tensors[name] = joined_slices(
                stored.shape or (), KINDS[stored.kind], [(part, _stored(name, piece)) for part, piece in pieces]
            )
        else:
            tensors[name] = _stored(name, stored)
        for _, piece in pieces:
            reached = ends.setdefault(piece.path, {})
            own = plain_name(name)
            reached[own] = max(reached.get(own, 0), piece.offset + piece.size)
    for shard, reached in ends.items():
        check_reach(shard, reached)
    counts = Counter(named[name] for name in tensors if name in named)
    return {named[name] if counts[named.get(name, "")] == 1 else name: tensor for name, tensor in tensors.items()}


@dataclass(frozen=True, slots=True)
class _Stored:
    """What an index says of a tensor: a `BundleEntryProto`."""

    path: Path
    kind: int
    shape: Shape | None
    offset: int
    size: int
    checksum: int | None
    slices: tuple[Slice, ...]


def _entry(path: Path, file: BinaryIO, name: str, entry: TableEntry, shards: int) -> _Stored:
    numbers: dict[int, int] = {}
    shape: Shape | None = ()
    slices: list[Slice] = []
    checksum = None
    for field in fields(file, entry.start, entry.end):
        if field.number == 2:
            shape = _shape(file, field)
        elif field.number == 6 and field.wire == FIXED32:
            checksum = int.from_bytes(read_bytes(file, field), "little")
        elif field.number == 7:
            slices.append(slice_of(file, field))
        else:
            numbers[field.number] = field.value
    shard, count = numbers.get(3, 0), max(1, shards)
    if shard >= count:
        raise DamagedError(f"a checkpoint whose entry {name[:80]!r} is damaged")
    data = path.with_name(f"{path.stem}.data-{shard:05d}-of-{count:05d}")
    return _Stored(data, numbers.get(1, 0), shape, numbers.get(4, 0), numbers.get(5, 0), checksum, tuple(slices))


def _pieces(
    path: Path, file: BinaryIO, name: str, stored: _Stored, parts: Mapping[bytes, TableEntry], shards: int
) -> list[tuple[Slice, _Stored]]:
    """The parts of a partitioned tensor, which have entries of their own."""
    if stored.shape is None or stored.kind not in KINDS:
        raise DamagedError(f"a checkpoint whose entry {name[:80]!r} is damaged")
    found: list[tuple[Slice, _Stored]] = []
    for part in stored.slices:
        entry = parts.get(slice_key(name, part))
        if entry is None or entry.end - entry.start > _DESCRIPTION:
            raise DamagedError(f"a checkpoint without all parts of {name[:80]!r}")
        found.append((part, _entry(path, file, name, entry, shards)))
    return found


def _stored(name: str, stored: _Stored) -> LazyTensor:
    shape = stored.shape
    if shape is None or len(shape) > MOST_AXES:
        raise DamagedError(f"a checkpoint whose entry {name[:80]!r} is damaged")
    if stored.kind not in KINDS:
        return LazyTensor(shape, _OTHERS.get(stored.kind, f"of TensorFlow's type {stored.kind}"), no_numbers)
    word = KINDS[stored.kind]
    if stored.size != byte_size(shape, word):
        raise DamagedError(f"{name[:80]!r} has not as many bytes as its shape says")

    def load() -> Array:
        import numpy as np

        flat = read_numbers(stored.path, stored.offset, (stored.size,), "uint8")
        if masked_crc32c(flat) != stored.checksum:
            raise DamagedError(f"the numbers of {name[:80]!r} are damaged: their checksum is another")
        array: Array = flat.view(np.dtype(CODES[word])).reshape(shape)
        return widened(array) if word == "bfloat16" else array

    def fill(target: Array) -> None:
        found = Crc32c(stored.size)
        with open_regular(stored.path) as file:
            file.seek(stored.offset)
            fill_next(target, word, reads_next(file, stored.path.name, found.update))
        if masked(found.value) != stored.checksum:
            raise DamagedError(f"the numbers of {name[:80]!r} are damaged: their checksum is another")

    if stored.checksum is None:
        return lying_at(stored.path, stored.offset, shape, word)
    return LazyTensor(shape, word, load, fill)


def _variable_names(stored: _Stored) -> dict[str, str]:
    """By the keys of a checkpoint of objects the names of its variables, as the layers give them: `conv1/kernel`.

    A string is kept as its length, a checksum of this, and its bytes. What is damaged in it names nothing.
    """
    if not 0 < stored.size <= _LONGEST_DESCRIPTION:
        return {}
    try:
        data = read_numbers(stored.path, stored.offset, (stored.size,), "uint8").tobytes()
        length, after = varint(data[:10], 0)
        graph = io.BytesIO(data[after + 4 :])
        found: dict[str, str] = {}
        for node in _parts(graph, 0, length, 1):
            for attribute in _parts(graph, node.start, node.end, 2):
                words = {
                    field.number: read_bytes(graph, field).decode(errors="replace")
                    for field in fields(graph, attribute.start, attribute.end)
                    if field.wire == BYTES
                }
                if words.get(2) and words.get(3):
                    found[words[3]] = words[2]
    except (WireError, OSError, DamagedError):
        return {}
    return found


def _text(key: bytes) -> str | None:
    """A key as a name; None where it is TensorFlow's coding of a part of a tensor, which begins with 0."""
    try:
        return None if key.startswith(b"\0") else key.decode()
    except UnicodeDecodeError:
        return None


def _shape(file: BinaryIO, field: Field) -> Shape | None:
    """The sizes in a `TensorShapeProto`; None where it has none."""
    sizes: list[int] = []
    for part in fields(file, field.start, field.end):
        if part.number == 2 and part.wire == BYTES:
            inner = {one.number: one.value for one in fields(file, part.start, part.end)}
            sizes.append(inner.get(1, 0))
        elif part.number == 3:
            return None  # of unknown rank
    return tuple(sizes) if len(sizes) <= MOST_AXES and all(size < 2**48 for size in sizes) else None


def _version_1(path: Path, file: BinaryIO, header: TableEntry, found: list[TableEntry]) -> dict[str, LazyTensor]:
    """The first entry describes all tensors; the others hold their numbers, each with its name before them."""
    described: dict[str, tuple[Shape | None, int, int]] = {}
    places: dict[str, list[tuple[Slice, _NumbersInBlock]]] = {}
    blocks = _Blocks(path)
    for meta in _parts(file, header.start, header.end, 1):
        for tensor in _parts(file, meta.start, meta.end, 1):
            name, shape, kind, slices = "", None, 0, 0
            for field in fields(file, tensor.start, tensor.end):
                if field.number == 1:
                    name = read_bytes(file, field).decode(errors="replace")
                elif field.number == 2:
                    shape = _shape(file, field)
                elif field.number == 3:
                    kind = field.value
                elif field.number == 4:
                    slices += 1
            described[name] = (shape, kind, slices)
    for entry in found:
        for data in _parts(file, entry.start, entry.end, 2):
            name, numbers = "", None
            part: Slice = ()
            for field in fields(file, data.start, data.end):
                if field.number == 1:
                    name = read_bytes(file, field).decode(errors="replace")
                elif field.number == 2:
                    part = slice_of(file, field)
                elif field.number == 3:
                    numbers = field
            if numbers is not None:
                places.setdefault(name, []).append((part, _NumbersInBlock(numbers, entry.block, blocks)))
    tensors: dict[str, LazyTensor] = {}
    for name, (shape, kind, slices) in described.items():
        if kind == _STRING:
            continue
        if shape is None:
            raise DamagedError(f"a checkpoint whose entry {name[:80]!r} is damaged")
        if kind not in _REPEATED:
            word = KINDS[kind] if kind in KINDS else _OTHERS.get(kind, str(kind))
            tensors[name] = LazyTensor(shape, f"of the type {word} in a checkpoint of version 1", no_numbers)
        elif len(places.get(name, ())) != max(1, slices):
            raise DamagedError(f"a checkpoint without the numbers of {name[:80]!r}")
        elif slices > 1:
            parts: list[tuple[Slice, LazyTensor]] = []
            for own, place in places[name]:
                sizes = tuple(end - start for start, end in box(shape, own))
                parts.append((own, LazyTensor(sizes, KINDS[kind], _loader(place, name, sizes, kind))))
            tensors[name] = joined_slices(shape, KINDS[kind], parts)
        else:
            tensors[name] = LazyTensor(shape, KINDS[kind], _loader(places[name][0][1], name, shape, kind))
    return tensors


def _parts(file: BinaryIO, start: int, end: int, number: int) -> list[Field]:
    return [field for field in fields(file, start, end) if field.number == number and field.wire == BYTES]


_REPEATED: Final = {1: 5, 2: 6, 3: 7, 9: 10}
"""The field of a `TensorProto` that holds the numbers of a type; version 1 writes no bytes of numbers."""


class _Blocks:
    """The blocks of a table that hold numbers, each of which is held against its checksum once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._checked: set[int] = set()

    def check(self, file: BinaryIO, block: TableBlock) -> None:
        """See that a block is whole; a small one was looked at before.

        Raises:
            DamagedError: it is damaged.
        """
        if block.is_large and block.start not in self._checked:
            block.check(file)
            self._checked.add(block.start)


@dataclass(frozen=True, slots=True)
class _NumbersInBlock:
    """Where a checkpoint of version 1 has numbers."""

    field: Field
    block: TableBlock
    blocks: _Blocks


def _loader(place: _NumbersInBlock, name: str, shape: Shape, kind: int) -> Callable[[], Array]:
    def load() -> Array:
        import numpy as np

        count = math.prod(shape)
        code = np.dtype(CODES[KINDS[kind]])
        parts: list[Array] = []
        with open_regular(place.blocks.path) as file:
            place.blocks.check(file, place.block)
            try:
                for field in fields(file, place.field.start, place.field.end):
                    if field.number != _REPEATED[kind]:
                        continue
                    if code.kind == "f":
                        parts.append(np.frombuffer(read_bytes(file, field), code))
                    else:
                        parts.append(np.fromiter(integers(file, field), np.int64).astype(code))
            except WireError:
                raise DamagedError(f"the numbers of {name[:80]!r} are damaged") from None
        flat = np.concatenate(parts) if parts else np.zeros(0, code)
        if flat.size != count:
            raise DamagedError(f"{name[:80]!r} has {flat.size:,} numbers, and its shape says {count:,}")
        return flat.reshape(shape)

    return load
