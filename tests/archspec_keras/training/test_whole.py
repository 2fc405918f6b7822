"""Programs of Keras's run whole: targets and outputs of every kind against PyTorch's program, and low precision."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import archspec_keras
import archspec_torch
from archspec.training.parts.records import read_history
from tests.archspec_keras.arrays import weights_for
from tests.archspec_keras.training import many
from tests.archspec_keras.training.runs import environment_of
from tests.archspec_torch.training.run_folder import DATA, PLAIN, SMALL, Run, program
from tests.archspec_torch.training.test_losses import COUNTS, MAPS, ONE, TWO, maps
from tests.needed import needs

pytestmark = [needs("keras", "torch"), pytest.mark.slow]
ENGINES = ("tensorflow", "jax", "torch")
WITHIN = 1e-9
MIXED = {**DATA, "augment": [{"mix": {"mixup": 0.3}}]}
NUMBERS = {"loss": "mean_squared_error", "metrics": None, "data": {**DATA, "source": "arrays"}}


def _numbers(*shape: int) -> dict[str, Any]:
    random = np.random.default_rng(3)
    return {split: random.normal(size=(count, *shape)).astype(np.float32) for split, count in COUNTS.items()}


@dataclass(frozen=True)
class Case:
    """A recipe, a network and what the data are."""

    recipe: Mapping[str, Any]
    spec: str = PLAIN
    targets: Mapping[str, Any] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


POOLED = PLAIN.replace("  - flatten\n", "  - global_avg_pool\n  - flatten\n")
"""It takes images of any size."""
_MAPS: dict[str, Any] = {
    "targets": {split: maps(split, seed) for seed, split in enumerate(COUNTS)},
    "facts": {"targets": "maps"},
}
_TWO_CLASSES: dict[str, Any] = {
    "targets": {split: np.arange(count) % 2 for split, count in COUNTS.items()},
    "facts": {"classes": 2},
}
_METRICS = ["accuracy", {"top_k": 2}, "confusion", "mean_iou"]
CASES: Mapping[str, Case] = {
    "several outputs": Case(
        {
            "loss": None,
            "losses": {"main": "cross_entropy", "aux": {"cross_entropy": {"weight": 0.3, "label_smoothing": 0.1}}},
            "metrics": _METRICS,
        },
        TWO,
    ),
    "several kinds of losses": Case(
        {"loss": None, "losses": {"main": "mean_squared_error", "aux": {"binary_cross_entropy": {"weight": 0.5}}}}, TWO
    ),
    "maps": Case({"batch": 7, "metrics": _METRICS}, MAPS, **_MAPS),
    "maps that are ignored": Case(
        {"loss": {"cross_entropy": {"ignore": 1, "label_smoothing": 0.1}}, "batch": 7, "metrics": _METRICS},
        MAPS,
        **_MAPS,
    ),
    "maps of probabilities": Case(
        {"loss": {"cross_entropy": {"of": "probabilities"}}}, f"{MAPS}  - softmax\n", **_MAPS
    ),
    "maps by squares": Case({"loss": "mean_squared_error"}, MAPS, **_MAPS),
    "a number": Case(NUMBERS, ONE, _numbers(), {"targets": "numbers", "classes": None, "target_shape": ()}),
    "numbers": Case(NUMBERS, PLAIN, _numbers(3), {"targets": "numbers", "classes": None, "target_shape": (3,)}),
    "two classes": Case({"loss": "binary_cross_entropy", "metrics": ["accuracy", "confusion"]}, ONE, **_TWO_CLASSES),
    "mixed": Case({"data": MIXED, "loss": {"cross_entropy": {"label_smoothing": 0.1}}}),
    "mixed and weighed": Case({"data": MIXED, "loss": {"binary_cross_entropy": {"weight": 0.5}}}),
    "other sizes in evaluation": Case({"data": {**DATA, "augment": [{"pad_crop": {"size": [3, 3]}}]}}, POOLED),
    "nothing but training": Case({"metrics": None, "data": {"source": {"arrays": {"classes": 3}}}}),
}
LOW: Mapping[str, Mapping[str, Any]] = {
    "bfloat16": {"precision": "bfloat16", "clip": {"norm": 1.0}, "ema": {"decay": 0.9}},
    "float16": {"precision": "float16", "optimizer": {"adam": {"learning_rate": 0.01}}},
    "float16 in all": {
        "precision": "float16",
        "optimizer": {"sgd": {"learning_rate": 0.05, "momentum": 0.9}},
        "clip": {"value": 0.5},
        "weight_decay": {"amount": 1e-3, "coupled": False},
        "loss": {"cross_entropy": {"label_smoothing": 0.1}},
        "checkpoint": {"best": "validation_loss"},
    },
}


def made(folder: Path, case: Case, target: Any) -> Run:
    """The program of a case, and the weights that it begins with."""
    run = program(folder, case.recipe, case.spec, counts=COUNTS, targets=case.targets, facts=case.facts, target=target)
    save_file(dict(target.to_checkpoint(run.graph, weights_for(run.graph))), folder / "initial.safetensors")
    arguments = ["--data", folder, "--weights", folder / "initial.safetensors", "--log-every", "1"]
    (folder / "arguments.txt").write_text("\n".join(map(str, arguments)), encoding="utf-8")
    return run


def ran(folders: list[Path], engine: str) -> None:
    """Runs programs of Keras's one after the other in one process."""
    command = [sys.executable, many.__file__, *map(str, folders)]
    done = subprocess.run(command, env=environment_of(engine, {}), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-3000:]


