"""What programs of Keras's do in float64, step by step, against the recipe's meaning in NumPy."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from archspec.training.data.conversion import data_config
from archspec.training.data.parts.batches import Data
from archspec_keras import backend
from tests.archspec_keras.arrays import weights_for
from tests.archspec_keras.training import many
from tests.archspec_keras.training.cases import CASES, STEPS, Case, case
from tests.archspec_keras.training.runs import emitted, environment_of, history, planned
from tests.needed import needs
from tests.training.reference import NETWORK, Array, Trained, train

pytestmark = [needs("keras", "sklearn"), pytest.mark.slow]
WITHIN = 1e-9


def expected(case: Case) -> Trained:
    """What the reference gives, on the same batches from the same weights."""
    graph, plan = planned(NETWORK, **case.keys)
    config = data_config(plan)
    given = {each.name: getattr(config, each.name) for each in fields(config) if each.name != "source"}
    batches = Data(config.source, ".", **given).training
    steps = (batches.batch(step) for step in range(STEPS))
    return train(case.meaning, weights_for(graph), steps)


def written(folder: Path, case: Case) -> None:
    """Writes the program of a case, and what it is called with."""
    emitted(folder, *planned(NETWORK, **case.keys))
    arguments = ["--weights", str(folder / "initial.safetensors"), "--log-every", "1"]
    (folder / "arguments.txt").write_text("\n".join(arguments), encoding="utf-8")


def ran(folders: list[Path], engine: str) -> None:
    """Runs programs, one after the other in one process."""
    command = [sys.executable, many.__file__, *map(str, folders)]
    done = subprocess.run(command, env=environment_of(engine, {}), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def distance(folder: Path, case: Case) -> float:
    """The greatest difference of losses, rates, weights and averages from the reference's."""
    graph, _ = planned(NETWORK, **case.keys)
    wanted = expected(case)
    lines = [line for line in history(folder) if "loss" in line]
    assert [line["step"] for line in lines] == list(range(STEPS))
    found = [_apart(np.array([line["loss"] for line in lines]), np.array(wanted.losses))]
    found.append(_apart(np.array([line["rate"] for line in lines]), np.array(wanted.rates)))
    arrays = load_file(folder / "checkpoints" / "last.safetensors")
    sets = [(arrays, wanted.weights)]
    if case.meaning.ema is not None:
        average = {name.removeprefix("ema/"): array for name, array in arrays.items() if name.startswith("ema/")}
        sets.append((average, wanted.average))
    for given, right in sets:
        weights = backend.from_checkpoint(graph, given)
        assert weights.keys() == right.keys()
        found += [_apart(weights[name], right[name]) for name in right]
    return max(found)


def _apart(found: Array, right: Array) -> float:
    return float(np.max(np.abs(found - right)) / max(1.0, float(np.max(np.abs(right)))))


FAULTS = {
    "epsilon": (
        "adam-none-value-cosine-none",
        "optimizers.py",
        "ops.sqrt(square / correction) + epsilon",
        "ops.sqrt(square / correction + epsilon)",
    ),
    "decay": (
        "momentum-coupled-value-constant-later",
        "optimizers.py",
        "gradient = gradient + decay * ops.convert_to_tensor(variable)",
        "self.assign_sub(variable, learning_rate.value * decay * ops.convert_to_tensor(variable))",
    ),
    "nesterov": (
        "nesterov-none-value-steps-none",
        "optimizers.py",
        "(gradient + self.momentum * new)",
        "new",
    ),
    "velocity": (
        "momentum-none-norm-cosine-each",
        "optimizers.py",
        "        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * new)",
        "        new = ops.cast(learning_rate, variable.dtype) * gradient + old * self.momentum\n"
        "        self.assign(velocity, new)\n        self.assign_sub(variable, new)",
    ),
    "schedule": ("sgd-none-none-steps-none", "callbacks.py", "rate_of(self.step)", "rate_of(max(self.step - 1, 0))"),
    "batch": (
        "sgd-none-none-constant-none",
        "data.py",
        "divmod(step, len(self))",
        "divmod({100: 101, 101: 100}.get(step, step), len(self))",
    ),
    "average": ("sgd-none-none-constant-each", "callbacks.py", "self.average.move(self.model)", "self.average.values"),
}
"""Mistakes that programs have been known for: a case, and what stands in its program for what."""


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("faulty")
    for fault, (words, name, right, wrong) in FAULTS.items():
        written(path / fault, case(*words.split("-")))
        file = path / fault / name
        text = file.read_text(encoding="utf-8")
        assert right in text, fault
        text = text.replace(right, wrong).replace(
            "        new = ops.convert_to_tensor(velocity) *",
            "        old = ops.convert_to_tensor(velocity)\n        new = old *",
        )
        file.write_text(text, encoding="utf-8")
    ran([path / fault for fault in FAULTS], "jax")
    return path


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_seen(fault: str, faulty: Path) -> None:
    assert distance(faulty / fault, case(*FAULTS[fault][0].split("-"))) > 1e3 * WITHIN


@pytest.fixture(scope="module", params=["tensorflow", "jax"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp(request.param)
    for name, each in CASES.items():
        written(path / name, each)
    ran([path / name for name in CASES], request.param)
    return path


@pytest.mark.parametrize("name", CASES)
def test_training_is_what_the_recipe_means(name: str, folder: Path) -> None:
    assert distance(folder / name, CASES[name]) < WITHIN
