"""What `archspec build` writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from archspec.api import generate, with_weights
from archspec.codegen.backend import PacksModels, Source
from archspec.codegen.registry import backend as find
from archspec.initialization import draw
from archspec.ir.graph import LayerGraph

if TYPE_CHECKING:
    from archspec.codegen.backend import Arrays


def as_built(graph: LayerGraph, backend: str, name: str) -> Source:
    """What is written without options into a file of this name: source, or a model with the weights of seed 0."""
    source = generate(graph, backend)
    if not isinstance(find(backend), PacksModels):
        return source
    return model_files(graph, backend, source, name)[name]


def model_files(
    graph: LayerGraph,
    backend: str,
    source: Source,
    name: str,
    *,
    weights: Arrays | None = None,
    seed: int | None = None,
    external: bool = False,
) -> Mapping[str, bytes]:
    """The files of a model that holds its weights, by name, the model first.

    Args:
        graph: the network.
        backend: one that `PacksModels`.
        source: what it gave for the graph.
        name: of the model's file.
        weights: those that are given, by canonical name; the others are drawn.
        seed: to draw all by where none are given, 0 if not given.
        external: the weights in a file of their own.

    Raises:
        BackendError: the backend's framework is missing, or it writes no model files.
        OutputError: the model is too large for one file.
    """
    model = with_weights(graph, backend, draw(graph, seed or 0) if weights is None else weights, source=source)
    return find(backend, PacksModels).packed(model, name, external=external)
