"""Weights files: canonical safetensors, and PyTorch state dicts.

The canonical file holds each tensor under its path in the graph (`layer1.0.conv1.weight`) in PyTorch's layout:
convolutions (out, in / groups, height, width), dense layers (out, in).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archspec.errors import Diagnostic, Note, WeightsError
from archspec.ir.graph import LayerGraph
from archspec.storage import whole_file

if TYPE_CHECKING:
    import numpy as np

    Arrays = Mapping[str, np.ndarray[Any, Any]]

_SHOWN: Final = 8
_COUNTER: Final = ".num_batches_tracked"
"""PyTorch's batch norms count their steps in the state dict; the count is no part of a network."""


def read(path: str | os.PathLike[str]) -> Arrays:
    """The tensors of a weights file by name: safetensors, or a PyTorch state dict (`.pt`, `.pth`).

    PyTorch files are read with `weights_only=True`: nothing in them is executed.

    Raises:
        WeightsError: the file is missing, damaged, or neither of the two.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from None
    if path.suffix in (".pt", ".pth", ".bin", ".tar") or head[:2] == b"PK":
        return _read_torch(path)
    return _read_safetensors(path)


def _read_safetensors(path: Path) -> Arrays:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        help = "weights are read from .safetensors files and from PyTorch state dicts (.pt, .pth)"
        raise _unreadable(path, f"not a whole safetensors file: {error}", help) from None


def _read_torch(path: Path) -> Arrays:
    try:
        import torch
    except ImportError:
        help = "install it with `pip install archspec-nn[torch]`, or convert the file to safetensors"
        raise _unreadable(path, "a PyTorch file needs PyTorch to be read", help) from None
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes make PyTorch's restricted unpickler fail in any way at all
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        help = "save the state dict (`torch.save(model.state_dict(), path)`), not the model"
        raise _unreadable(path, f"not a PyTorch state dict: {reason[:200]}", help) from None
    if isinstance(found, Mapping) and isinstance(found.get("state_dict"), Mapping):
        found = found["state_dict"]  # training checkpoints keep it beside the optimizer's
    if not isinstance(found, Mapping) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        help = "save the state dict (`torch.save(model.state_dict(), path)`), not the model"
        raise _unreadable(path, "it holds no state dict", help)
    return {
        str(name): (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
        for name, tensor in found.items()
    }


def _unreadable(path: Path, reason: str, help: str = "") -> WeightsError:
    return WeightsError(Diagnostic("E0701", f"{path} cannot be read as weights", label=reason, help=help))


def fit(arrays: Arrays, graph: LayerGraph) -> Arrays:
    """The arrays that a network has, in its order; all differences are listed in one error.

    Raises:
        WeightsError: tensors are missing, unexpected, or of another shape.
    """
    wanted = graph.all_weights
    given = {name: array for name, array in arrays.items() if not name.endswith(_COUNTER)}
    missing = [name for name in wanted if name not in given]
    unexpected = [name for name in given if name not in wanted]
    shapes = [
        f"{name} is {_shape(given[name].shape)}, the network's is {_shape(weight.shape)}"
        for name, weight in wanted.items()
        if name in given and tuple(given[name].shape) != weight.shape
    ]
    notes = [
        Note(f"{len(found)} {what}: {', '.join(found[:_SHOWN])}{' ...' if len(found) > _SHOWN else ''}")
        for what, found in (("missing", missing), ("unexpected", unexpected), ("of another shape", shapes))
        if found
    ]
    if notes:
        raise WeightsError(
            Diagnostic("E0702", f"the weights do not fit {graph.name}", notes=tuple(notes), help=_hint(graph, given))
        )
    return {name: given[name] for name in wanted}


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a scalar"


def _hint(graph: LayerGraph, given: Arrays) -> str:
    """The likely cause, where one differs in nothing but the size of a param."""
    for param in graph.params:
        for name, weight in graph.all_weights.items():
            array = given.get(name)
            if array is None or tuple(array.shape) == weight.shape or len(array.shape) != len(weight.shape):
                continue
            for size, other in zip(weight.shape, array.shape, strict=True):
                if size != other and size == param.value:
                    return f"the file may be of a network with --set {param.name}={other}"
    return ""


def write(path: str | os.PathLike[str], arrays: Arrays, graph: LayerGraph) -> None:
    """Write a canonical safetensors file, whole or not at all.

    Raises:
        WeightsError: the arrays do not fit the graph.
        OutputError: the file cannot be written.
    """
    import numpy as np
    from safetensors.numpy import save_file

    path = Path(path)
    fitting = {name: np.ascontiguousarray(array) for name, array in fit(arrays, graph).items()}
    with whole_file(path) as temporary:
        # One entry of metadata and no more: safetensors writes several in a random order.
        save_file(fitting, temporary, metadata={"format": "pt"})
