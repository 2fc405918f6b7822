"""Reading safetensors: the header within bounds, then the tensors that are asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from archspec.atomic_files import open_regular
from archspec.weights.portions import lying_at
from archspec.weights.tensors import MOST_AXES, DamagedError, LazyTensor, byte_size, no_numbers

_HEADER: Final = 2**23
"""Bytes. The header of a network with 10,000 weights takes a tenth of it."""
_PER_WEIGHT: Final = 512
"""Bytes of a header for each weight that a network has, where these are very many."""
_TYPES: Final = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}
_OTHERS: Final = {
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E8M0": "float8_e8m0fnu",
    "F4": "float4",
    "C64": "complex64",
}


def read(path: Path, needed: int) -> dict[str, LazyTensor]:
    """The tensors of a safetensors file by name.

    Args:
        path: the file.
        needed: how many weights the network has; a file with very many more is not read.

    Raises:
        DamagedError: it is no whole safetensors file, or its header is too large.
        OSError: it cannot be read.
    """
    header, start, size = _header(path, needed)
    header.pop("__metadata__", None)
    return _tensors(path, header, start, size)


def metadata(path: Path, needed: int) -> Mapping[str, str]:
    """What a file says beside its tensors; see `read`."""
    found = _header(path, needed)[0].get("__metadata__")
    return {name: text for name, text in found.items() if isinstance(text, str)} if isinstance(found, dict) else {}


def _header(path: Path, needed: int) -> tuple[dict[str, Any], int, int]:
    """The header, where the tensors begin, and the size of the file."""
    with open_regular(path) as file:
        size = path.stat().st_size
        length = int.from_bytes(file.read(8), "little")
        if size < 10 or length > size - 8:
            raise DamagedError("not a whole safetensors file: it ends within its header")
        most = max(_HEADER, _PER_WEIGHT * needed)
        if length > most:
            raise DamagedError(f"a header of {length:,} bytes; at most {most:,} are read for {needed:,} weights")
        text = file.read(length)
    try:
        header = json.loads(text.decode())
    except (ValueError, RecursionError):
        raise DamagedError("not a whole safetensors file: its header is no JSON") from None
    if not isinstance(header, dict):
        raise DamagedError("not a whole safetensors file: its header is no mapping")
    return header, 8 + length, size


def _tensors(path: Path, header: Mapping[str, Any], start: int, size: int) -> dict[str, LazyTensor]:
    found: dict[str, LazyTensor] = {}
    places: list[tuple[int, int]] = []
    for name, entry in header.items():
        tensor, place = _tensor(path, name, entry, start)
        found[name] = tensor
        places.append(place)
    end = 0
    for first, last in sorted(places):
        if first != end:
            raise DamagedError("not a whole safetensors file: its tensors overlap, or leave gaps")
        end = last
    if start + end != size:
        raise DamagedError(f"not a whole safetensors file: it has {size:,} bytes, its header says {start + end:,}")
    return found


def _tensor(path: Path, name: str, entry: Any, start: int) -> tuple[LazyTensor, tuple[int, int]]:
    """A tensor, and where it lies after the header."""
    try:
        word, sizes, (first, last) = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not isinstance(word, str) or not isinstance(sizes, list) or len(sizes) > MOST_AXES:
            raise ValueError
        if not all(type(value) is int and value >= 0 for value in (first, last, *sizes)):
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise DamagedError(f"not a whole safetensors file: the entry of {name[:80]!r} is damaged") from None
    shape = tuple(sizes)
    if word not in _TYPES:
        return LazyTensor(shape, _OTHERS.get(word, f"of the unknown type {word[:20]!r}"), no_numbers), (first, last)
    kind = _TYPES[word]
    if last - first != byte_size(shape, kind):
        raise DamagedError(f"not a whole safetensors file: {name[:80]!r} has not as many bytes as its shape says")
    return lying_at(path, start + first, shape, kind), (first, last)