@pytest.fixture(scope="module")
def by_torch(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Run]:
    folder = tmp_path_factory.mktemp("torch")
    found = {name: made(folder / name.replace(" ", "_"), case, archspec_torch.backend) for name, case in CASES.items()}
    for run in found.values():
        run.here("--weights", run.folder / "initial.safetensors")
    return found


@pytest.fixture(scope="module", params=ENGINES)
def by_keras(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Run]:
    folder = tmp_path_factory.mktemp(request.param)
    found = {name: made(folder / name.replace(" ", "_"), case, archspec_keras.backend) for name, case in CASES.items()}
    ran([run.folder for run in found.values()], request.param)
    return found


@pytest.mark.parametrize("name", CASES)
def test_targets_and_outputs_of_every_kind(name: str, by_torch: Mapping[str, Run], by_keras: Mapping[str, Run]) -> None:
    mine, theirs = by_keras[name], by_torch[name]
    lines, others = mine.history(), theirs.history()
    assert len(lines) == len(others)
    for left, right in zip(lines, others, strict=True):
        assert left.keys() == right.keys()
        for key in left:
            np.testing.assert_allclose(left[key], right[key], rtol=0, atol=WITHIN, err_msg=key)
    weights = archspec_keras.backend.from_checkpoint(mine.graph, mine.checkpoint())
    for key, array in archspec_torch.backend.from_checkpoint(theirs.graph, theirs.checkpoint()).items():
        np.testing.assert_allclose(weights[key], array, rtol=0, atol=WITHIN, err_msg=key)


@pytest.mark.parametrize("engine", ENGINES)
def test_programs_in_low_precision_learn_and_keep_float32(engine: str, tmp_path: Path) -> None:
    """The same examples for 30 epochs; checkpoints have float32 whatever it is computed in."""
    runs = {
        name: made(tmp_path / name.replace(" ", "_"), Case({**recipe, "epochs": 30}, SMALL), archspec_keras.backend)
        for name, recipe in LOW.items()
    }
    ran([run.folder for run in runs.values()], engine)
    for name, run in runs.items():
        lines = [line for line in read_history(run.folder / "history.jsonl") if "train_loss" in line]
        assert lines[-1]["train_loss"] < 0.8 * lines[0]["train_loss"], name
        found = load_file(run.folder / "checkpoints" / "last.safetensors")
        dtypes = {array.dtype for key, array in found.items() if not key.startswith(("random/", "optimizer/"))}
        assert dtypes == {np.dtype("float32")}, name
