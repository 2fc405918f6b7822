"""Two devices share each batch, and come to what one comes to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.archspec_keras.training import two_devices
from tests.archspec_keras.training.runs import emitted, environment_of, history, planned, run
from tests.needed import needs
from tests.training.reference import NETWORK

pytestmark = [needs("keras", "sklearn"), pytest.mark.slow]
KEYS = {
    "steps": "45",
    "batch": "30",
    "drop_last": "true",
    "sync_batch_norm": "true",
    "clip": "{norm: 0.3}",
    "weight_decay": "{amount: 0.01, coupled: true}",
    "optimizer": "{adam: {learning_rate: 0.01}}",
    "ema": "{decay: 0.9, every: 2}",
    "metrics": "[accuracy, top_k: 3, confusion]",
}


def _started(folder: Path, engine: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    if engine == "jax":
        return run(folder, *arguments, engine="jax", XLA_FLAGS="--xla_force_host_platform_device_count=2")
    command = [sys.executable, two_devices.__file__, str(folder), *arguments, "--device", "cpu:0,cpu:1"]
    environment = environment_of("tensorflow", {})
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def _apart(left: Any, right: Any) -> float:
    return float(np.max(np.abs(np.asarray(left, float) - np.asarray(right, float)), initial=0.0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = emitted(tmp_path_factory.mktemp("devices"), *planned(NETWORK, **KEYS))
    done = run(found, "--output", str(found / "one"), *_given(found), engine="jax")
    assert done.returncode == 0, done.stderr[-2000:]
    return found


def _given(folder: Path) -> tuple[str, ...]:
    return ("--weights", str(folder / "initial.safetensors"), "--log-every", "1")


@pytest.mark.parametrize("engine", ["jax", "tensorflow"])
def test_two_devices_are_one(engine: str, folder: Path) -> None:
    done = _started(folder, engine, "--output", str(folder / engine), *_given(folder))
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = history(folder / "one"), history(folder / engine)
    assert len(one) == len(two)
    for left, right in zip(one, two, strict=True):
        assert left.keys() == right.keys()
        assert max(_apart(left[key], right[key]) for key in left) < 1e-10, (left, right)
    left, right = (load_file(folder / name / "checkpoints" / "last.safetensors") for name in ("one", engine))
    names = {name for name in left if not name.startswith(("optimizer/", "random/"))}
    assert names == {name for name in right if not name.startswith(("optimizer/", "random/"))}
    assert max(_apart(left[name], right[name]) for name in names) < 1e-10


def test_a_batch_that_does_not_divide_among_devices_is_refused(tmp_path: Path) -> None:
    folder = emitted(tmp_path, *planned(NETWORK, **KEYS | {"batch": "31"}))
    done = _started(folder, "jax")
    assert done.returncode == 1
    assert "2 devices cannot share a batch of 31" in done.stderr


DROPS = """
import tensorflow as tf

processor = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
import keras
import devices

strategy = tf.distribute.MirroredStrategy(["cpu:0", "cpu:1"])
with strategy.scope():
    keras.utils.set_random_seed(0)
    layer = keras.layers.Dropout(0.5)
    layer.build((None, 64))
devices.drop_by_device(layer)
drop = tf.function(lambda: strategy.run(lambda: layer(tf.ones((1, 64)), training=True)))
for _ in range(2):
    for drawn in strategy.experimental_local_results(drop()):
        print("".join("1" if number else "0" for number in drawn.numpy()[0]))
"""


def test_devices_of_tensorflow_drop_each_their_own(tmp_path: Path) -> None:
    network = NETWORK.replace("  - flatten\n", "  - flatten\n  - dropout: {rate: 0.5}\n")
    folder = emitted(tmp_path, *planned(network, **KEYS))
    assert "drop_by_device(layer)" in (folder / "train.py").read_text(encoding="utf-8")
    environment = environment_of("tensorflow", {"PYTHONPATH": str(folder)})
    done = subprocess.run([sys.executable, "-c", DROPS], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    drawn = done.stdout.split()
    assert len(set(drawn)) == 4, drawn
