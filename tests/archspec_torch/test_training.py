"""Gradients against finite differences of the loss, as the evaluator has it; training against a loop by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import Gradients, TrainsModels
from archspec.codegen.registry import backend
from archspec.ir.graph import LayerGraph
from archspec.ir.ops.base import GraphInput
from archspec.ir.scope import Body, Layer, Operand, Ref, Result
from archspec.parity import random_inputs, random_weights
from archspec.parity.comparison import without_dropout
from archspec.spec import load_text
from tests.archspec_torch.test_nodes import TWINS, network
from tests.needed import lazily, needs
from tests.reference.evaluate import evaluate
from tests.reference.loss import loss_of
from tests.zoo import NETWORKS

torch: Any = lazily("torch")
pytestmark = needs("torch")

Arrays = dict[str, np.ndarray[Any, Any]]
SMALL = """
archspec: 1
name: small
input: {channels: 3, height: 6, width: 5}
layers:
  - {conv: {name: stem, filters: 4, kernel: 3, padding: 1, bias: false, weight_decay: 0.01}}
  - {batch_norm: {name: bn}}
  - add: [[tanh, {conv: {name: conv, filters: 4, kernel: 3, padding: 1, bias: false, weight_decay: 0.1}}], []]
  - silu
  - {global_avg_pool: {keep_axes: false}}
  - {dense: {name: fc, units: 5}}
"""
DROPPING = """
archspec: 1
name: dropping
input: {channels: 8, height: 4, width: 4}
layers:
  - {conv: {name: conv, filters: 8, kernel: 3, padding: 1}}
  - {batch_norm: {name: bn}}
  - add: [[], [relu, {drop_path: {name: path, rate: 0.5}}]]
  - to_tokens
  - {attention: {name: attention, heads: 2}}
  - {dropout: {name: dropout, rate: 0.5}}
  - flatten
  - {dense: {name: fc, units: 3}}
"""
STEP = 1e-5


def small() -> LayerGraph:
    return archspec.compile(load_text(SMALL))


def random_targets(graph: LayerGraph, batch: int, *, whole: bool) -> Arrays:
    rng = np.random.default_rng(5)
    shapes = {name: graph.nodes[path].shape for name, path in graph.outputs.items()}
    if whole:
        return {name: rng.integers(0, shape[0], batch) for name, shape in shapes.items()}
    return {name: rng.standard_normal((batch, *shape)) for name, shape in shapes.items()}


def gradients(graph: LayerGraph, targets: Arrays, *, nodes: bool = True, batch: int = 3) -> Gradients:
    target = backend("torch", TrainsModels)
    source, weights = archspec.generate(graph, "torch"), random_weights(graph)
    model = target.build(source, graph, weights=weights, dtype="float64")
    return target.gradients(model, graph, random_inputs(graph, batch), targets, nodes=nodes)


def assert_slope(graph: LayerGraph, targets: Arrays, weights: Arrays, inputs: Arrays, name: str, found: Any) -> None:
    """The gradient's product with a random direction is the slope of the loss in that direction."""
    where = inputs if name in inputs else weights
    direction = np.random.default_rng(7).standard_normal(where[name].shape)
    losses: list[float] = []
    for sign in (1, -1):
        moved = {name: where[name] + sign * STEP * direction}
        values = evaluate(graph, {**weights, **moved}, {**inputs, **moved}, training=True).values
        losses.append(loss_of(values, graph, targets))
    slope = (losses[0] - losses[1]) / (2 * STEP)
    size = float(np.sqrt((np.asarray(found) ** 2).sum() * np.mean(direction**2)))
    assert abs(float(np.sum(found * direction)) - slope) <= 1e-6 * max(abs(slope), size) + 1e-9, name


