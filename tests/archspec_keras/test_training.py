"""Gradients and training runs: against differences, PyTorch's own gradients and a loop written out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import archspec
from archspec.codegen.backend import Gradients, TrainsModels
from archspec.codegen.registry import backend
from archspec.ir.graph import LayerGraph
from archspec.parity.comparison import without_dropout
from archspec.spec import load_text
from tests.archspec_keras import learned
from tests.archspec_keras.arrays import Array, distance, inputs_for, weights_for
from tests.needed import lazily, needs
from tests.reference.evaluate import evaluate
from tests.reference.loss import loss_of
from tests.zoo import NETWORKS

keras: Any = lazily("keras")
pytestmark = needs("keras")
ROOT = Path(__file__).parents[2]
TIMES = ("before", "after")


def _loss(weights: dict[str, Array], inputs: dict[str, Array], targets: dict[str, Array]) -> float:
    """The loss in training mode by the evaluator, which knows nothing of frameworks."""
    graph = learned.network()
    values = evaluate(graph, weights, inputs, training=True).values
    logits = values["fc"] - values["fc"].max(axis=1, keepdims=True)
    chosen = logits[np.arange(len(logits)), targets["logits"]]
    entropy = np.log(np.exp(logits).sum(axis=1)) - chosen
    return float(entropy.mean() + np.square(values["sum"] - targets["image"]).mean())


def _gradients(nodes: bool = False) -> Gradients:
    inputs, targets = learned.batches()[0]
    return backend("keras", TrainsModels).gradients(learned.build(), learned.network(), inputs, targets, nodes=nodes)


def test_gradients_are_those_of_differences() -> None:
    graph, (inputs, targets) = learned.network(), learned.batches()[0]
    weights = weights_for(graph)
    found = _gradients()
    assert found.loss == pytest.approx(_loss(weights, inputs, targets), rel=1e-13)
    assert found.weights.keys() == {name for name, weight in graph.all_weights.items() if weight.trainable}
    assert found.inputs.keys() == inputs.keys()
    assert not found.nodes
    rng, step = np.random.default_rng(3), 1e-6
    for name, slope in (*found.weights.items(), *found.inputs.items()):
        given = weights if name in weights else inputs
        direction = rng.normal(size=given[name].shape)
        ends = []
        for sign in (1, -1):
            moved = {**given, name: given[name] + sign * step * direction}
            ends.append(_loss(*((moved, inputs) if name in weights else (weights, moved)), targets))
        wanted = (ends[0] - ends[1]) / (2 * step)
        assert (slope * direction).sum() == pytest.approx(wanted, rel=1e-6, abs=1e-8), name


def test_an_output_of_a_softmax_is_logits_as_any_other() -> None:
    graph = archspec.compile(load_text(NETWORKS["ends_in_softmax"]))
    weights, inputs, labels = weights_for(graph), inputs_for(graph), np.array([0, 2, 1, 3])
    target = backend("keras", TrainsModels)
    model = target.build(archspec.generate(graph, "keras"), graph, weights=weights, dtype="float64")
    found = target.gradients(model, graph, inputs, {"output": labels})
    values = evaluate(graph, weights, inputs, training=True).values
    assert found.loss == pytest.approx(loss_of(values, graph, {"output": labels}), rel=1e-13)


def test_gradients_of_nodes() -> None:
    found = _gradients(nodes=True)
    nodes = found.nodes
    assert nodes.keys() == learned.network().nodes.keys()
    np.testing.assert_array_equal(nodes["input"], found.inputs["input"])
    # A bias is added everywhere.
    assert distance(nodes["bn"].sum(axis=(0, 2, 3)), found.weights["bn.bias"]) < 1e-12
    assert distance(nodes["bn2"].sum(axis=(0, 2, 3)), found.weights["bn2.bias"]) < 1e-12
    assert distance(nodes["fc"].sum(axis=0), found.weights["fc.bias"]) < 1e-12
    # What changes nothing is a node of its own: the shortcut has the sum's gradient, what it starts from has more.
    np.testing.assert_array_equal(nodes["same"], nodes["add"])
    np.testing.assert_array_equal(nodes["tanh"], nodes["add"])
    assert distance(nodes["bn"], nodes["add"]) > 0.1
    assert _gradients().loss == found.loss


def test_statistics_are_updated_as_by_a_pass() -> None:
    graph, (inputs, targets) = learned.network(), learned.batches()[0]
    target, model = backend("keras", TrainsModels), learned.build()
    target.gradients(model, graph, inputs, targets)
    after = target.export_weights(model, graph)
    wanted = target.run(learned.build(), graph, inputs, training=True).statistics
    assert len(wanted) == 4
    for name, array in weights_for(graph).items():
        np.testing.assert_allclose(after[name], wanted.get(name, array), rtol=1e-14)


def test_there_are_zeros_where_no_gradient_comes() -> None:
    graph, (inputs, targets) = learned.network(), learned.batches()[0]
    target = backend("keras", TrainsModels)
    line = 'layers.Activation("tanh", name="tanh")('
    source = target.render(graph)
    assert source.count(line) == 1
    source = source.replace(line, "keras.ops.stop_gradient(")
    model = target.build(source, graph, weights=weights_for(graph), dtype="float64")
    found = target.gradients(model, graph, inputs, targets, nodes=True)
    for name in ("inner.weight", "bn2.weight", "bn2.bias"):
        assert found.weights[name].shape == graph.all_weights[name].shape
        assert not found.weights[name].any()
    assert found.weights["stem.weight"].any()
    assert "tanh" not in found.nodes
    assert found.nodes["bn2"].shape == found.nodes["add"].shape
    assert not found.nodes["bn2"].any()


def _own_gradients(graph: LayerGraph, weights: dict[str, Array], inputs: dict[str, Array]) -> dict[str, Array]:
    """PyTorch's own gradients of the squares of all outputs."""
    torch = pytest.importorskip("torch")
    model = archspec.build(graph, "torch", weights=weights, dtype="float64").train()
    given = [torch.from_numpy(inputs[path]).requires_grad_() for path in graph.inputs]
    result = model(*given)
    outputs = result.values() if isinstance(result, dict) else [result]
    names, parameters = zip(*model.named_parameters(), strict=True) if list(model.parameters()) else ((), ())
    loss = sum(output.square().mean() for output in outputs)
    found = torch.autograd.grad(loss, [*parameters, *given], allow_unused=True, materialize_grads=True)
    return {name: tensor.numpy() for name, tensor in zip([*names, *graph.inputs], found, strict=True)}


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_of_networks_of_all_kinds_are_those_of_pytorch(name: str) -> None:
    graph = without_dropout(archspec.compile(load_text(NETWORKS[name].replace(", dilation: [1, 2]}", "}"))))
    weights, inputs = weights_for(graph), inputs_for(graph)
    targets = {out: np.zeros((4, *graph.nodes[path].shape)) for out, path in graph.outputs.items()}
    target = backend("keras", TrainsModels)
    model = archspec.build(graph, "keras", weights=weights, dtype="float64")
    found = target.gradients(model, graph, inputs, targets, nodes=True)
    wanted = _own_gradients(graph, weights, inputs)
    assert found.nodes.keys() == graph.nodes.keys()
    both = {**found.weights, **found.inputs}
    assert both.keys() == wanted.keys()
    largest = max(float(np.abs(array).max()) for array in wanted.values())
    for what, array in wanted.items():
        assert both[what].shape == array.shape
        # A shift before a batch norm has none but rounding: hence the largest of all.
        assert np.abs(both[what] - array).max() < 1e-11 * largest, what


