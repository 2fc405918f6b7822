"""A network's weights in the format of any library that archspec reads: what is written is read back bit by bit."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archspec.api import build
from archspec.atomic_files import whole_file
from archspec.checkpoints.keras_writing import write_weights
from archspec.checkpoints.onnx_writing import write_model
from archspec.checkpoints.tensorflow_writing import write_checkpoint
from archspec.codegen.backend import SavesWeights
from archspec.codegen.registry import backend
from archspec.digests import BLANK, KEY, write_digest
from archspec.errors import BackendError, Diagnostic, WeightsError
from archspec.ir.graph import LayerGraph
from archspec.weights import write
from archspec.weights.derived_tensors import with_derived
from archspec.weights.map_rules import WeightMap
from archspec.weights.origins import LAYOUT_BACKEND
from archspec.weights.portions import portions
from archspec.weights.stored_weights import StoresWeights
from archspec.weights.translation import named_by
from archspec.weights.writing import write_tensors

if TYPE_CHECKING:
    from archspec.weights.tensors import Array, Arrays

SUFFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "safetensors": (".safetensors",),
    "torch": (".pth", ".pt"),
    "keras": (".weights.h5", ".keras", ".h5"),
    "numpy": (".npz",),
    "tensorflow": (".ckpt",),
    "onnx": (".onnx",),
}
"""The formats that are written, with the suffixes of their files, the usual one first."""


def format_of(output: str) -> str | None:
    """The format that a file's name asks for; None if it says none."""
    return next((name for name, suffixes in SUFFIXES.items() if output.endswith(suffixes)), None)


def keeps_channels_last(format: str, names: WeightMap | None = None) -> bool:
    """Whether a file that is written so has axes as Keras has them.

    What is read of another such file is then best left as it is: `read_weights(..., as_stored=True)`.
    """
    return format in _CHANNELS_LAST if names is None else names.layout == LAYOUT_BACKEND


def write_as(
    format: str, path: Path, arrays: Arrays, graph: LayerGraph, *, names: WeightMap | None = None
) -> tuple[Path, ...]:
    """Write a network's weights in a format, whole or not at all.

    Args:
        format: one of `SUFFIXES`.
        path: of the file; of a checkpoint of TensorFlow, its prefix.
        arrays: by canonical name, in PyTorch's layout, in whatever order their axes lie in memory; they fit the graph.
        graph: the network.
        names: whose names and layout the file has; those of archspec's own source of the format if not given.

    Returns:
        The files that were written.

    Raises:
        BackendError: the library that writes the format is not installed.
        WeightsError: the map does not name all weights of the network.
        OutputError: a file cannot be written.
    """
    if format == "safetensors" and names is None:
        write(path, arrays, graph, add_digest=True, derived=True)
        return (path,)
    if format in _OWN:
        if names is not None:
            title, _ = _OWN[format]
            message = f"a file of {title} is the network's own source's: it cannot have the names of {names.library}"
            raise WeightsError(Diagnostic("E0703", message, help="leave `--names` out, or choose another format"))
        _OWN[format][1](path, arrays, graph)
        return (path,)
    named = arrays if names is None and format in _PLAIN else named_by(names, graph, arrays)
    if format == "tensorflow":
        return write_checkpoint(path, named)
    if format in _STATE_DICTS and (names is None or names.layout == "torch"):
        named = with_derived(named, graph, names)
    _PLAIN[format](path, named)
    return (path,)


def _keras(path: Path, arrays: Arrays, graph: LayerGraph) -> None:
    target = backend("keras", SavesWeights)
    weights_alone = path.name.endswith(target.weights_suffix)
    if weights_alone and write_weights(path, arrays, graph, backend("keras", StoresWeights)):
        return
    target.require()
    model = build(graph, "keras", weights=dict(arrays))
    if weights_alone:
        target.save_weights(model, path)
        return
    with whole_file(path) as temporary:
        model.save(temporary)
        write_digest(temporary, ".h5" if path.suffix == ".h5" else ".pt")


def _torch(path: Path, arrays: Mapping[str, Array]) -> None:
    try:
        import torch
    except ImportError:
        help = "install it with `pip install torch`, or write safetensors, which PyTorch's users read, too"
        raise BackendError(
            Diagnostic("E0602", "PyTorch, which writes its files, is not installed", help=help)
        ) from None
    import numpy as np

    with whole_file(path) as temporary:
        # Arrays that can be changed, as PyTorch wants them; a copy is made of others alone.
        native = (
            (name, np.require(array, array.dtype.newbyteorder("="), ("C", "W"))) for name, array in arrays.items()
        )
        torch.save({name: torch.from_numpy(array) for name, array in native}, temporary)
        write_digest(temporary, ".pt")


def _numpy(path: Path, arrays: Mapping[str, Array]) -> None:
    """As `np.savez`, which takes arrays by keyword, and some keywords for itself."""
    import numpy as np
    from numpy.lib.format import header_data_from_array_1_0, write_array_header_1_0

    with whole_file(path) as temporary:
        with zipfile.ZipFile(temporary, "w") as archive:
            for name, array in arrays.items():
                with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as part:
                    start = np.empty(array.shape, array.dtype.newbyteorder("<"))  # whose numbers are never touched
                    write_array_header_1_0(part, header_data_from_array_1_0(start))
                    for data in portions(array):
                        part.write(data.data)
        write_digest(temporary, ".pt")


def _safetensors(path: Path, arrays: Mapping[str, Array]) -> None:
    write_tensors(path, arrays, {KEY: BLANK, "format": "pt"})


_PLAIN: Final[dict[str, Callable[[Path, Mapping[str, Array]], None]]] = {
    "safetensors": _safetensors,
    "torch": _torch,
    "numpy": _numpy,
}
"""Formats that hold tensors by name and say nothing of their layout."""
_CHANNELS_LAST: Final = ("keras", "tensorflow")
"""Formats whose files have the layout of Keras's variables."""
_STATE_DICTS: Final = ("torch", "safetensors")
"""Formats of PyTorch's people, whose files have what follows from the network beside its weights."""
_OWN: Final[dict[str, tuple[str, Callable[[Path, Arrays, LayerGraph], None]]]] = {
    "keras": ("Keras", _keras),
    "onnx": ("ONNX", write_model),
}
"""Formats that hold what archspec's own source of the network has, with their titles."""
