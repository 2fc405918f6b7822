"""Writing a network with its weights as an ONNX model, one weight at a time.

The backend's model has the weights as inputs. Here they become initializers of the same names, by the wire format:
ONNX's library would hold all of them twice.

Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archspec.atomic_files import whole_file
from archspec.codegen.backend import PacksModels
from archspec.codegen.registry import backend
from archspec.digests import BLANK, KEY, fill
from archspec.errors import Diagnostic, OutputError
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec.wire_format import BYTES, Field, bytes_field, bytes_start, fields, number_field, read_bytes

if TYPE_CHECKING:
    from archspec.weights.tensors import Arrays

_GRAPH, _METADATA, _INITIALIZER, _INPUT, _RAW = 7, 14, 5, 11, 9
_FLOAT: Final = 1
"""Number of float32 in `TensorProto.DataType`."""
_MOST: Final = 2**31 - 2**26
"""Bytes of weights: protobuf reads no file of 2 GiB, and there is more than weights in it."""


def write_model(path: Path, arrays: Arrays, graph: LayerGraph) -> None:
    """Write a network as a model in float32 that holds these weights, whole or not at all.

    Weights of outputs of training alone are in no model.

    Args:
        path: of the file.
        arrays: by canonical name, in PyTorch's layout.
        graph: the network.

    Raises:
        BackendError: ONNX's library is not installed, or has no words for the network.
        OutputError: the file cannot be written, or would be too large.
    """
    import numpy as np

    graph = evaluated(graph)
    size = sum(4 * arrays[name].size for name in graph.all_weights)
    if size > _MOST:
        message = f"the weights of {graph.name} take {size / 2**30:.1f} GiB, and an ONNX file ends at 2 GiB"
        help = "`archspec build --backend onnx --external-data` keeps them beside the model"
        raise OutputError(Diagnostic("E0605", message, help=help))
    source = backend("onnx", PacksModels).render(graph)
    inside, around = _without_weights(source, graph)
    heads = {name: _head(name, arrays[name].shape) for name in graph.all_weights}
    lengths = {name: len(head) + 4 * arrays[name].size for name, head in heads.items()}
    starts = {name: bytes_start(_INITIALIZER, length) for name, length in lengths.items()}
    length = len(inside) + sum(lengths.values()) + sum(map(len, starts.values()))
    seal = bytes_field(1, KEY.encode()) + bytes_field(2, BLANK.encode())
    with whole_file(path) as temporary, temporary.open("w+b") as file:
        file.write(around + bytes_start(_GRAPH, length) + inside)
        for name, head in heads.items():
            file.write(starts[name] + head)
            file.write(np.asarray(arrays[name], "<f4", order="C").reshape(-1).view("u1").data)
        file.write(bytes_field(_METADATA, seal))  # at the end, where a digest is looked for
        fill(file)


def _head(name: str, shape: tuple[int, ...]) -> bytes:
    """A tensor as far as its numbers."""
    dims = b"".join(number_field(1, size) for size in shape)
    return dims + number_field(2, _FLOAT) + bytes_field(8, name.encode()) + bytes_start(_RAW, 4 * math.prod(shape))


def _without_weights(source: bytes, graph: LayerGraph) -> tuple[bytes, bytes]:
    """What is in a model's graph beside the inputs that are weights, and what is around the graph, without digest."""
    file = io.BytesIO(source)
    around, inside = bytearray(), bytearray()
    for text, field in _raw(file, 0, len(source)):
        if field.number == _GRAPH:
            for part, inner in _raw(file, field.start, field.end):
                if inner.number != _INPUT or _name(file, inner) not in graph.all_weights:
                    inside += part
        elif field.number != _METADATA or KEY.encode() not in text:
            around += text
    return bytes(inside), bytes(around)


def _raw(file: io.BytesIO, start: int, end: int) -> Iterator[tuple[bytes, Field]]:
    """The fields of a message, each with all of its bytes."""
    place = start
    for field in fields(file, start, end):
        file.seek(place)
        yield file.read(field.end - place), field
        place = field.end


def _name(file: io.BytesIO, place: Field) -> str:
    """The first field of a tensor's description."""
    found = (field for field in fields(file, place.start, place.end) if field.number == 1 and field.wire == BYTES)
    return next((read_bytes(file, field).decode() for field in found), "")
