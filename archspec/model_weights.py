"""Weights of models that exist: written as a file that every backend reads, and put in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from archspec.api import graph_of
from archspec.ir.graph import LayerGraph
from archspec.limits import Limits
from archspec.spec import Spec

if TYPE_CHECKING:
    from archspec.weights import WeightsReport


def save_weights(
    model: Any,
    path: str | PathLike[str],
    /,
    spec: Spec | LayerGraph | str | PathLike[str],
    backend: str,
    *,
    taps: Sequence[str] | None = None,
    limits: Limits | None = None,
    root: str | PathLike[str] | None = None,
    **params: object,
) -> None:
    """Write a model's weights as a canonical safetensors file, which every backend reads.

    Args:
        model: a model of this network, as `build` or the generated source gave it, trained or not.
        path: where the file goes; it is written whole or not at all.
        spec: the network: a path, a shipped spec's name, a loaded spec, or a compiled graph.
        backend: the model's.
        taps: as they were when the model was built.
        limits, root: as for `load`; only where `spec` is not loaded yet.
        params: values for the spec's params, as they were when the model was built.

    Raises:
        BackendError: the backend is missing, or gives no weights.
        WeightsError: the model is of another network.
        OutputError: the file cannot be written.
    """
    from archspec.codegen.backend import ExchangesWeights
    from archspec.codegen.registry import backend as find
    from archspec.weights import write

    graph = graph_of(spec, taps, limits, root, params)
    write(path, find(backend, ExchangesWeights).export_weights(model, graph), graph)


def load_weights(
    model: Any,
    weights: str | PathLike[str] | Mapping[str, Any],
    /,
    spec: Spec | LayerGraph | str | PathLike[str],
    backend: str,
    *,
    partial: bool = False,
    weights_key: str | None = None,
    strip_prefix: str | None = None,
    adapt: Sequence[str] = (),
    map: str | PathLike[str] | None = None,
    taps: Sequence[str] | None = None,
    limits: Limits | None = None,
    root: str | PathLike[str] | None = None,
    **params: object,
) -> WeightsReport:
    """Put weights into a model that exists. Nothing is changed unless all of them fit, or `partial` is given.

    Returns:
        Which weights were loaded, with `partial` also which were not, and what is doubtful about them.

    Args:
        model: a model of this network, as `build` or the generated source gave it.
        weights: a safetensors file or a PyTorch state dict file, or arrays by canonical name.
        spec: the network, as for `save_weights`.
        backend: the model's.
        partial: load the weights that fit by name and shape; the model's others stay what they are.
        weights_key, strip_prefix, adapt, map: as for `build`.
        taps: as they were when the model was built.
        limits, root: as for `load`; only where `spec` is not loaded yet.
        params: values for the spec's params.

    Raises:
        BackendError: the backend is missing, or takes no weights.
        WeightsError: the weights cannot be read or do not fit; with `partial`, none of them does.
    """
    from archspec.codegen.backend import ExchangesWeights
    from archspec.codegen.registry import backend as find
    from archspec.weights import fit, read_weights

    graph = graph_of(spec, taps, limits, root, params)
    target = find(backend, ExchangesWeights)
    arrays, report = read_weights(
        weights, graph, partial=partial, key=weights_key, prefix=strip_prefix, adapt=adapt, map=map
    )
    held = fit(target.export_weights(model, graph), graph)  # the model is of this network, too
    target.load_weights(model, graph, {**held, **arrays})
    return report
