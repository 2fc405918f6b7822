"""What `archspec build` writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from archspec.api import build_partly, generate
from archspec.codegen.backend import Source
from archspec.codegen.backend import backend as find
from archspec.initialization import draw
from archspec.ir.graph import LayerGraph
from archspec.weights import fitting

if TYPE_CHECKING:
    from archspec.weights import WeightsReport


def as_built(graph: LayerGraph, backend: str, name: str) -> Source:
    """What is written without options into a file of this name: source, or a model with the weights of seed 0."""
    source = generate(graph, backend)
    if not find(backend).holds_weights:
        return source
    files, _ = model_files(graph, backend, source, name)
    return files[name]


def model_files(
    graph: LayerGraph,
    backend: str,
    source: Source,
    name: str,
    *,
    weights: str | None = None,
    partial: bool = False,
    seed: int | None = None,
    external: bool = False,
) -> tuple[Mapping[str, bytes], WeightsReport | None]:
    """The files of a model that holds its weights, by name, the model first.

    Args:
        graph: the network.
        backend: one that `holds_weights`.
        source: what it gave for the graph.
        name: of the model's file.
        weights: a file to take them from.
        partial: take those that fit, and draw the others; the report says which they are.
        seed: to draw them by, 0 if not given.
        external: the weights in a file of their own.

    Raises:
        BackendError: the backend's framework is missing.
        WeightsError: the weights cannot be read or do not fit.
        OutputError: the model is too large for one file.
    """
    target = find(backend)
    target.require()
    report = None
    if partial and weights is not None:
        model, report = build_partly(graph, backend, weights, source=source)
    else:
        given = draw(graph, seed or 0) if weights is None else fitting(weights, graph)
        model = target.build(source, graph, weights=given)
    return target.packed(model, name, external=external), report
