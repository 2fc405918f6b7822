"""The tensors of nodes: found in a model that runs, and held against ONNX's reference evaluator, node by node."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import RunsModels
from archspec.codegen.registry import backend
from archspec.ir.graph import LayerGraph
from archspec.parity import random_inputs, random_weights
from archspec.parity.comparison import without_dropout
from archspec.parity.measure import difference
from archspec.spec import load_text
from tests.reference.evaluate import computed, evaluate
from tests.zoo import NETWORKS

SPECS: dict[str, dict[str, Any]] = {
    "cifar_resnet": {},
    "cifar_resnet_v2": {},
    "resnet18": {"size": 32},
    "resnet50": {"size": 32},
    "resnext50_32x4d": {"size": 32},
    "tf2_resnet34": {"size": 32},
    "specs/examples/deeplab.yaml": {},
    "specs/examples/dcgan_generator.yaml": {},
    "specs/examples/densenet.yaml": {},
    "specs/examples/espcn.yaml": {},
    "specs/examples/feature_pyramid.yaml": {},
    "specs/examples/inception.yaml": {},
    "specs/examples/lenet.yaml": {},
    "specs/examples/m5.yaml": {},
    "specs/examples/mlp_mixer.yaml": {},
    "specs/examples/se_resnet.yaml": {},
    "specs/examples/two_streams.yaml": {},
    "specs/examples/unet.yaml": {},
}
HEAVY = (
    "resnet152",
    "resnet_v2_200",
    *(f"specs/examples/{name}.yaml" for name in ("convnext", "r3d_18", "vision_transformer")),
)
TWINS = {
    "the later one is used first": """
        - conv: {name: stem, filters: 4, kernel: 1}
        - tap: start
        - relu
        - tap: early
        - add:
            - [{from: start}, relu, {conv: {name: two, filters: 4, kernel: 1}}]
            - [{from: early}, {conv: {name: one, filters: 4, kernel: 1}}]
    """,
    "parts of one tensor, cut twice": """
        - concat:
            - [split: {parts: 4, index: 3}, relu]
            - [split: {parts: 4, index: 2}]
            - [split: {parts: 4, index: 3}, sigmoid]
    """,
    "a part of one expression is another layer": """
        - tap: start
        - scale: {value: 0.5, shift: 1}
        - add: [[], {from: start, layers: [scale: {value: 0.5}]}, {from: start, layers: [scale: {value: 2}, relu]}]
    """,
    "chains of layers without weights": """
        - tap: start
        - add:
            - [max_pool: {kernel: 3, stride: 1, padding: 1}, relu, {conv: {name: a, filters: 4, kernel: 1}}]
            - from: start
              layers: [max_pool: {kernel: 3, stride: 1, padding: 1}, relu, {conv: {name: b, filters: 4, kernel: 1}}]
    """,
}


def network(layers: str) -> LayerGraph:
    head = "archspec: 1\nname: net\ninput: {channels: 4, height: 8, width: 7}\nlayers:\n"
    return archspec.compile(load_text(head + layers))


def assert_every_node_is_found(graph: LayerGraph) -> None:
    """Every node, in both modes, its value as the evaluator has it; and looking on changes nothing."""
    graph, target = without_dropout(graph), backend("torch", RunsModels)
    source, weights, inputs = archspec.generate(graph, "torch"), random_weights(graph), random_inputs(graph, batch=3)
    model = target.build(source, graph, weights=weights, dtype="float64")
    for training in (False, True):
        target.load_weights(model, graph, weights)
        found = target.run(model, graph, inputs, training=training, nodes=True)
        wanted = evaluate(graph, weights, inputs, training=training)
        form = computed(graph, training=training)
        assert list(found.nodes) == list(form.nodes)
        for path, value in wanted.values.items():
            bound = 1e-12 if path in graph.outputs.values() else 1e-10
            assert difference(value, found.nodes[path]) < bound, path
        assert found.statistics.keys() == {name for name, w in graph.all_weights.items() if not w.trainable}
        for name, value in wanted.statistics.items():
            assert difference(value, found.statistics[name]) < 1e-12, name
        target.load_weights(model, graph, weights)
        alone = target.run(model, graph, inputs, training=training)
        assert not alone.nodes
        assert alone.outputs.keys() == form.outputs.keys()
        for name, path in form.outputs.items():
            assert np.array_equal(alone.outputs[name], found.outputs[name])
            assert np.array_equal(alone.outputs[name], found.nodes[path])
        for name, array in alone.statistics.items():
            assert np.array_equal(array, found.statistics[name])


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str) -> None:
    assert_every_node_is_found(archspec.compile(load_text(NETWORKS[name], name=f"{name}.yaml")))


@pytest.mark.parametrize("name", SPECS)
def test_specs(name: str) -> None:
    assert_every_node_is_found(archspec.compile(archspec.load(name, **SPECS[name])))


@pytest.mark.parametrize("layers", TWINS.values(), ids=TWINS)
def test_layers_that_look_alike(layers: str) -> None:
    assert_every_node_is_found(network(layers))


@pytest.mark.slow
@pytest.mark.parametrize("name", HEAVY)
def test_every_node_of_a_large_network_is_found(name: str) -> None:
    graph = archspec.compile(archspec.load(name))
    target = backend("torch", RunsModels)
    model = target.build(archspec.generate(graph, "torch"), graph)
    found = target.run(model, graph, random_inputs(graph, batch=1), training=False, nodes=True)
    assert {path: array.shape for path, array in found.nodes.items()} == {
        path: (1, *node.shape) for path, node in graph.nodes.items()
    }


def test_a_models_hooks_are_taken_away() -> None:
    graph, target = network("  - conv: {filters: 2, kernel: 1}\n  - relu"), backend("torch", RunsModels)
    model = target.build(archspec.generate(graph, "torch"), graph)
    target.run(model, graph, random_inputs(graph), training=False, nodes=True)
    with pytest.raises(RuntimeError):
        target.run(model, graph, {"input": np.zeros((1, 3, 8, 7))}, training=False, nodes=True)
    for module in model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
    assert target.run(model, graph, random_inputs(graph), training=False, nodes=True).nodes.keys() == graph.nodes.keys()


CHOSEN = """
archspec: 1
name: chosen
input: {channels: 8, height: 8, width: 8}
blocks:
  unit:
    params: {act: {default: relu, choices: [relu, gelu, none]}}
    layers:
      - conv: {name: conv, filters: 8, kernel: 3, padding: 1}
      - when: act == 'relu'
        relu: {}
        else: [{gelu: {}, when: act == 'gelu'}]
layers: [unit, unit: {act: "'gelu'"}, unit: {act: "'none'"}]
"""


def test_one_of_several_activations_is_the_node_that_its_instance_has() -> None:
    graph = archspec.compile(load_text(CHOSEN, name="chosen.yaml"))
    assert "self.activation = " in str(archspec.generate(graph, "torch"))
    assert_every_node_is_found(graph)
