"""Writing a checkpoint of TensorFlow, version 2, without TensorFlow: an index, and one shard with all numbers.

Source: tensorflow/core/util/tensor_bundle/tensor_bundle.cc, tensorflow/core/protobuf/tensor_bundle.proto;
https://github.com/google/leveldb/blob/main/doc/table_format.md
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from archspec.atomic_files import whole_file
from archspec.weights.crc32c import Crc32c, masked, masked_crc32c
from archspec.weights.leveldb_tables import FOOTER, MAGIC
from archspec.weights.portions import portions
from archspec.weights.tensorflow_checkpoints import KINDS
from archspec.wire_format import bytes_field, fixed32_field, number_field, varint_bytes

if TYPE_CHECKING:
    from archspec.weights.tensors import Array

_BLOCK: Final = 2**18
"""Bytes of a block of the index, about."""
_KINDS: Final = {word: number for number, word in KINDS.items()}


def write_checkpoint(path: Path, arrays: Mapping[str, Array]) -> tuple[Path, Path]:
    """Write variables by name, each file whole or not at all; the index last, which makes the checkpoint one.

    Args:
        path: the prefix of the two files: `model.ckpt`.
        arrays: by TensorFlow's names, in its layout.

    Returns:
        The index and the shard.

    Raises:
        OutputError: a file cannot be written.
    """
    names = sorted(arrays, key=str.encode)
    shard, index = path.with_name(f"{path.name}.data-00000-of-00001"), path.with_name(f"{path.name}.index")
    entries: list[tuple[bytes, bytes]] = [
        (b"", number_field(1, 1) + bytes_field(3, number_field(1, 1)))
    ]  # one shard, version 1
    offset = 0
    with whole_file(shard) as temporary, temporary.open("wb") as file:
        for name in names:
            entry, size = _write_numbers(file, arrays[name], offset)
            entries.append((name.encode(), entry))
            offset += size
    with whole_file(index) as temporary:
        temporary.write_bytes(_table(entries))
    return index, shard


def _write_numbers(file: BinaryIO, array: Array, offset: int) -> tuple[bytes, int]:
    """Write an array that begins here; its entry, and its size in bytes."""
    checksum = Crc32c(array.nbytes)
    for data in portions(array):
        file.write(data.data)
        checksum.update(data)
    shape = b"".join(bytes_field(2, number_field(1, size)) for size in array.shape)
    entry = number_field(1, _KINDS[array.dtype.name]) + bytes_field(2, shape)
    entry += number_field(4, offset) + number_field(5, array.nbytes) + fixed32_field(6, masked(checksum.value))
    return entry, array.nbytes


def _table(entries: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A table of these entries, which are in order."""
    found, handles = bytearray(), list[tuple[bytes, bytes]]()
    block: list[tuple[bytes, bytes]] = []
    size = 0
    for entry in entries:
        block.append(entry)
        size += len(entry[0]) + len(entry[1])
        if size > _BLOCK:
            handles.append((block[-1][0], _put(found, block)))
            block, size = [], 0
    if block:
        handles.append((block[-1][0], _put(found, block)))
    meta = _put(found, [])
    ends = meta + _put(found, handles)
    return bytes(found + ends + bytes(FOOTER - len(MAGIC) - len(ends)) + MAGIC)


def _put(file: bytearray, entries: list[tuple[bytes, bytes]]) -> bytes:
    """Append a block, whose keys are all written whole, and say where it is."""
    import numpy as np

    body, starts = bytearray(), list[int]()
    for key, value in entries:
        starts.append(len(body))
        body += varint_bytes(0) + varint_bytes(len(key)) + varint_bytes(len(value)) + key + value
    for start in starts or [0]:
        body += start.to_bytes(4, "little")
    body += max(1, len(starts)).to_bytes(4, "little")
    place = len(file)
    kind = b"\0"  # not compressed
    file += body + kind + masked_crc32c(np.frombuffer(bytes(body) + kind, "u1")).to_bytes(4, "little")
    return varint_bytes(place) + varint_bytes(len(body))