def _by_hand() -> tuple[list[float], dict[str, Array]]:
    """The same run, written out: the gradients and SGD as PyTorch documents it."""
    graph, target = learned.network(), backend("keras", TrainsModels)
    weights: dict[str, Array] = weights_for(graph)
    velocity: dict[str, Array] = {}
    losses = []
    for inputs, targets in learned.batches():
        model = learned.build(weights)
        found = target.gradients(model, graph, inputs, targets)
        decays = {name: graph.all_weights[name].decay for name in found.weights}
        losses.append(found.loss + sum(decay / 2 * np.square(weights[name]).sum() for name, decay in decays.items()))
        weights = dict(target.export_weights(model, graph))
        for name, slope in found.weights.items():
            whole = slope + decays[name] * weights[name]
            velocity[name] = learned.MOMENTUM * velocity.get(name, 0) + whole
            weights[name] = weights[name] - learned.RATE * velocity[name]
    return losses, weights


def test_training_is_sgd_with_momentum_and_weight_decay() -> None:
    graph, target = learned.network(), backend("keras", TrainsModels)
    model, settings = learned.build(), (keras.config.floatx(), keras.config.dtype_policy().name)
    losses = target.train(model, graph, learned.batches(), learning_rate=learned.RATE, momentum=learned.MOMENTUM)
    assert (keras.config.floatx(), keras.config.dtype_policy().name) == settings
    wanted, weights = _by_hand()
    np.testing.assert_allclose(losses, wanted, rtol=1e-13)
    found = target.export_weights(model, graph)
    assert found.keys() == weights.keys()
    for name, array in weights.items():
        assert distance(found[name], array) < 1e-13, name


