"""One step of gradient descent with each framework's own optimizer: what a decay means, and to which weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import BuildsModels, ExchangesWeights, RunsModels
from archspec.codegen.registry import backend
from archspec.parity import random_inputs, random_weights
from tests.needed import lazily, needs
from tests.regularization.specs import SPECS, compiled, graph_of

torch: Any = lazily("torch")
keras: Any = lazily("keras")
pytestmark = needs("torch", "keras")

RATE = 0.125
Array = np.ndarray[Any, Any]


def _model(graph: archspec.LayerGraph, name: str) -> Any:
    target = backend(name, BuildsModels)
    return target.build(archspec.generate(graph, name), graph, weights=random_weights(graph), dtype="float64")


def _factors(graph: archspec.LayerGraph) -> Array:
    """What the outputs are multiplied by to make a loss."""
    [path] = graph.outputs.values()
    return np.random.default_rng(5).normal(size=(3, *graph.nodes[path].shape))


def _by_torch(graph: archspec.LayerGraph) -> tuple[dict[str, Array], dict[str, Array]]:
    """The weights after one step, and the gradients of the loss alone."""
    model = _model(graph, "torch").train()
    optimizer = torch.optim.SGD(model.parameter_groups(), lr=RATE)
    [inputs] = random_inputs(graph, batch=3).values()
    (model(torch.from_numpy(inputs).double()) * torch.from_numpy(_factors(graph))).sum().backward()
    gradients = {name: tensor.grad.numpy().copy() for name, tensor in model.named_parameters()}
    optimizer.step()
    return dict(backend("torch", ExchangesWeights).export_weights(model, graph)), gradients


def _by_keras(graph: archspec.LayerGraph) -> dict[str, Array]:
    import tensorflow as tf

    model = _model(graph, "keras")
    [inputs] = random_inputs(graph, batch=3).values()
    factors = _factors(graph)
    if inputs.ndim == 4:
        inputs = inputs.transpose(0, 2, 3, 1)
    if factors.ndim == 4:
        factors = factors.transpose(0, 2, 3, 1)
    with tf.GradientTape() as tape:
        outputs = model(inputs.astype("float64"), training=True)
        loss = tf.reduce_sum(outputs * factors) + sum(model.losses)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer = keras.optimizers.SGD(RATE)
    optimizer.apply(gradients, model.trainable_variables)
    return dict(backend("keras", ExchangesWeights).export_weights(model, graph))


def _close(found: Array, wanted: Array, what: str, slack: Array | float = 0.0) -> None:
    assert np.all(np.abs(found - wanted) <= 1e-12 * max(np.abs(wanted).max(), 1.0) + slack), what


def _rounding(decay: float) -> float:
    """How far off a factor is that Keras makes float32 of on TensorFlow, whatever the weights are."""
    return abs(float(np.float32(decay / 2)) - decay / 2) * 2


@pytest.mark.parametrize("name", SPECS)
def test_a_step_of_each_framework_and_of_numpy(name: str) -> None:
    graph, before = compiled(name), random_weights(compiled(name))
    ours, gradients = _by_torch(graph)
    theirs = _by_keras(graph)
    for key, weight in graph.all_weights.items():
        if weight.trainable:
            _close(ours[key], before[key] - RATE * (gradients[key] + weight.decay * before[key]), key)
        _close(theirs[key], ours[key], key, RATE * _rounding(weight.decay) * np.abs(before[key]))


def test_a_step_worked_out_by_hand() -> None:
    """y = W x + b with the loss c y: the gradient of W is c x, that of b is c, and the decays come to that."""
    graph = graph_of("layers: [flatten, dense: {name: fc, units: 2, weight_decay: 0.5, bias_decay: 0.25}]\n")
    before = random_weights(graph)
    [inputs] = random_inputs(graph, batch=3).values()
    x, c = inputs.astype("float64").reshape(3, -1), _factors(graph)
    weight, bias = (before[f"fc.{name}"].astype("float64") for name in ("weight", "bias"))
    wanted = {
        "fc.weight": weight - RATE * (c.T @ x + 0.5 * weight),
        "fc.bias": bias - RATE * (c.sum(0) + 0.25 * bias),
    }
    for found in (_by_torch(graph)[0], _by_keras(graph)):
        for name, array in wanted.items():
            _close(found[name], array, name)


@pytest.mark.parametrize("name", SPECS)
def test_the_loss_that_keras_adds(name: str) -> None:
    graph, weights = compiled(name), random_weights(compiled(name))
    wanted = sum(
        float(np.float32(weight.decay / 2)) * (weights[key].astype("float64") ** 2).sum()
        for key, weight in graph.all_weights.items()
    )
    found = float(sum(_model(graph, "keras").losses))
    assert found == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("variance", ["biased", "unbiased"])
def test_a_batch_norm_that_is_passed_twice_can_be_trained(variance: str) -> None:
    """What autograd keeps of the first pass is not what the second one changes."""
    graph = graph_of(f"layers: [batch_norm: {{variance: {variance}}}]\n")
    model = _model(graph, "torch").train()
    [inputs] = random_inputs(graph, batch=3).values()
    images = torch.from_numpy(inputs).double()
    before = model.state_dict(keep_vars=True)["batch_norm.running_var"]
    (model(images) * model(images + 1)).sum().backward()
    assert model.state_dict(keep_vars=True)["batch_norm.running_var"] is before
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


def test_the_forward_pass_knows_nothing_of_it() -> None:
    with_decay = graph_of("layers: [conv: {name: c, filters: 4, kernel: 3, weight_decay: 5}]\n")
    without = graph_of("layers: [conv: {name: c, filters: 4, kernel: 3}]\n")
    for name in ("torch", "keras"):
        inputs = random_inputs(without, batch=3)
        first, second = (
            backend(name, RunsModels).run(_model(graph, name), graph, inputs, training=True).outputs["output"]
            for graph in (with_decay, without)
        )
        assert np.array_equal(first, second)
