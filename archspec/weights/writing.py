"""Writing the canonical weights file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archspec.atomic_files import whole_file
from archspec.digests import BLANK, FORM, KEY, fill
from archspec.ir.graph import LayerGraph
from archspec.weights import network_digest
from archspec.weights.derived_tensors import with_derived
from archspec.weights.loading import fit
from archspec.weights.portions import portions

if TYPE_CHECKING:
    from archspec.weights.tensors import Arrays


def write(
    path: str | os.PathLike[str],
    arrays: Arrays,
    graph: LayerGraph,
    metadata: Mapping[str, str] | None = None,
    *,
    add_digest: bool = False,
    derived: bool = False,
) -> None:
    """Write a canonical safetensors file, whole or not at all: the same bytes for the same arrays and metadata.

    Args:
        path: of the file.
        arrays: the weights, by canonical name.
        graph: the network.
        metadata: further entries of the file's own.
        add_digest: put a digest into the file, by which it may be replaced unasked.
        derived: write with the weights what a state dict of PyTorch has beside them, as indices and counters of steps.

    Raises:
        WeightsError: the arrays do not fit the graph.
        OutputError: the file cannot be written.
    """
    import numpy as np

    fitting: dict[str, np.ndarray[Any, Any]] = {}
    for name, array in fit(arrays, graph).items():
        narrow = array.dtype if array.dtype.itemsize <= 8 else np.dtype(np.float64)
        fitting[name] = np.asarray(array, narrow.newbyteorder("<"), order="C")
    if derived:
        fitting.update(with_derived({}, graph))
    # As the library has it, so that what it wrote before is written again: the widest type first, then by name.
    names = sorted(fitting, key=lambda name: (-fitting[name].dtype.itemsize, name))
    if graph.training_form is None and not graph.asked:
        metadata = {**(metadata or {}), network_digest.KEY: network_digest.network_digest(graph)}
    if graph.weights_form:
        metadata = {**(metadata or {}), FORM: graph.weights_form}
    about = {**({KEY: BLANK} if add_digest else {}), "format": "pt", **(metadata or {})}
    write_tensors(Path(path), {name: fitting[name] for name in names}, about)


def write_tensors(path: Path, arrays: Arrays, metadata: Mapping[str, str]) -> None:
    """Write a safetensors file of these arrays in their order, whole or not at all.

    Args:
        path: of the file.
        arrays: by name, each asked for twice: where they lie is said before their numbers.
        metadata: where the first entry is the `BLANK` of a digest, that is filled in.

    Raises:
        OutputError: the file cannot be written.
    """
    with whole_file(path) as temporary, temporary.open("w+b") as file:
        file.write(_header(arrays, metadata))
        for array in arrays.values():
            for data in portions(array):
                file.write(data.data)
        if metadata.get(KEY) == BLANK:
            fill(file)


def _header(arrays: Arrays, metadata: Mapping[str, str]) -> bytes:
    """The length of what follows, and a JSON object that says where each tensor lies, filled up to 8 bytes.

    The safetensors library writes metadata of several entries in a random order.
    """
    entries: dict[str, object] = {"__metadata__": metadata}
    end = 0
    for name, array in arrays.items():
        start, end = end, end + array.nbytes
        dtype = f"{array.dtype.kind.upper()}{8 * array.dtype.itemsize}"
        entries[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [start, end]}
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text