@pytest.mark.parametrize("whole", [True, False], ids=["cross-entropy", "squares"])
def test_gradients_are_the_slopes_of_the_loss(whole: bool) -> None:
    graph = small()
    targets, weights, inputs = random_targets(graph, 3, whole=whole), random_weights(graph), random_inputs(graph, 3)
    found = gradients(graph, targets)
    assert np.isclose(found.loss, loss_of(evaluate(graph, weights, inputs, training=True).values, graph, targets))
    assert found.inputs.keys() == set(graph.inputs)
    assert found.weights.keys() == {name for name, weight in graph.all_weights.items() if weight.trainable}
    for name, gradient in (*found.weights.items(), *found.inputs.items()):
        assert gradient.shape == {**weights, **inputs}[name].shape
        assert_slope(graph, targets, weights, inputs, name, gradient)


def named(name: str) -> LayerGraph:
    if name == "small":
        return small()
    return network(TWINS[name]) if name in TWINS else archspec.compile(load_text(NETWORKS[name]))


def cut(graph: LayerGraph, path: str) -> LayerGraph:
    """The same layers, all of them in the network's own body, where the node of this path is an input."""
    inputs = list(graph.input_nodes)
    if path not in graph.inputs:
        inputs.append(replace(graph.nodes[path], op=GraphInput(), inputs=()))
    refs: dict[str, Ref] = {node.path: Operand(index) for index, node in enumerate(inputs)}
    layers: list[Layer] = []
    for site, node in enumerate(graph.nodes.values()):
        if node.path not in refs:
            refs[node.path] = Result(site)
            taken = tuple(refs[source] for source in node.inputs)
            layers.append(Layer(site, node.path, True, node.path, taken, node.op, node.types, {}, None))
    body = Body(tuple(layers), tuple(refs[output] for output in graph.outputs.values()))
    return replace(graph, root=replace(graph.root, body=body, labels={}), input_nodes=tuple(inputs), taps={})


@pytest.mark.parametrize("name", ["input_as_a_tap", "small", *TWINS])
def test_gradients_of_nodes(name: str) -> None:
    """Each node's tensor in turn is given as an input: the loss's slope there is the node's gradient."""
    graph = without_dropout(named(name))
    targets, weights, inputs = random_targets(graph, 3, whole=False), random_weights(graph), random_inputs(graph, 3)
    found = gradients(graph, targets)
    assert found.nodes.keys() == graph.nodes.keys()
    values = evaluate(graph, weights, inputs, training=True).values
    for path in graph.nodes:
        assert_slope(cut(graph, path), targets, weights, {**inputs, path: values[path]}, path, found.nodes[path])


def test_gradients_update_the_running_statistics_as_a_pass_does() -> None:
    graph, target = small(), backend("torch", TrainsModels)
    weights, inputs = random_weights(graph), random_inputs(graph, 3)
    models = [target.build(archspec.generate(graph, "torch"), graph, weights=weights, dtype="float32") for _ in "ab"]
    outcome = target.run(models[0], graph, inputs, training=True)
    found = target.gradients(models[1], graph, inputs, random_targets(graph, 3, whole=True))
    assert not found.nodes
    assert all(gradient.dtype == np.float32 for gradient in (*found.weights.values(), *found.inputs.values()))
    after = target.export_weights(models[1], graph)
    for name, array in outcome.statistics.items():
        assert np.array_equal(after[name], array)
        assert not np.array_equal(weights[name], array)
    for name, gradient in found.weights.items():
        assert np.array_equal(after[name], weights[name].astype(np.float32)), name
        assert gradient.any(), name