def test_weight_decay_alone_shrinks_by_its_factor() -> None:
    text = """
archspec: 1
name: decays
input: {shape: [2]}
layers: [dense: {name: fc, units: 2, weight_decay: 0.3, bias_decay: 0.7}]
"""
    graph, target = archspec.compile(load_text(text)), backend("keras", TrainsModels)
    weights = {"fc.weight": np.array([[1.0, 2.0], [3.0, 4.0]]), "fc.bias": np.array([5.0, 6.0])}
    inputs = {"input": np.zeros((1, 2))}
    model = archspec.build(graph, "keras", weights=weights, dtype="float64")
    targets = {"output": weights["fc.bias"][None]}  # what it gives: the data's loss is 0, and so is its gradient
    [loss] = target.train(model, graph, [(inputs, targets)], learning_rate=0.1, momentum=0.0)
    assert loss == pytest.approx(0.3 / 2 * 30 + 0.7 / 2 * 61, rel=1e-15)
    found = target.export_weights(model, graph)
    np.testing.assert_allclose(found["fc.weight"], (1 - 0.1 * 0.3) * weights["fc.weight"], rtol=1e-15)
    np.testing.assert_allclose(found["fc.bias"], (1 - 0.1 * 0.7) * weights["fc.bias"], rtol=1e-15)


def test_a_network_without_weights_trains_nothing() -> None:
    graph, target = archspec.compile(load_text(NETWORKS["no_weights"])), backend("keras", TrainsModels)
    model, inputs = archspec.build(graph, "keras"), inputs_for(graph, dtype="float32")
    targets = {out: np.ones((4, *graph.nodes[path].shape), "float32") for out, path in graph.outputs.items()}
    losses = target.train(model, graph, [(inputs, targets)] * 2, learning_rate=0.1, momentum=0.9)
    assert losses[0] == losses[1] == pytest.approx(target.gradients(model, graph, inputs, targets).loss, rel=1e-6)


def test_what_a_softmax_gives_is_taken_as_it_is() -> None:
    """It is the logits of the loss, compiled or not. Keras's own cross-entropy would look for what went into it."""
    text = "archspec: 1\nname: ends\ninput: {shape: [6]}\nlayers: [dense: {name: fc, units: 4}, softmax]\n"
    graph, target = archspec.compile(load_text(text)), backend("keras", TrainsModels)
    weights, inputs = weights_for(graph), inputs_for(graph)
    targets = {"output": np.arange(4) % 3}
    logits = evaluate(graph, weights, inputs, training=True).values["softmax"]
    wanted = (np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(4), targets["output"]]).mean()
    model = archspec.build(graph, "keras", weights=weights, dtype="float64")
    found = target.gradients(model, graph, inputs, targets)
    assert found.loss == pytest.approx(wanted, rel=1e-13)
    [loss] = target.train(model, graph, [(inputs, targets)], learning_rate=0.5, momentum=0.0)
    assert loss == pytest.approx(wanted, rel=1e-13)
    for name, array in target.export_weights(model, graph).items():
        assert distance(array, weights[name] - 0.5 * found.weights[name]) < 1e-13, name


