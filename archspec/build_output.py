"""What `archspec build` writes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archspec.api import generate, with_weights
from archspec.codegen.backend import PacksModels, RunsModels, SavesWeights, Source
from archspec.codegen.files import write
from archspec.codegen.registry import backend as find
from archspec.digests import check_writable
from archspec.errors import BackendError, Diagnostic
from archspec.initialization import draw
from archspec.ir.graph import LayerGraph

if TYPE_CHECKING:
    from archspec.codegen.backend import Arrays

LOW_PRECISION: Final = ("float16", "bfloat16")
"""Dtypes of fewer bits than float32."""


def artifact(graph: LayerGraph, backend: str, path: Path, weights: Arrays, *, dtype: str, force: bool) -> list[Path]:
    """Write a network as a backend has it, with its weights: a model's files, or source and a weights file.

    Args:
        graph: the network.
        backend: `torch`, `onnx`, or another.
        path: where the model or the source goes; what else there is goes beside it.
        weights: all of them, by canonical name.
        dtype: of weights, and of a model's computation.
        force: overwrite what was edited, or is not ours.

    Returns:
        What was written, the model or the source first.

    Raises:
        OutputError: a file would be lost, or cannot be written; then none was.
    """
    source = generate(graph, backend, dtype=dtype)
    if isinstance(find(backend), PacksModels):
        files = model_files(graph, backend, source, path.name, weights=weights, dtype=dtype)
        contents = {path.with_name(name): data for name, data in files.items()}
        for file in contents:
            check_writable(file, force=force)
        for file, data in reversed(contents.items()):  # first what the model needs, then the model
            write(file, data)
        return [*contents]
    target = find(backend, SavesWeights)
    beside = path.with_name(path.name.removesuffix(path.suffix) + target.weights_suffix)
    for file in (path, beside):
        check_writable(file, force=force)
    model = with_weights(graph, backend, weights, source=source, dtype=dtype)
    write(path, source)
    target.save_weights(model, beside, graph.weights_form)
    return [path, beside]


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
    dtype: str | None = None,
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
        dtype: that the source was written in, if it was given.
        external: the weights in a file of their own.

    Raises:
        BackendError: the backend's framework is missing, or it writes no model files.
        OutputError: the model is too large for one file.
    """
    arrays = draw(graph, seed or 0) if weights is None else weights
    model = with_weights(graph, backend, arrays, source=source, dtype=dtype)
    return find(backend, PacksModels).packed(model, name, external=external)


def error_of(graph: LayerGraph, backend: str, dtype: str, weights: Arrays) -> tuple[float, str]:
    """How far a model in a dtype is from the one in float32, on the same weights and random inputs.

    Args:
        graph: the network.
        backend: whose models are compared.
        dtype: of the one.
        weights: by canonical name; where some are not given, all are drawn.

    Returns:
        The largest difference of an output, as a share of its largest number; and what both ran on.

    Raises:
        BackendError: nothing that is installed runs the backend's models in this dtype.
    """
    import numpy as np

    from archspec.parity import random_inputs

    target = find(backend, RunsModels)
    arrays = weights if weights.keys() == graph.all_weights.keys() else draw(graph, 0)
    inputs = {
        name: array.astype(np.float32) if array.dtype.kind == "f" else array
        for name, array in random_inputs(graph).items()
    }
    with _engine_for(target, dtype) as engine:
        wanted, found = (
            target.run(with_weights(graph, backend, arrays, dtype=kind), graph, inputs, training=False).outputs
            for kind in ("float32", dtype)
        )
    apart = [
        float(np.abs(found[name].astype(np.float64) - array).max() / max(float(np.abs(array).max()), 1e-30))
        for name, array in wanted.items()
    ]
    return max(apart), engine


@contextmanager
def _engine_for(target: RunsModels, dtype: str) -> Iterator[str]:
    """Let models run on the first engine that has a dtype; what they then run on.

    A model file is read by one engine or another; a framework stays what it is for as long as its process lasts.
    """
    settings = {name for engine in target.engines for name in target.environment(engine)}
    before = {name: os.environ.get(name) for name in settings}
    reasons = [target.lacks("inference", dtype)]
    try:
        for engine in target.engines if reasons[0] and isinstance(target, PacksModels) else ():
            os.environ.update(target.environment(engine))
            reasons.append(_unable(target, engine, dtype))
            if not reasons[-1]:
                break
        if reasons[-1]:
            raise BackendError(Diagnostic("E0601", reasons[0]))
        yield ", ".join(f"{name} {version}" for name, version in target.versions().items())
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _unable(target: RunsModels, engine: str, dtype: str) -> str:
    """Why an engine cannot run models of a dtype here; empty if it can."""
    try:
        target.require(engine)
    except BackendError as error:
        return error.diagnostics[0].message
    return target.lacks("inference", dtype)
