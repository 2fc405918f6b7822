"""What programs of Keras's do in float64, step by step, against the recipe's meaning in NumPy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from archspec.training.data.conversion import data_config
from archspec.training.data.facts import open_data
from archspec_keras import backend
from tests.archspec_keras.arrays import weights_for
from tests.archspec_keras.training import many
from tests.archspec_keras.training.cases import CASES, STEPS, Case
from tests.archspec_keras.training.runs import emitted, environment_of, history, planned
from tests.needed import needs
from tests.training.reference import NETWORK, Array, Trained, train

pytestmark = [needs("keras", "sklearn"), pytest.mark.slow]
WITHIN = 1e-9


def expected(case: Case) -> Trained:
    """What the reference gives, on the same batches from the same weights."""
    graph, plan = planned(NETWORK, **case.keys)
    batches = open_data(data_config(plan)).training
    steps = (batches.batch(step) for step in range(STEPS))
    return train(case.meaning, weights_for(graph), steps)


def ran(folder: Path, names: list[str], engine: str) -> None:
    """Runs the programs of cases, one after the other in one process."""
    for name in names:
        emitted(folder / name, *planned(NETWORK, **CASES[name].keys))
        arguments = ["--weights", str(folder / name / "initial.safetensors"), "--log-every", "1"]
        (folder / name / "arguments.txt").write_text("\n".join(arguments), encoding="utf-8")
    folders = [str(folder / name) for name in names]
    command = [sys.executable, many.__file__, *folders]
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


@pytest.fixture(scope="module", params=["tensorflow", "jax"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp(request.param)
    ran(path, list(CASES), request.param)
    yield path


@pytest.mark.parametrize("name", CASES)
def test_training_is_what_the_recipe_means(name: str, folder: Path) -> None:
    assert distance(folder / name, CASES[name]) < WITHIN
