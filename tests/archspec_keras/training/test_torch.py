"""PyTorch's program and Keras's do the same in float64: losses, rates, metrics and weights over 200 steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import archspec_keras
import archspec_torch
from tests.archspec_keras.training.runs import emitted, history, planned, run
from tests.needed import needs
from tests.training.reference import NETWORK

pytestmark = [needs("keras", "torch", "sklearn"), pytest.mark.slow]
WITHIN = 1e-9
RECIPES: dict[str, dict[str, str]] = {
    "adam": {
        "optimizer": "{adam: {learning_rate: 0.01, epsilon: 1e-3, epsilon_added: before_correction}}",
        "weight_decay": "{amount: 0.01, coupled: true, exempt: [norms]}",
        "clip": "{norm: 0.5}",
    },
    "sgd": {
        "optimizer": "{sgd: {learning_rate: 0.05, momentum: 0.9, nesterov: true}}",
        "weight_decay": "{amount: 0.01, coupled: false}",
        "clip": "{value: 0.05}",
        "rates": "{fc1: 0.5}",
        "loss": "{cross_entropy: {label_smoothing: 0.1}}",
    },
}
COMMON = {
    "schedule": "{by: step, phases: [linear: {start: 0.1, length: 10}, steps: {at: [120], factor: 0.5}]}",
    "plateau": "{watch: validation_loss, factor: 0.5, patience: 0, threshold: 0.3}",
    "ema": "{decay: 0.9, every: 2, start: 1}",
    "metrics": "[accuracy, top_k: 3, confusion, mean_iou]",
    "checkpoint": "{best: validation_accuracy}",
}


def _apart(left: Any, right: Any) -> float:
    return float(np.max(np.abs(np.asarray(left, float) - np.asarray(right, float)), initial=0.0))


@pytest.mark.parametrize("name", RECIPES)
def test_two_frameworks_train_alike(name: str, tmp_path: Path) -> None:
    graph, plan = planned(NETWORK, **COMMON, **RECIPES[name])
    found = {}
    for target, engine in ((archspec_torch.backend, "torch"), (archspec_keras.backend, "jax")):
        folder = emitted(tmp_path / target.name, graph, plan, target)
        given = ("--weights", str(folder / "initial.safetensors"), "--log-every", "1")
        done = run(folder, *given, engine=engine)
        assert done.returncode == 0, done.stderr[-2000:]
        arrays = [load_file(folder / "checkpoints" / f"{each}.safetensors") for each in ("last", "best")]
        found[target.name] = (history(folder), [target.from_checkpoint(graph, each) for each in arrays])
    (lines, weights), (others, other_weights) = found["torch"], found["keras"]
    assert len([line for line in lines if "loss" in line]) == 200
    assert len({line["rate"] for line in lines if "train_loss" in line}) > 2, "the plateau did not act"
    for left, right in zip(lines, others, strict=True):
        assert left.keys() == right.keys()
        assert max(_apart(left[key], right[key]) for key in left) < WITHIN, (left, right)
    for mine, theirs in zip(weights, other_weights, strict=True):
        assert mine.keys() == theirs.keys()
        assert max(_apart(mine[key], theirs[key]) for key in mine) < WITHIN
