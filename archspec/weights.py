"""Weights files: canonical safetensors, and PyTorch state dicts.

The canonical file holds each tensor under its path in the graph (`layer1.0.conv1.weight`) in PyTorch's layout:
convolutions (out, in / groups, height, width), dense layers (out, in).
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archspec.errors import Diagnostic, Note, WeightsError, nearest
from archspec.ir.graph import LayerGraph
from archspec.ir.op import Shape
from archspec.seals import BLANK, KEY, fill
from archspec.storage import open_regular, whole_file

if TYPE_CHECKING:
    import numpy as np

    Arrays = Mapping[str, np.ndarray[Any, Any]]

_SHOWN: Final = 8
_CHECKPOINT: Final = 8
"""A checkpoint of a training holds the optimizer's state, too: at most so many times the weights."""
_COUNTER: Final = ".num_batches_tracked"
"""PyTorch's batch norms count their steps in the state dict; the count is no part of a network."""


@dataclass(frozen=True, slots=True)
class WeightsReport:
    """Which weights of a network were loaded, and which were not. All are canonical names: `fc.weight`."""

    loaded: tuple[str, ...]
    missing: tuple[str, ...] = ()
    """The network has them, the file does not."""
    unused: tuple[str, ...] = ()
    """The file has them, the network does not."""
    reshaped: Mapping[str, tuple[Shape, Shape]] = field(default_factory=dict[str, tuple[Shape, Shape]])
    """Both have them, in these shapes: the file's, and the network's."""

    @property
    def complete(self) -> bool:
        """Nothing was left out, neither of the network nor of the file."""
        return not (self.missing or self.unused or self.reshaped)

    def lists(self) -> dict[str, list[str]]:
        """What was left out, by the reason, as people read it."""
        shapes = [
            f"{name} is {_shape(given)}, the network's is {_shape(wanted)}"
            for name, (given, wanted) in self.reshaped.items()
        ]
        found = {"missing": [*self.missing], "unexpected": [*self.unused], "of another shape": shapes}
        return {what: names for what, names in found.items() if names}


class PartialWeightsWarning(UserWarning):
    """Not all weights were loaded, as `partial` allows. Its `report` says which."""

    def __init__(self, report: WeightsReport) -> None:
        self.report = report
        left_out = "; ".join(note.message for note in _notes(report.lists()))
        super().__init__(f"{len(report.loaded)} weights were loaded; {left_out}")


def read(path: str | os.PathLike[str]) -> Arrays:
    """The tensors of a weights file by name: safetensors, or a PyTorch state dict (`.pt`, `.pth`).

    PyTorch files are read with `weights_only=True`: nothing in them is executed.

    Raises:
        WeightsError: the file is missing, damaged, or neither of the two.
    """
    path = Path(path)
    try:
        return _read_torch(path) if _is_torch(path) else _read_safetensors(path)
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        raise _unreadable(path, (isinstance(error, OSError) and error.strerror) or str(error)) from None


def _is_torch(path: Path) -> bool:
    with open_regular(path) as file:
        head = file.read(8)
    return path.suffix in (".pt", ".pth", ".bin", ".tar") or head[:2] == b"PK"


def _read_safetensors(path: Path) -> Arrays:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return _widened(path) if _has_bfloat16(path) else load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, MemoryError, OverflowError) as error:
        raise _not_safetensors(path, error) from None


def _not_safetensors(path: Path, error: BaseException) -> WeightsError:
    help = "weights are read from .safetensors files and from PyTorch state dicts (.pt, .pth)"
    return _unreadable(path, f"not a whole safetensors file: {error}", help)


def _check_before(path: Path, graph: LayerGraph, *, partial: bool = False) -> None:
    """Hold a file against the network before its numbers are read: they may be very many.

    Raises:
        WeightsError: it cannot be read, or does not fit.
    """
    import numpy as np
    from safetensors import SafetensorError, safe_open

    try:
        if partial or _is_torch(path):
            weights = [*graph.all_weights.values(), *graph.left_out.values()]
            wanted = 8 * sum(math.prod(weight.shape) for weight in weights)
            if (size := path.stat().st_size) > _CHECKPOINT * wanted + 2**28:
                reason = f"its {size:,} bytes are far more than {graph.name} has weights for"
                raise _unreadable(path, reason, "save the state dict alone")
            return
        with safe_open(path, framework="numpy") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - no mapping
        # One number seen as many: an array of this shape that takes no room.
        fit(_in_question({name: np.broadcast_to(np.float32(0), shape) for name, shape in shapes.items()}, graph), graph)
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from None
    except (SafetensorError, ValueError, KeyError, TypeError, MemoryError, OverflowError) as error:
        raise _not_safetensors(path, error) from None


