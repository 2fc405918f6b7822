"""Reading the weights of an ONNX model, its initializers, without ONNX's library; also those in files beside it.

Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from archspec.atomic_files import open_regular
from archspec.ir.tensor_type import Shape
from archspec.weights.portions import lying_at
from archspec.weights.tensors import (
    CODES,
    MOST_AXES,
    DamagedError,
    LazyTensor,
    byte_size,
    check_reach,
    no_numbers,
    widened,
)
from archspec.wire_format import BYTES, CutMessageError, Field, WireError, fields, integers, read_bytes

if TYPE_CHECKING:
    from archspec.weights.tensors import Array

_INITIALIZERS: Final = 50_000
_PER_WEIGHT: Final = 8
_GRAPH, _INITIALIZER, _METADATA = 7, 5, 14
_KEY, _VALUE = 1, 2
_LONGEST_ENTRY: Final = 2**16
_DIMS, _TYPE, _FLOATS, _INT32S, _INT64S, _NAME, _RAW, _DOUBLES, _UINT64S, _EXTERNAL, _LOCATION = (
    1,
    2,
    4,
    5,
    7,
    8,
    9,
    10,
    11,
    13,
    14,
)
_KINDS: Final = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
    16: "bfloat16",
}
"""Numbers of `TensorProto.DataType`."""
_IN_LISTS: Final = {_FLOATS: "<f4", _DOUBLES: "<f8"}


@dataclass(slots=True)
class _TensorParts:
    """What stands in a `TensorProto`."""

    shape: list[int] = field(default_factory=list[int])
    kind: int = 0
    name: str = ""
    raw: Field | None = None
    lists: list[Field] = field(default_factory=list[Field])
    external: dict[str, str] = field(default_factory=dict[str, str])


def read(path: Path, needed: int) -> dict[str, LazyTensor]:
    """The initializers of a model by name.

    Args:
        path: the model.
        needed: how many weights the network has; the time that is spent on a file is bounded by it.

    Raises:
        DamagedError: it is damaged, or has too many initializers.
        OSError: it cannot be read.
    """
    most = max(_INITIALIZERS, _PER_WEIGHT * needed)
    found: dict[str, LazyTensor] = {}
    ends: dict[Path, dict[str, int]] = {}
    """By the files beside the model where the numbers of each initializer end."""
    try:
        with open_regular(path) as file:
            for graph in _of(file, 0, file.seek(0, 2), _GRAPH):
                for place in _of(file, graph.start, graph.end, _INITIALIZER):
                    parts = _parts(file, place)
                    if parts.name in found:
                        raise DamagedError(f"a model with two initializers called {parts.name[:80]!r}")
                    found[parts.name] = _tensor(path, parts, ends)
                    if len(found) > most:
                        raise DamagedError(f"a model with more than {most:,} initializers")
    except CutMessageError as error:
        message = f"an ONNX model that ends {error.lacking:,} bytes too early: was it downloaded to the end?"
        raise DamagedError(message) from None
    except WireError:
        raise DamagedError("an ONNX model that is damaged, or not whole: was it downloaded to the end?") from None
    for beside, reached in ends.items():
        check_reach(beside, reached)
    return found


def files_beside(path: Path) -> list[str]:
    """The files beside a model that hold its numbers, as it names them; none where it cannot be read."""
    found: dict[str, None] = {}
    try:
        with open_regular(path) as file:
            for graph in _of(file, 0, file.seek(0, 2), _GRAPH):
                for place in islice(_of(file, graph.start, graph.end, _INITIALIZER), _INITIALIZERS):
                    location = _parts(file, place).external.get("location", "")
                    if location == Path(location).name and location not in ("", ".", ".."):
                        found[location] = None
    except (WireError, OSError):
        return []
    return [*found]


def metadata(path: Path, name: str) -> str:
    """What a model says of itself under a name, beside its graph; empty where it says nothing, or is damaged.

    Raises:
        OSError: it cannot be read.
    """
    try:
        with open_regular(path) as file:
            for entry in _of(file, 0, file.seek(0, 2), _METADATA):
                if entry.end - entry.start <= _LONGEST_ENTRY:
                    texts = {one.number: read_bytes(file, one) for one in fields(file, entry.start, entry.end)}
                    if texts.get(_KEY) == name.encode():
                        return texts.get(_VALUE, b"").decode(errors="replace")
    except WireError:
        pass
    return ""


def _of(file: BinaryIO, start: int, end: int, number: int) -> Iterator[Field]:
    for one in fields(file, start, end):
        if one.number == number and one.wire == BYTES:
            yield one


def _parts(file: BinaryIO, place: Field) -> _TensorParts:
    found = _TensorParts()
    for one in fields(file, place.start, place.end):
        if one.number == _DIMS:
            found.shape += islice(integers(file, one), MOST_AXES + 1)
        elif one.number == _TYPE:
            found.kind = one.value
        elif one.number == _NAME:
            found.name = read_bytes(file, one).decode(errors="replace")
        elif one.number == _RAW:
            found.raw = one
        elif one.number in (_FLOATS, _INT32S, _INT64S, _DOUBLES, _UINT64S):
            found.lists.append(one)
        elif one.number == _EXTERNAL:
            pair = {each.number: read_bytes(file, each).decode(errors="replace") for each in _texts(file, one)}
            found.external[pair.get(1, "")] = pair.get(2, "")
    return found


def _texts(file: BinaryIO, place: Field) -> list[Field]:
    return [one for one in fields(file, place.start, place.end) if one.wire == BYTES]


def _tensor(path: Path, parts: _TensorParts, ends: dict[Path, dict[str, int]]) -> LazyTensor:
    """An initializer; where its numbers lie beside the model, their end is noted."""
    shape = tuple(parts.shape)
    if len(shape) > MOST_AXES or any(not 0 <= size < 2**48 for size in shape):
        raise DamagedError(f"a model whose initializer {parts.name[:80]!r} is damaged")
    if parts.kind not in _KINDS:
        return LazyTensor(shape, f"of ONNX's type {parts.kind}", no_numbers)
    kind = _KINDS[parts.kind]
    size = byte_size(shape, kind)
    if parts.external:
        other, start = _beside(path, parts, size)
        ends.setdefault(other, {})[parts.name] = start + size
        return lying_at(other, start, shape, kind)
    if parts.raw is not None:
        if parts.raw.end - parts.raw.start != size:
            raise DamagedError(f"{parts.name[:80]!r} has not as many bytes as its shape says")
        return lying_at(path, parts.raw.start, shape, kind)
    return LazyTensor(shape, kind, _listed(path, parts, shape, kind))


def _listed(path: Path, parts: _TensorParts, shape: Shape, kind: str) -> Callable[[], Array]:
    """Numbers that stand one by one in the message; those of 16 bits as the bits, in whole numbers."""

    def load() -> Array:
        import numpy as np

        found: list[Array] = []
        with open_regular(path) as file:
            try:
                for one in parts.lists:
                    if one.number in _IN_LISTS:
                        found.append(np.frombuffer(read_bytes(file, one), _IN_LISTS[one.number]))
                    else:
                        found.append(np.fromiter(integers(file, one), np.int64))
            except WireError:
                raise DamagedError(f"the numbers of {parts.name[:80]!r} are damaged") from None
        flat = np.concatenate(found) if found else np.zeros(0, CODES[kind])
        if flat.size != math.prod(shape):
            raise DamagedError(f"{parts.name[:80]!r} has {flat.size:,} numbers, its shape says {math.prod(shape):,}")
        if kind in ("float16", "bfloat16"):
            bits = flat.astype("<u2").reshape(shape)
            return widened(bits) if kind == "bfloat16" else bits.view("<f2")
        array: Array = flat.astype(CODES[kind]).reshape(shape)
        return array

    return load


def _beside(path: Path, parts: _TensorParts, size: int) -> tuple[Path, int]:
    """The file beside the model in which numbers lie, and their place; a path that leads elsewhere is not followed."""
    name = parts.external.get("location", "")
    inside = Path(name)
    if not name or inside.is_absolute() or ".." in inside.parts or "\\" in name or "\0" in name:
        raise DamagedError(
            f"the numbers of {parts.name[:80]!r} are said to lie at {name[:80]!r}, which is not beside it"
        )
    try:
        start = int(parts.external.get("offset") or 0)
        length = int(parts.external.get("length") or size)
    except ValueError:
        raise DamagedError(f"a model whose initializer {parts.name[:80]!r} is damaged") from None
    if start < 0 or length != size:
        raise DamagedError(f"{parts.name[:80]!r} has not as many bytes as its shape says")
    other = path.parent / inside
    # In the hub's cache both are links into one folder.
    inside_of_it = other.resolve().is_relative_to(path.parent.resolve())
    if not inside_of_it and other.resolve().parent != path.resolve().parent:
        raise DamagedError(f"{name[:80]!r} is a link that leads elsewhere")
    return other, start
