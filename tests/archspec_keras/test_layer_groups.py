"""A `.weights.h5` written without Keras, held against Keras: it reads every layer's weights where they were put."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import archspec
from archspec.checkpoints import write_as
from archspec.checkpoints.keras_writing import write_weights
from archspec.codegen.backend import ExchangesWeights
from archspec.codegen.registry import backend
from archspec.ir import OPS
from archspec.parity import random_weights
from archspec.spec.loading import load_text
from archspec.spec.shipped_specs import NETWORKS as SHIPPED
from archspec.weights import read_weights
from archspec.weights.stored_weights import StoresWeights
from tests.conformance.cases import CASES
from tests.conformance.graphs import graph_of
from tests.needed import needs
from tests.zoo import NETWORKS

pytestmark = needs("keras")


def _held_against_keras(graph: archspec.LayerGraph, folder: Path) -> bool:
    """Whether Keras need not have been asked for the order of layers; it reads what was written in any case."""
    arrays = {name: array.astype(np.float32) for name, array in random_weights(graph).items()}
    path = folder / "w.weights.h5"
    write_as("keras", path, arrays, graph)
    model = archspec.build(graph, "keras")
    model.load_weights(path)
    loaded = backend("keras", ExchangesWeights).export_weights(model, graph)
    back, _ = read_weights(path, graph)
    for name, array in arrays.items():
        assert np.array_equal(loaded[name], array), name
        assert np.array_equal(back[name], array), name
    return write_weights(path, arrays, graph, backend("keras", StoresWeights))


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_of_many_kinds(name: str, tmp_path: Path) -> None:
    graph = archspec.compile(load_text(NETWORKS[name]))
    if not graph.all_weights:
        pytest.skip("it has no weights")
    shared = any(node.shared for node in graph.nodes.values())
    assert _held_against_keras(graph, tmp_path) is not shared


@pytest.mark.parametrize("op", [name for name in OPS if OPS[name].example.item])
def test_every_op_with_weights(op: str, tmp_path: Path) -> None:
    for number, case in enumerate(CASES[op]):
        graph = graph_of(case, (8, 8))
        if graph.all_weights:
            (tmp_path / str(number)).mkdir()
            assert _held_against_keras(graph, tmp_path / str(number))


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED.names())
def test_the_networks_that_ship(name: str, tmp_path: Path) -> None:
    graph = archspec.compile(name)
    if graph.parameters < 20_000_000:
        _held_against_keras(graph, tmp_path)


TWICE = """
archspec: 1
name: twice
input: {channels: 3, height: 8, width: 8}
layers:
  - conv: {name: first, filters: 3, kernel: 3, padding: 1}
  - reuse: first
  - conv: {filters: 4, kernel: 1}
"""


def test_where_layers_are_called_again_keras_is_asked(tmp_path: Path) -> None:
    assert not _held_against_keras(archspec.compile(load_text(TWICE)), tmp_path)