def _has_bfloat16(path: Path) -> bool:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        return any(file.get_slice(name).get_dtype() == "BF16" for name in file.keys())  # noqa: SIM118 - no mapping


def _widened(path: Path) -> Arrays:
    """A file with bfloat16 tensors, which NumPy does not have: float32 holds each of their values exactly."""
    import numpy as np
    from safetensors import deserialize

    types = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4"}
    found: dict[str, np.ndarray[Any, Any]] = {}
    tensors: Any = deserialize(path.read_bytes())  # type: ignore[no-untyped-call]  # safetensors has no types for it
    for name, tensor in tensors:
        if tensor["dtype"] == "BF16":
            flat = (np.frombuffer(tensor["data"], "<u2").astype("<u4") << 16).view("<f4")
        elif tensor["dtype"] in types:
            flat = np.frombuffer(tensor["data"], types[tensor["dtype"]])
        else:
            raise ValueError(f"{name} is of the type {tensor['dtype']}")
        found[name] = flat.reshape(tensor["shape"])
    return found


def _read_torch(path: Path) -> Arrays:
    try:
        import torch
    except ImportError:
        help = "install it with `pip install archspec-nn[torch]`, or convert the file to safetensors"
        raise _unreadable(path, "a PyTorch file needs PyTorch to be read", help) from None
    _check_archive(path)
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes make PyTorch's restricted unpickler fail in any way at all
        help = "save the state dict (`torch.save(model.state_dict(), path)`), not the model, and see that it is whole"
        raise _unreadable(path, f"not a state dict that PyTorch reads ({type(error).__name__})", help) from None
    if isinstance(found, Mapping) and isinstance(found.get("state_dict"), Mapping):
        found = found["state_dict"]  # training checkpoints keep it beside the optimizer's
    if not isinstance(found, Mapping) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        help = "save the state dict (`torch.save(model.state_dict(), path)`), not the model"
        raise _unreadable(path, "it holds no state dict", help)
    most = path.stat().st_size
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for name, tensor in found.items():
        # A tensor may repeat a few numbers of the file without end.
        if tensor.numel() * tensor.element_size() > most:
            raise _unreadable(path, f"{str(name)[:80]} has more numbers than the file")
        try:
            plain = tensor.detach()
            arrays[str(name)] = (plain.float() if plain.dtype == torch.bfloat16 else plain).numpy()
        except (RuntimeError, TypeError, ValueError) as error:  # sparse, quantized, on no device
            reason = str(error).partition("\n")[0]
            raise _unreadable(path, f"{str(name)[:80]} is no plain tensor: {reason}") from None
    return arrays


def _check_archive(path: Path) -> None:
    """PyTorch does not compress: an archive that holds more than its own size would burst.

    Raises:
        WeightsError: it does.
    """
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            held = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return  # an older form, or damaged: PyTorch will say so
    if held > path.stat().st_size:
        raise _unreadable(path, f"an archive of {path.stat().st_size:,} bytes that holds {held:,}")


def _unreadable(path: Path, reason: str, help: str = "") -> WeightsError:
    return WeightsError(Diagnostic("E0701", f"{path} cannot be read as weights", label=reason, help=help))


def fitting(weights: str | os.PathLike[str] | Arrays, graph: LayerGraph) -> Arrays:
    """The weights of a file, or arrays by canonical name, as a network has them.

    Those of the whole network fit what taps have left of it.

    Raises:
        WeightsError: the file cannot be read, or the weights do not fit.
    """
    if not isinstance(weights, Mapping):
        _check_before(Path(weights), graph)
        weights = read(weights)
    return fit(_in_question(weights, graph), graph)


def fitting_part(weights: str | os.PathLike[str] | Arrays, graph: LayerGraph) -> tuple[Arrays, WeightsReport]:
    """The weights of a file, or arrays by canonical name, that a network has too, and what was left out.

    Raises:
        WeightsError: the file cannot be read, holds something else than numbers, or none of it fits.
    """
    if not isinstance(weights, Mapping):
        _check_before(Path(weights), graph, partial=True)
        weights = read(weights)
    given, report, no_numbers = _compare(_in_question(weights, graph), graph)
    if no_numbers or (graph.all_weights and not report.loaded):
        raise _unfit(graph, given, report, no_numbers)
    return {name: given[name] for name in report.loaded}, report


def _in_question(weights: Arrays, graph: LayerGraph) -> Arrays:
    """The weights without those of layers that are not here because no tap needs them."""
    return {name: array for name, array in weights.items() if name not in graph.left_out}


