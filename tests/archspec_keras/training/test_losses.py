"""The losses and what is counted in a batch, as programs have them, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archspec.ir.graph import LayerGraph
from archspec.recipe.losses import BinaryCrossEntropy, CrossEntropy, LossFunction, MeanSquaredError
from archspec.training.losses import LossPlan
from archspec.training.printing import part
from archspec_keras.training_program.losses import loss_source
from tests.archspec_keras.training.runs import planned
from tests.needed import lazily, needs

keras: Any = lazily("keras")
pytestmark = needs("keras")
Array = Any
PARTS = "archspec_keras.training_program.parts"
CLASSES = 10
MIXED = "{source: digits, validation: {share: 0.1}, prepare: [rescale: 1 / 16], augment: [mix: {mixup: 0.4}]}"


def _outputs(of: str = "logits", *places: int, count: int = CLASSES) -> tuple[Array, Array]:
    rng = np.random.default_rng(5)
    logits = rng.normal(size=(6, *places, count)).astype(np.float32) * 3
    classes = rng.integers(0, max(count, 2), size=(6, *places))
    if of == "logits":
        return logits, classes
    return np.exp(logits) / np.exp(logits).sum(-1, keepdims=True), classes


def _logs(outputs: Array, of: str) -> Array:
    if of == "probabilities":
        return np.log(np.clip(outputs.astype(np.float64), 1e-7, 1 - 1e-7))
    shifted = outputs.astype(np.float64) - outputs.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def _found(
    loss: LossFunction, targets: Array, outputs: Array, data: str | None = None, graph: LayerGraph | None = None
) -> float:
    """What the printed loss gives."""
    own, plan = planned(**({"data": data} if data else {}))
    graph = graph or own
    name = next(iter(graph.outputs))
    source = loss_source(LossPlan(name, graph.outputs[name], loss), plan, graph, "found")
    space: dict[str, Any] = {"keras": keras, "ops": keras.ops, "Any": Any}
    exec(f"from collections.abc import Callable\n{part(PARTS, 'mean_of')}\n{source.function}", space)
    value = eval(source.value, space)
    made = value if isinstance(value, keras.losses.Loss) else space["MeanOf"](value)
    return float(keras.ops.convert_to_numpy(made(targets, outputs)))


@pytest.mark.parametrize("of", ["logits", "probabilities"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy(of: str, smoothing: float) -> None:
    outputs, classes = _outputs(of)
    logs = _logs(outputs, of)
    shares = np.eye(CLASSES)[classes] * (1 - smoothing) + smoothing / CLASSES
    expected = -(shares * logs).sum(-1).mean()
    assert _found(CrossEntropy(of=of, label_smoothing=smoothing), classes, outputs) == pytest.approx(expected, rel=2e-6)
    mixed = (0.3 * np.eye(CLASSES)[classes] + 0.7 * np.eye(CLASSES)[np.roll(classes, 1)]).astype(np.float32)
    expected = -((mixed * (1 - smoothing) + smoothing / CLASSES) * logs).sum(-1).mean()
    loss = CrossEntropy(of=of, label_smoothing=smoothing)
    assert _found(loss, mixed, outputs, MIXED) == pytest.approx(expected, rel=2e-6)


def test_what_is_ignored_is_not_in_the_mean() -> None:
    outputs, classes = _outputs("logits", 3, 4)
    classes[0], classes[2, :2] = 255, 255
    chosen = np.take_along_axis(_logs(outputs, "logits"), np.where(classes == 255, 0, classes)[..., None], -1)[..., 0]
    expected = -chosen[classes != 255].mean()
    assert _found(CrossEntropy(ignore=255), classes, outputs) == pytest.approx(expected, rel=2e-6)


@pytest.mark.parametrize("of", ["logits", "probabilities"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_binary_cross_entropy(of: str, smoothing: float) -> None:
    outputs, classes = _outputs()
    yes = 1 / (1 + np.exp(-outputs.astype(np.float64)))
    given = outputs if of == "logits" else yes.astype(np.float32)
    answers = np.eye(CLASSES)[classes] * (1 - smoothing) + smoothing / 2
    expected = -(answers * np.log(yes) + (1 - answers) * np.log(1 - yes)).mean()
    loss = BinaryCrossEntropy(of=of, label_smoothing=smoothing)
    assert _found(loss, classes, given) == pytest.approx(expected, rel=1e-5)


def test_squared_errors_of_classes() -> None:
    outputs, classes = _outputs()
    expected = np.square(outputs - np.eye(CLASSES)[classes]).mean()
    assert _found(MeanSquaredError(), classes, outputs) == pytest.approx(expected, rel=2e-6)


def test_the_place_of_the_right_class_and_what_was_taken_for_what() -> None:
    space: dict[str, Any] = {"ops": keras.ops, "Any": Any}
    exec(f"{part(PARTS, 'ahead')}\n{part(PARTS, 'confusion')}", space)
    outputs, classes = _outputs("logits", 2)
    outputs[1], outputs[2, 0, :4] = 0.0, 7.0  # equal ones: the first counts
    found = keras.ops.convert_to_numpy(space["ahead_of"](classes.astype("int32"), outputs))
    order = np.argsort(-outputs, axis=-1, kind="stable")
    np.testing.assert_array_equal(found, np.argmax(order == classes[..., None], axis=-1))
    guesses = outputs.argmax(-1)
    counted = np.ones_like(classes)
    counted[0] = 0
    arrays = (each.astype("int32") for each in (classes, guesses, counted))
    matrix = keras.ops.convert_to_numpy(space["confusion"](*arrays, CLASSES))
    expected = np.zeros((CLASSES, CLASSES), int)
    np.add.at(expected, (classes[1:].ravel(), guesses[1:].ravel()), 1)
    np.testing.assert_array_equal(matrix, expected)