_DROPPING = """
archspec: 1
name: dropping
input: {channels: 8, height: 4, width: 4}
layers:
  - conv: {name: conv, filters: 8, kernel: 3, padding: 1}
  - add: [[], [relu, drop_path: {name: path, rate: 0.5}]]
  - to_tokens
  - attention: {name: attention, heads: 2}
  - dropout: {name: dropout, rate: 0.5}
  - flatten
  - dense: {name: fc, units: 3}
"""


def test_nothing_is_dropped_and_rates_stay() -> None:
    """Whatever rates a model has, its numbers are those of one without, also of the dropout's own nodes."""
    graph = archspec.compile(load_text(_DROPPING))
    target, weights, inputs = backend("keras", TrainsModels), weights_for(graph), inputs_for(graph)
    batch = (inputs, {"output": np.arange(4) % 3})
    source = target.render(graph)
    assert source.count("x.shape[-1] // 2,") == 1
    source = source.replace("x.shape[-1] // 2,", "x.shape[-1] // 2, dropout=0.5,")

    def results(source: str) -> tuple[dict[str, Array], list[float]]:
        model = target.build(source, graph, weights=weights, dtype="float64")
        before = [layer.get_config() for layer in model.layers]
        outcome = target.run(model, graph, inputs, training=True, nodes=True)
        slopes = target.gradients(model, graph, *batch, nodes=True)
        losses = target.train(model, graph, [batch] * 2, learning_rate=0.1, momentum=0.9)
        assert [layer.get_config() for layer in model.layers] == before
        found = {**outcome.nodes, **slopes.weights}
        return found | {f"gradient of {path}": array for path, array in slopes.nodes.items()}, [slopes.loss, *losses]

    found, losses = results(source)
    wanted, others = results(target.render(without_dropout(graph)))
    assert graph.nodes.keys() <= found.keys() == wanted.keys()
    assert losses == pytest.approx(others, rel=1e-12)
    largest = max(float(np.abs(array).max()) for array in wanted.values())
    for name, array in wanted.items():
        assert np.abs(found[name] - array).max() <= 1e-12 * largest, name


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["tensorflow", "jax", "torch"])
def test_engines_agree_in_float64(engine: str, tmp_path: Path) -> None:
    pytest.importorskip(engine)
    environment = {**os.environ, "KERAS_BACKEND": engine}
    file = tmp_path / "found.safetensors"
    command = [sys.executable, "-m", "tests.archspec_keras.learned", str(file)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    found = load_file(file)
    graph, (inputs, _) = learned.network(), learned.batches()[0]
    for training in (False, True):
        judged = evaluate(graph, weights_for(graph), inputs, training=training)
        for name, array in (judged.values | judged.statistics).items():
            assert distance(found[f"run/{training}/{name}"], array) < 1e-12, name
    # What float64 takes is for the process: float32 must not notice.
    before, after = ({key: found.pop(key) for key in list(found) if key.startswith(f"{when}/")} for when in TIMES)
    assert len(before) == len(after) > 10
    for one, other in zip(before.values(), after.values(), strict=True):
        assert one.dtype == np.float32
        np.testing.assert_array_equal(one, other)
    wanted = learned.results()
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        # A shift before a batch norm has no gradient but rounding.
        largest = max(float(np.abs(array).max()), 1e-3)
        assert found[name].dtype == array.dtype == np.float64
        assert np.abs(found[name] - array).max() <= 1e-12 * largest, name