def fit(arrays: Arrays, graph: LayerGraph) -> Arrays:
    """The arrays that a network has, in its order; all differences are listed in one error.

    Raises:
        WeightsError: tensors are missing, unexpected, or of another shape.
    """
    given, report, no_numbers = _compare(arrays, graph)
    if no_numbers or not report.complete:
        raise _unfit(graph, given, report, no_numbers)
    return {name: given[name] for name in graph.all_weights}


def _compare(arrays: Arrays, graph: LayerGraph) -> tuple[Arrays, WeightsReport, list[str]]:
    """The arrays without counters, how they fit a network, and which of them are not of numbers."""
    import numpy as np

    wanted = graph.all_weights
    given = {name: np.asarray(array) for name, array in arrays.items() if not name.endswith(_COUNTER)}
    both = [name for name in wanted if name in given]
    shapes = {name: (tuple(given[name].shape), wanted[name].shape) for name in both}
    report = WeightsReport(
        loaded=tuple(name for name in both if shapes[name][0] == shapes[name][1]),
        missing=tuple(name for name in wanted if name not in given),
        unused=tuple(name for name in given if name not in wanted),
        reshaped={name: pair for name, pair in shapes.items() if pair[0] != pair[1]},
    )
    return given, report, [name for name, array in given.items() if array.dtype.kind not in "fiu"]


def _unfit(graph: LayerGraph, given: Arrays, report: WeightsReport, no_numbers: list[str]) -> WeightsError:
    lists = {**report.lists(), **({"not of numbers": no_numbers} if no_numbers else {})}
    message = f"the weights do not fit {graph.name}"
    return WeightsError(Diagnostic("E0702", message, notes=tuple(_notes(lists)), help=_hint(graph, given)))


def _notes(lists: Mapping[str, list[str]]) -> list[Note]:
    return [
        Note(f"{len(found)} {what}: {', '.join(found[:_SHOWN])}{' ...' if len(found) > _SHOWN else ''}")
        for what, found in lists.items()
    ]


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a scalar"


def _hint(graph: LayerGraph, given: Arrays) -> str:
    """The likely cause, where one explains everything."""
    wanted = graph.all_weights
    for prefix in ("module.", "_orig_mod.", "model."):
        if given and all(name.startswith(prefix) for name in given):
            return f"every name begins with `{prefix}`, which a wrapper has added: take it off before saving"
    if given.keys() != wanted.keys():
        missing = [name for name in wanted if name not in given]
        fitting = [name for name in given if len(missing) == 1 and given[name].shape == wanted[missing[0]].shape]
        match = nearest(missing[0], set(fitting) - wanted.keys()) if fitting else None
        return f"is `{match}` meant to be `{missing[0]}`?" if match else ""
    pairs = {
        (size, other)
        for name, weight in wanted.items()
        if len(given[name].shape) == len(weight.shape)
        for size, other in zip(weight.shape, given[name].shape, strict=True)
        if size != other
    }
    for param in graph.params:
        if len(pairs) == 1 and next(iter(pairs))[0] == param.value:
            return f"the file may be of a network with --set {param.name}={next(iter(pairs))[1]}"
    return ""


def write(
    path: str | os.PathLike[str],
    arrays: Arrays,
    graph: LayerGraph,
    metadata: Mapping[str, str] | None = None,
    *,
    seal: bool = False,
) -> None:
    """Write a canonical safetensors file, whole or not at all: the same bytes for the same arrays and metadata.

    Args:
        path: of the file.
        arrays: the weights, by canonical name.
        graph: the network.
        metadata: further entries of the file's own.
        seal: put a digest into the file, by which it may be replaced unasked: where the weights can be made again.

    Raises:
        WeightsError: the arrays do not fit the graph.
        OutputError: the file cannot be written.
    """
    import numpy as np

    fitting: dict[str, np.ndarray[Any, Any]] = {}
    for name, array in fit(arrays, graph).items():
        narrow = array.dtype if array.dtype.itemsize <= 8 else np.dtype(np.float64)
        fitting[name] = np.asarray(array, narrow.newbyteorder("<"), order="C")
    # As the library has it, so that what it wrote before is written again: the widest type first, then by name.
    names = sorted(fitting, key=lambda name: (-fitting[name].dtype.itemsize, name))
    about = {**({KEY: BLANK} if seal else {}), "format": "pt", **(metadata or {})}
    with whole_file(Path(path)) as temporary, temporary.open("w+b") as file:
        file.write(_header({name: fitting[name] for name in names}, about))
        for name in names:
            file.write(fitting[name].reshape(-1).view("u1").data)
        if seal:
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