def test_what_the_loss_does_not_depend_on_has_zeros() -> None:
    graph, target = small(), backend("torch", TrainsModels)
    source = archspec.generate(graph, "torch").replace("return self.fc(x)", "return self.fc(x.detach())")
    assert "detach" in source
    model = target.build(source, graph, weights=random_weights(graph), dtype="float64")
    found = target.gradients(model, graph, random_inputs(graph, 3), random_targets(graph, 3, whole=True), nodes=True)
    for name, gradient in found.weights.items():
        assert gradient.any() == name.startswith("fc."), name
    assert not found.inputs["input"].any()
    assert [path for path, gradient in found.nodes.items() if gradient.any()] == ["fc"]


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_training_is_sgd_by_hand(momentum: float) -> None:
    """v = momentum * v + gradient + decay * weight; weight -= rate * v."""
    graph, target, rate = small(), backend("torch", TrainsModels), 0.1
    batches = [(random_inputs(graph, 4, seed), random_targets(graph, 4, whole=True)) for seed in range(4)]
    start = random_weights(graph)
    models = [target.build(archspec.generate(graph, "torch"), graph, weights=start, dtype="float64") for _ in "ab"]
    found = target.train(models[0], graph, batches, learning_rate=rate, momentum=momentum)
    velocity = {name: np.zeros(weight.shape) for name, weight in graph.all_weights.items() if weight.trainable}
    losses: list[float] = []
    for inputs, targets in batches:
        weights = dict(target.export_weights(models[1], graph))
        step = target.gradients(models[1], graph, inputs, targets)
        decays = {name: graph.all_weights[name].decay for name in velocity}
        losses.append(step.loss + sum(decay / 2 * (weights[name] ** 2).sum() for name, decay in decays.items()))
        weights = dict(target.export_weights(models[1], graph))
        for name in velocity:
            velocity[name] = momentum * velocity[name] + step.weights[name] + decays[name] * weights[name]
            weights[name] = weights[name] - rate * velocity[name]
        target.load_weights(models[1], graph, weights)
    assert np.allclose(found, losses, rtol=1e-12, atol=0)
    after, wanted = (target.export_weights(model, graph) for model in models)
    for name in wanted:
        assert np.allclose(after[name], wanted[name], rtol=1e-12, atol=1e-14), name
        assert not np.array_equal(after[name], start[name]), name
    assert len(set(decays.values())) == 3


def test_a_network_without_weights_is_trained_in_vain() -> None:
    graph, target = network("  - relu\n  - flatten"), backend("torch", TrainsModels)
    model = target.build(archspec.generate(graph, "torch"), graph, dtype="float64")
    batch = random_inputs(graph, 2), random_targets(graph, 2, whole=False)
    losses = target.train(model, graph, [batch, batch], learning_rate=0.1, momentum=0.9)
    values = evaluate(graph, {}, batch[0], training=True).values
    assert losses == pytest.approx([loss_of(values, graph, batch[1])] * 2, rel=1e-12)


def test_bfloat16() -> None:
    graph, target = small(), backend("torch", TrainsModels)
    model = target.build(archspec.generate(graph, "torch"), graph, dtype="bfloat16")
    found = target.gradients(model, graph, random_inputs(graph, 3), random_targets(graph, 3, whole=True), nodes=True)
    assert next(model.parameters()).dtype == torch.bfloat16
    assert found.nodes.keys() == graph.nodes.keys()


def test_nothing_is_dropped_and_modules_stay_in_their_mode() -> None:
    """Whatever rates a model has, its numbers are those of one without, also of the dropout's own nodes."""
    graph, target = archspec.compile(load_text(DROPPING)), backend("torch", TrainsModels)
    weights, inputs = random_weights(graph), random_inputs(graph, 4)
    batch = (inputs, {"output": np.arange(4) % 3})
    source = target.render(graph)
    assert source.count("batch_first=True") == 1
    source = source.replace("batch_first=True", "batch_first=True, dropout=0.5")

    def results(source: str) -> tuple[Arrays, list[float]]:
        model = target.build(source, graph, weights=weights, dtype="float64")
        outcome = target.run(model, graph, inputs, training=True, nodes=True)
        slopes = target.gradients(model, graph, *batch, nodes=True)
        losses = target.train(model, graph, [batch] * 2, learning_rate=0.1, momentum=0.9)
        assert all(module.training for module in model.modules())
        found = {**outcome.nodes, **outcome.statistics, **slopes.weights}
        return found | {f"gradient of {path}": array for path, array in slopes.nodes.items()}, [slopes.loss, *losses]

    found, losses = results(source)
    wanted, others = results(target.render(without_dropout(graph)))
    assert graph.nodes.keys() <= found.keys() == wanted.keys()
    assert losses == pytest.approx(others, rel=1e-12)
    largest = max(float(np.abs(array).max()) for array in wanted.values())
    for name, array in wanted.items():
        assert np.abs(found[name] - array).max() <= 1e-12 * largest, name
