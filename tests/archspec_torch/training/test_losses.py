"""Losses and metrics of every kind against NumPy, over whole splits; outputs, maps, what is left out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.archspec_torch.training.run_folder import DATA, PLAIN, SMALL, Run, program

MAPS = """
archspec: 1
name: maps
input: {channels: 1, height: 4, width: 4}
layers:
  - conv: {name: conv1, filters: 4, kernel: 3, padding: 1}
  - relu
  - conv: {name: conv2, filters: 3, kernel: 1}
"""
ONE = PLAIN.replace("units: 3", "units: 1")
TWO = """
archspec: 1
name: two
input: {channels: 1, height: 4, width: 4}
layers:
  - conv: {name: conv1, filters: 4, kernel: 3}
  - relu
  - flatten
  - dense: {name: hidden, units: 5}
  - tap: middle
  - relu
  - dense: {name: fc, units: 3}
  - tap: main
  - {from: middle, layers: [dense: {name: side, units: 3}, tap: aux]}
  - {from: middle, layers: [dense: {name: idle, units: 3}, tap: unused]}
outputs: [main, aux, unused]
"""
COUNTS = {"train": 24, "validation": 10, "test": 10}


def softmax(scores: NDArray[Any]) -> NDArray[Any]:
    powers = np.exp(scores - scores.max(1, keepdims=True))
    found: NDArray[Any] = powers / powers.sum(1, keepdims=True)
    return found


def shares(classes: NDArray[Any], count: int = 3) -> NDArray[Any]:
    """The right classes as shares, classes second."""
    return np.moveaxis(np.eye(count)[classes], -1, 1)


def cross_entropy(
    scores: NDArray[Any], classes: NDArray[Any], smoothing: float = 0.0, ignore: int = -1, logits: bool = True
) -> float:
    known = classes != ignore
    right = shares(np.where(known, classes, 0)) * (1 - smoothing) + smoothing / 3
    logs = np.log(softmax(scores)) if logits else np.log(np.clip(scores, 1e-7, 1 - 1e-7))
    return float(-((right * logs).sum(1) * known).sum() / known.sum())


def binary(scores: NDArray[Any], right: NDArray[Any], smoothing: float = 0.0, logits: bool = True) -> float:
    right = right * (1 - smoothing) + smoothing / 2
    found = 1 / (1 + np.exp(-scores)) if logits else np.clip(scores, 1e-7, 1 - 1e-7)
    return float(-(right * np.log(found) + (1 - right) * np.log(1 - found)).mean())


def outputs(run: Run, split: str = "test") -> tuple[Any, NDArray[Any]]:
    """What the trained network gives for a split, and its targets."""
    weights = {name: array for name, array in run.checkpoint().items() if "/" not in name}
    with np.load(run.folder / f"{split}.npz") as file:
        images, targets = file["images"], file["labels"]
    namespace: dict[str, Any] = {"__name__": "model"}
    exec(compile((run.folder / "model.py").read_text(), "model.py", "exec"), namespace)
    network = namespace[run.graph.class_name]().double().eval()
    network.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()}, strict=False)
    with torch.no_grad():
        found = network(torch.from_numpy(images).double().permute(0, 3, 1, 2))
    if isinstance(found, dict):
        return {name: value.numpy() for name, value in found.items()}, targets
    return found.numpy(), targets


def measured(run: Run) -> dict[str, Any]:
    """What the program says of the test split."""
    run.here()
    return run.history()[-1]


def maps(split: str, seed: int) -> NDArray[Any]:
    return np.random.default_rng(seed).integers(0, 3, (COUNTS[split], 4, 4))


@pytest.mark.parametrize(
    ("loss", "end", "expected"),
    [
        ("cross_entropy", "", cross_entropy),
        ({"cross_entropy": {"label_smoothing": 0.2}}, "", lambda s, c: cross_entropy(s, c, 0.2)),
        ({"cross_entropy": {"ignore": 1}}, "", lambda s, c: cross_entropy(s, c, ignore=1)),
        (
            {"cross_entropy": {"ignore": 1, "label_smoothing": 0.2}},
            "",
            lambda s, c: cross_entropy(s, c, 0.2, ignore=1),
        ),
        ({"cross_entropy": {"of": "probabilities"}}, "softmax", lambda s, c: cross_entropy(s, c, logits=False)),
        (
            {"cross_entropy": {"of": "probabilities", "label_smoothing": 0.1, "ignore": 0, "weight": 2.0}},
            "softmax",
            lambda s, c: 2 * cross_entropy(s, c, 0.1, 0, logits=False),
        ),
        ("binary_cross_entropy", "", lambda s, c: binary(s, shares(c))),
        (
            {"binary_cross_entropy": {"of": "probabilities", "label_smoothing": 0.1, "weight": 0.5}},
            "sigmoid",
            lambda s, c: 0.5 * binary(s, shares(c), 0.1, logits=False),
        ),
        ("mean_squared_error", "", lambda s, c: float(((s - shares(c)) ** 2).mean())),
    ],
)
@pytest.mark.parametrize("spatial", [False, True])
def test_losses_of_classes(loss: Any, end: str, expected: Any, spatial: bool, tmp_path: Path) -> None:
    spec = MAPS if spatial else PLAIN
    targets = {split: maps(split, seed) for seed, split in enumerate(COUNTS)} if spatial else None
    facts = {"targets": "maps"} if spatial else {}
    run = program(
        tmp_path,
        {"loss": loss, "epochs": 2, "batch": 7},
        spec + (f"  - {end}\n" if end else ""),
        counts=COUNTS,
        targets=targets,
        facts=facts,
    )
    said = measured(run)
    assert said["test_loss"] == pytest.approx(expected(*outputs(run)), abs=1e-12)


def test_one_output_for_two_classes(tmp_path: Path) -> None:
    targets = {split: np.arange(count) % 2 for split, count in COUNTS.items()}
    recipe = {"loss": "binary_cross_entropy", "metrics": ["accuracy", "confusion"]}
    run = program(tmp_path, recipe, ONE, counts=COUNTS, targets=targets, facts={"classes": 2})
    said = measured(run)
    scores, classes = outputs(run)
    assert said["test_loss"] == pytest.approx(binary(scores, classes[:, None]), abs=1e-12)
    assert said["test_accuracy"] == ((scores[:, 0] > 0) == classes).mean()
    assert np.sum(said["test_confusion"]) == COUNTS["test"]


@pytest.mark.parametrize("shape", [(), (3,)])
def test_numbers(shape: tuple[int, ...], tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    targets = {split: random.normal(size=(count, *shape)).astype(np.float32) for split, count in COUNTS.items()}
    facts = {"targets": "numbers", "classes": None, "target_shape": shape}
    recipe = {"loss": "mean_squared_error", "metrics": None, "data": {**DATA, "source": "arrays"}}
    run = program(tmp_path, recipe, PLAIN if shape else ONE, counts=COUNTS, targets=targets, facts=facts)
    said = measured(run)
    found, right = outputs(run)
    assert said["test_loss"] == pytest.approx(((found - right.reshape(found.shape)) ** 2).mean(), abs=1e-12)
    assert run.here("--evaluate", run.folder / "checkpoints" / "last.safetensors").startswith("validation loss ")


def test_several_outputs_and_one_without_a_loss(tmp_path: Path) -> None:
    recipe = {
        "loss": None,
        "losses": {"main": "cross_entropy", "aux": {"cross_entropy": {"weight": 0.3, "label_smoothing": 0.1}}},
        "weight_decay": {"amount": 0.1, "coupled": True},
    }
    run = program(tmp_path, recipe, TWO, counts=COUNTS)
    said = measured(run)
    found, classes = outputs(run)
    expected = cross_entropy(found["main"], classes) + 0.3 * cross_entropy(found["aux"], classes, 0.1)
    assert said["test_loss"] == pytest.approx(expected, abs=1e-12)
    assert said["test_accuracy"] == (found["main"].argmax(1) == classes).mean()


def test_outputs_of_training_alone_are_trained_by_and_not_measured(tmp_path: Path) -> None:
    recipe = {
        "loss": None,
        "losses": {"aux": {"cross_entropy": {"weight": 0.3}}, "main": {"cross_entropy": {"label_smoothing": 0.1}}},
    }
    alone = TWO.replace("outputs: [main, aux, unused]", "outputs: [main]\ntraining_outputs: [aux, unused]")
    run = program(tmp_path / "alone", recipe, alone, counts=COUNTS)
    always = program(tmp_path / "always", recipe, TWO, counts=COUNTS)
    said = measured(run)
    found, classes = outputs(run)
    assert not isinstance(found, dict)
    assert said["test_loss"] == pytest.approx(cross_entropy(found, classes, 0.1), abs=1e-12)
    assert said["test_accuracy"] == (found.argmax(1) == classes).mean()
    measured(always)
    for name, array in always.checkpoint().items():  # the gradients are those of all losses
        np.testing.assert_array_equal(array, run.checkpoint()[name])


@pytest.mark.parametrize("spatial", [False, True])
@pytest.mark.parametrize("ignore", [None, 0])
def test_metrics(spatial: bool, ignore: int | None, tmp_path: Path) -> None:
    targets: Mapping[str, Any] | None = {split: maps(split, seed) for seed, split in enumerate(COUNTS)}
    recipe = {
        "loss": "cross_entropy" if ignore is None else {"cross_entropy": {"ignore": ignore}},
        "metrics": ["accuracy", {"top_k": 2}, "confusion", "mean_iou"],
        "batch": 7,
        "checkpoint": {"best": "validation_mean_iou"},
    }
    run = program(
        tmp_path,
        recipe,
        MAPS if spatial else SMALL,
        counts=COUNTS,
        targets=targets if spatial else None,
        facts={"targets": "maps"} if spatial else {},
    )
    said = measured(run)
    scores, classes = outputs(run)
    known = classes != (-1 if ignore is None else ignore)
    found = scores.argmax(1)
    assert said["test_accuracy"] == pytest.approx((found == classes)[known].mean(), abs=1e-15)
    right = np.take_along_axis(scores, classes[:, None], 1)
    assert said["test_top_2"] == pytest.approx(((scores > right).sum(1) < 2)[known].mean(), abs=1e-15)
    confusion = np.zeros((3, 3), int)
    np.add.at(confusion, (classes[known], found[known]), 1)
    assert said["test_confusion"] == confusion.tolist()
    both = np.diag(confusion)
    union = confusion.sum(0) + confusion.sum(1) - both
    assert said["test_mean_iou"] == pytest.approx((both[union > 0] / union[union > 0]).mean(), abs=1e-15)


def test_of_equal_outputs_the_first_is_the_larger() -> None:
    from archspec_torch.training_program.parts.among import among

    scores = torch.tensor([[1.0, 1.0, 1.0], [0.0, 2.0, 2.0]])
    for k, expected in ((1, [[1, 0, 0], [0, 1, 0]]), (2, [[1, 1, 0], [0, 1, 1]])):
        found = [[bool(among(scores[[n]], torch.tensor([c]), k)) for c in range(3)] for n in range(2)]
        assert found == np.array(expected, bool).tolist()
