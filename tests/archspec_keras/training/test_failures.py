"""How a program of Keras's ends before its time."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from archspec.training.printing import part
from tests.archspec_keras.training.runs import emitted, history, planned, run
from tests.needed import lazily, needs

keras: Any = lazily("keras")
pytestmark = [needs("keras", "sklearn"), pytest.mark.slow]


def test_a_loss_that_is_not_finite_is_said_with_its_step_and_layer(tmp_path: Path) -> None:
    folder = emitted(tmp_path, *planned(optimizer="{sgd: {learning_rate: 1e15}}", precision="float32", steps="60"))
    done = run(folder, engine="jax")
    assert done.returncode == 1
    said = done.stderr.splitlines()[-1]
    assert re.fullmatch(r"step \d+: the loss is (nan|-?inf); .*(conv1|bn1|fc).*", said), said


def test_another_number_of_examples_is_refused(tmp_path: Path) -> None:
    folder = emitted(tmp_path, *planned())
    text = (folder / "data.py").read_text(encoding="utf-8")
    assert "share=0.1" in text
    (folder / "data.py").write_text(text.replace("share=0.1", "share=0.2"), encoding="utf-8")
    done = run(folder, engine="jax")
    assert done.returncode == 1
    assert "there are 1154 training examples, not 1298" in done.stderr.splitlines()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError("no more"), "memory ended: use a smaller `batch`, or `accumulate`"),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes"), "memory ended"),
        (ValueError("something else"), ""),
    ],
)
def test_errors_of_backends_are_explained(error: Exception, said: str) -> None:
    space: dict[str, Any] = {"Any": Any}
    text = part("archspec_keras.training_program.parts", "failures")
    exec(text[text.index("def explained") :], space)
    found = space["explained"](error)
    assert found.startswith(said)
    assert bool(found) == bool(said)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("{{function}} DataError: cat.png is damaged\nTraceback"), "cat.png is damaged"),
        (type("DataError", (ValueError,), {})("cat.png is damaged"), "cat.png is damaged"),
        (ValueError("something else"), ""),
    ],
)
def test_what_cannot_be_read_is_said(error: Exception, said: str) -> None:
    space: dict[str, Any] = {"Any": Any}
    text = part("archspec_keras.training_program.parts", "failures")
    exec(text[text.index("def unreadable") :], space)
    assert space["unreadable"](error) == said


def _planted(folder: Path, name: str, before: str, after: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert before in text
    (folder / name).write_text(text.replace(before, after), encoding="utf-8")


@pytest.mark.parametrize("engine", ["jax", "tensorflow"])
def test_a_batch_that_cannot_be_read_leaves_a_checkpoint_to_go_on_from(engine: str, tmp_path: Path) -> None:
    """An epoch has 41 steps. On TensorFlow the checkpoint is that of the epoch."""
    folder, whole = emitted(tmp_path / "one", *planned(steps="50")), emitted(tmp_path / "two", *planned(steps="50"))
    line = "        epoch, within_epoch = divmod(step, len(self))\n"
    fault = '        if step == 44 and self.shuffle:\n            raise DataError("cat.png: damaged")\n'
    _planted(folder, "data.py", line, fault + line)
    done = run(folder, engine=engine)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-2:] == ["step 44: cat.png: damaged", "set it right, and go on with --resume"]
    with safe_open(folder / "checkpoints" / "last.safetensors", framework="numpy") as file:
        assert json.loads(file.metadata()["state"])["step"] == (44 if engine == "jax" else 41)
    _planted(folder, "data.py", fault, "")
    assert run(folder, "--resume", engine=engine).returncode == 0
    assert run(whole, engine=engine).returncode == 0
    assert history(folder) == history(whole)
    first, second = (load_file(each / "checkpoints" / "last.safetensors") for each in (folder, whole))
    assert all(np.array_equal(first[name], second[name]) for name in second)


def test_a_validation_loss_that_is_not_finite_is_said_with_its_layer(tmp_path: Path) -> None:
    folder = emitted(tmp_path, *planned(steps="5"))
    fault = "    network.get_layer('bn1').moving_variance.assign([float('nan')] * 4)\n"
    line = "    evaluation = Evaluation(batches)\n"
    _planted(folder, "metrics.py", line, fault + line)
    done = run(folder, engine="jax")
    assert done.returncode == 1
    said = done.stderr.splitlines()[-1]
    assert re.fullmatch(r"the validation loss is nan, first in batch 0; .*bn1.*", said), said
