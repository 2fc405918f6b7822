"""The way from a spec to source and to a running model, in a few functions."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archspec.errors import SpecError
from archspec.ir.graph import LayerGraph
from archspec.limits import Limits, WorkError, metered, uncollected, within
from archspec.spec import Spec
from archspec.spec import load as load_spec

if TYPE_CHECKING:
    from archspec.codegen.backend import Arrays


def load(
    source: str | PathLike[str],
    /,
    *,
    limits: Limits | None = None,
    root: str | PathLike[str] | None = None,
    **params: object,
) -> Spec:
    """A validated, frozen spec.

    Args:
        source: a path, or the bare name of a spec that ships (`resnet50`).
        limits: what the spec may ask for at most; see `archspec.Limits`.
        root: the folder that the files named in the spec must not leave; the spec's own folder if not given.
        params: values for the spec's params, as `--set` gives them.

    Raises:
        SpecError: the spec is wrong, or there is none.
        TypeError: `source` is neither a path nor a name.
    """
    if not isinstance(source, str | PathLike):
        found = "is loaded already" if isinstance(source, Spec) else f"was given a {type(source).__name__}"
        raise TypeError(
            "archspec.load takes the path of a spec, or the name of one that ships; "
            f"this {found} (archspec.spec.load_text reads the text of a spec)"
        )
    path = source if isinstance(source, str) else Path(source)
    return load_spec(path, params or None, _example, limits=limits, root=root)


def _example(name: str, value: object) -> str:
    from archspec.lowering.words import example

    return example(name, value)


def compile(
    spec: Spec | str | PathLike[str],
    /,
    *,
    limits: Limits | None = None,
    root: str | PathLike[str] | None = None,
    **params: object,
) -> LayerGraph:
    """The layer graph of a spec, verified, with shapes and explicit padding.

    Args:
        spec: what `load` returned, or what it takes.
        limits, root, params: as for `load`; only where `spec` is not loaded yet.

    Raises:
        SpecError: the spec is wrong.
    """
    from archspec.lowering import lower
    from archspec.passes import run
    from archspec.passes.check_depth import CheckDepth
    from archspec.passes.resolve_padding import ResolvePadding

    if not isinstance(spec, Spec):
        spec = load(spec, limits=limits, root=root, **params)
    elif params or limits is not None or root is not None:
        raise TypeError("params are given to load(), or to compile() with a name or path, not to a loaded spec")
    with within(spec.limits), uncollected():
        return run(lower(spec), (ResolvePadding(), CheckDepth()))


def _graph(
    spec: Spec | LayerGraph | str | PathLike[str],
    limits: Limits | None,
    root: str | PathLike[str] | None,
    params: Mapping[str, object],
) -> LayerGraph:
    if not isinstance(spec, LayerGraph):
        return compile(spec, limits=limits, root=root, **params)
    if params or limits is not None or root is not None:
        raise TypeError("params are given to compile(), not with a graph, which is compiled already")
    return spec


def generate(graph: LayerGraph, backend: str) -> str:
    """The source of a module for this graph, with its header.

    Raises:
        BackendError: there is no such backend, or it lacks an op of the graph.
        SpecError: its expressions take too much work.
    """
    from archspec.codegen.backend import backend as find
    from archspec.codegen.files import with_header

    target = find(backend)
    with within(graph.limits), metered(), uncollected():
        try:
            return with_header(target.render(graph), graph)
        except WorkError as error:
            raise SpecError(error.diagnostic(span=graph.root.span)) from None


def build(
    spec: Spec | LayerGraph | str | PathLike[str],
    /,
    backend: str,
    *,
    weights: str | PathLike[str] | Mapping[str, Any] | None = None,
    device: str | None = None,
    dtype: str | None = None,
    limits: Limits | None = None,
    root: str | PathLike[str] | None = None,
    **params: object,
) -> Any:
    """A running model: the generated source, executed.

    Args:
        spec: a path, a shipped spec's name, a loaded spec, or a compiled graph.
        backend: `torch` gives an `nn.Module`, `keras` a `keras.Model`.
        weights: a safetensors file or a PyTorch state dict file, or arrays by canonical name. Without them the
            weights are drawn by the spec's initializers.
        device: where the model is put (`cuda`), in the framework's own words.
        dtype: of weights and computation: `float32` (the default), `float64`, `bfloat16`, `float16`.
        limits, root: as for `load`; only where `spec` is not loaded yet.
        params: values for the spec's params.

    Raises:
        SpecError: the spec is wrong.
        BackendError: the backend is missing or lacks an op.
        WeightsError: the weights cannot be read or do not fit.
    """
    from archspec.codegen.backend import backend as find

    graph = _graph(spec, limits, root, params)
    target = find(backend)
    target.require()
    arrays: Arrays | None = None
    if weights is not None:
        from archspec.weights import fitting

        arrays = fitting(weights, graph)
    return target.build(generate(graph, backend), graph, weights=arrays, device=device, dtype=dtype)


def save_weights(
    model: Any,
    path: str | PathLike[str],
    /,
    spec: Spec | LayerGraph | str | PathLike[str],
    backend: str,
    *,
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
        limits, root: as for `load`; only where `spec` is not loaded yet.
        params: values for the spec's params, as they were when the model was built.

    Raises:
        WeightsError: the model is of another network.
        OutputError: the file cannot be written.
    """
    from archspec.codegen.backend import backend as find
    from archspec.weights import write

    graph = _graph(spec, limits, root, params)
    write(path, find(backend).export_weights(model, graph), graph)


def load_weights(
    model: Any,
    weights: str | PathLike[str] | Mapping[str, Any],
    /,
    spec: Spec | LayerGraph | str | PathLike[str],
    backend: str,
    *,
    limits: Limits | None = None,
    root: str | PathLike[str] | None = None,
    **params: object,
) -> None:
    """Put weights into a model that exists. Nothing is changed unless all of them fit.

    Args:
        model: a model of this network, as `build` or the generated source gave it.
        weights: a safetensors file or a PyTorch state dict file, or arrays by canonical name.
        spec: the network, as for `save_weights`.
        backend: the model's.
        limits, root: as for `load`; only where `spec` is not loaded yet.
        params: values for the spec's params.

    Raises:
        WeightsError: the weights cannot be read or do not fit.
    """
    from archspec.codegen.backend import backend as find
    from archspec.weights import fit, fitting

    graph = _graph(spec, limits, root, params)
    arrays = fitting(weights, graph)
    target = find(backend)
    fit(target.export_weights(model, graph), graph)  # the model is of this network, too
    target.load_weights(model, graph, arrays)
