"""Reading TensorFlow's checkpoints without TensorFlow: version 1, one file, and version 2, an index and shards.

TF-slim's models were published as version 1 (`resnet_v1_50.ckpt`); `tf.train.Saver` has written version 2 since
TensorFlow 0.12, and so does `tf.train.Checkpoint`, whose names end in `/.ATTRIBUTES/VARIABLE_VALUE`.

Source: tensorflow/core/util/tensor_bundle/tensor_bundle.h, tensorflow/core/protobuf/tensor_bundle.proto,
tensorflow/core/util/saved_tensor_slice.proto.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from archspec.atomic_files import open_regular
from archspec.ir.tensor_type import Shape
from archspec.weights.leveldb_tables import TableEntry, entries
from archspec.weights.tensors import (
    CODES,
    MOST_AXES,
    DamagedError,
    LazyTensor,
    byte_size,
    no_numbers,
    read_numbers,
)
from archspec.wire_format import BYTES, Field, WireError, fields, integers, read_bytes

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
    for entry in found:
        name = _text(entry.key)
        if name is None:
            continue  # the key of a part: the tensor that it belongs to has an entry of its own
        if entry.end - entry.start > _DESCRIPTION:
            raise DamagedError(f"a checkpoint whose entry {name[:80]!r} is damaged")
        kind, shard, offset, size, sliced = 0, 0, 0, 0, False
        shape: Shape | None = ()
        for field in fields(file, entry.start, entry.end):
            if field.number == 1:
                kind = field.value
            elif field.number == 2:
                shape = _shape(file, field)
            elif field.number in (3, 4, 5):
                shard, offset, size = (
                    field.value if field.number == number else before
                    for number, before in ((3, shard), (4, offset), (5, size))
                )
            elif field.number == 7:
                sliced = True
        if kind == _STRING:
            continue  # the description of the objects
        if shard >= max(1, shards):
            raise DamagedError(f"a checkpoint whose entry {name[:80]!r} is damaged")
        data = path.with_name(f"{path.stem}.data-{shard:05d}-of-{max(1, shards):05d}")
        if sliced:
            tensors[name] = LazyTensor(shape or (), "partitioned: its parts are not joined", no_numbers)
        else:
            tensors[name] = _stored(name, kind, shape, data, offset, size)
    return tensors


def _stored(name: str, kind: int, shape: Shape | None, path: Path, offset: int, size: int) -> LazyTensor:
    if shape is None or len(shape) > MOST_AXES:
        raise DamagedError(f"a checkpoint whose entry {name[:80]!r} is damaged")
    if kind not in KINDS:
        return LazyTensor(shape, _OTHERS.get(kind, f"of TensorFlow's type {kind}"), no_numbers)
    word = KINDS[kind]
    if size != byte_size(shape, word):
        raise DamagedError(f"{name[:80]!r} has not as many bytes as its shape says")
    return LazyTensor(shape, word, lambda: read_numbers(path, offset, shape, word))


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
    places: dict[str, Field] = {}
    for entry in found:
        for data in _parts(file, entry.start, entry.end, 2):
            name, numbers = "", None
            for field in fields(file, data.start, data.end):
                if field.number == 1:
                    name = read_bytes(file, field).decode(errors="replace")
                elif field.number == 3:
                    numbers = field
            if numbers is not None:
                places[name] = numbers
    tensors: dict[str, LazyTensor] = {}
    for name, (shape, kind, slices) in described.items():
        if kind == _STRING:
            continue
        if shape is None:
            raise DamagedError(f"a checkpoint whose entry {name[:80]!r} is damaged")
        if kind not in _REPEATED:
            word = KINDS[kind] if kind in KINDS else _OTHERS.get(kind, str(kind))
            tensors[name] = LazyTensor(shape, f"of the type {word} in a checkpoint of version 1", no_numbers)
        elif slices > 1:
            tensors[name] = LazyTensor(shape, "partitioned: its parts are not joined", no_numbers)
        elif name not in places:
            raise DamagedError(f"a checkpoint without the numbers of {name[:80]!r}")
        else:
            tensors[name] = LazyTensor(shape, KINDS[kind], _loader(path, places[name], name, shape, kind))
    return tensors


def _parts(file: BinaryIO, start: int, end: int, number: int) -> list[Field]:
    return [field for field in fields(file, start, end) if field.number == number and field.wire == BYTES]


_REPEATED: Final = {1: 5, 2: 6, 3: 7, 9: 10}
"""The field of a `TensorProto` that holds the numbers of a type; version 1 writes no bytes of numbers."""


def _loader(path: Path, place: Field, name: str, shape: Shape, kind: int) -> Callable[[], Array]:
    def load() -> Array:
        import numpy as np

        count = math.prod(shape)
        code = np.dtype(CODES[KINDS[kind]])
        parts: list[Array] = []
        with open_regular(path) as file:
            try:
                for field in fields(file, place.start, place.end):
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
