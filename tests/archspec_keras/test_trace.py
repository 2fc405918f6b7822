"""The tensor of every node, against the evaluator that computes each of them by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import Outcome, RunsModels
from archspec.codegen.registry import backend
from archspec.parity.comparison import without_dropout
from archspec.spec import load_text
from tests.archspec_keras.arrays import distance, inputs_for, weights_for
from tests.needed import needs
from tests.reference.evaluate import computed, evaluate
from tests.zoo import NETWORKS

pytestmark = needs("keras")


def _agree(graph: archspec.LayerGraph, size: int | None = None) -> None:
    graph, target = without_dropout(graph), backend("keras", RunsModels)
    weights, inputs = weights_for(graph), inputs_for(graph, size)
    source = target.render(graph)
    target.verify(source, graph)
    model = target.build(source, graph, weights=weights, dtype="float64")
    for training in (False, True):
        wanted = evaluate(graph, weights, inputs, training=training)
        found = target.run(model, graph, inputs, training=training, nodes=True)
        form = computed(graph, training=training)
        assert found.nodes.keys() == form.nodes.keys()
        for path, array in wanted.values.items():
            bound = 1e-11 if path in graph.outputs.values() else 1e-10
            assert distance(found.nodes[path], array) < bound, path
        assert found.outputs.keys() == form.outputs.keys()
        for name, path in form.outputs.items():
            assert found.outputs[name].dtype == "float64"
            np.testing.assert_array_equal(found.nodes[path], found.outputs[name])
        for name, array in wanted.statistics.items():
            assert distance(found.statistics[name], array) < 1e-11, name
            assert (array != weights[name]).any() == training


@pytest.mark.parametrize("name", NETWORKS)
def test_every_node_of_networks_of_all_kinds(name: str) -> None:
    _agree(archspec.compile(load_text(NETWORKS[name].replace(", dilation: [1, 2]}", "}"))))


@pytest.mark.parametrize("name", ["resnet50", "resnet_v2_50", "cifar_resnet"])
def test_every_node_of_specs_at_another_size(name: str) -> None:
    _agree(archspec.compile(name, classes=10), 40)


def _network(layers: str) -> archspec.LayerGraph:
    text = f"archspec: 1\nname: net\ninput: {{channels: 2, height: 6, width: 6}}\nlayers:\n{layers}"
    return archspec.compile(load_text(text))


def _run(graph: archspec.LayerGraph, source: str | None = None, **options: Any) -> Outcome:
    target = backend("keras", RunsModels)
    model = target.build(source or target.render(graph), graph, weights=weights_for(graph), dtype="float64")
    return target.run(model, graph, inputs_for(graph), training=False, nodes=True)


def test_a_cropped_convolution_is_cropped() -> None:
    up = "  - conv_transpose: {name: up, filters: 3, kernel: 4, stride: 2, padding: [0, 1, 1, 2]}\n"
    graph = _network(up)
    assert 'name="up_crop"' in archspec.generate(graph, "keras")
    _agree(graph)
    # Without sides to crop, a layer that the spec calls so is another node.
    plain = _network(up.replace(", padding: [0, 1, 1, 2]", "") + "  - relu: {name: up_crop}\n")
    assert "Cropping2D" not in archspec.generate(plain, "keras")
    _agree(plain)


def test_layers_that_edited_source_lacks_are_left_out() -> None:
    graph = _network("  - conv: {name: a, filters: 2, kernel: 1}\n  - relu: {name: b}\n  - tanh: {name: c}\n")
    source = archspec.generate(graph, "keras")
    [line] = [line for line in source.splitlines(keepends=True) if 'name="b"' in line]
    found = _run(graph, source.replace(line, ""))
    assert found.nodes.keys() == graph.nodes.keys() - {"b"}
    np.testing.assert_allclose(found.nodes["c"], np.tanh(found.nodes["a"]), rtol=1e-12)


def test_nodes_are_given_only_where_they_are_asked_for_and_leave_no_trace() -> None:
    graph = _network("  - conv: {name: a, filters: 2, kernel: 1}\n  - identity: {name: b}\n")
    target = backend("keras", RunsModels)
    model = archspec.build(graph, "keras", weights=weights_for(graph), dtype="float64")
    kept = {layer.name: set(vars(layer)) for layer in model.layers}
    asked = target.run(model, graph, inputs_for(graph), training=False, nodes=True)
    assert {layer.name: set(vars(layer)) for layer in model.layers} == kept
    plain = target.run(model, graph, inputs_for(graph), training=False)
    assert not plain.nodes
    np.testing.assert_array_equal(plain.outputs["output"], asked.outputs["output"])


def test_a_network_deeper_than_pythons_limit() -> None:
    graph = _network("  - repeat: {times: 1200, layers: [relu]}\n")
    assert len(_run(graph).nodes) == 1201
